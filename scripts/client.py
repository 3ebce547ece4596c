"""Ask a TF Serving for the expression of faces, by gRPC.

    python scripts/client.py separable-93k face.png more_faces/ --server localhost:8500

Pictures go as they are, 64 a request; the served model decodes, greys and scales them. What cannot be read is reported
and left out, and the status is 1 then. Seconds, most of them TensorFlow's start.
Needs pip install '.[serving]' and a server; the README says how to start one.
"""

import argparse
import json
import sys

from fer_keras import cli
from fer_keras.errors import FerKerasError


def main() -> int:
    """Parse, read, ask, print; return 1 if a picture could not be read, here or by the server."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="the model's name on the server")
    parser.add_argument("image", nargs="+", help="files, folders, zips, or -")
    parser.add_argument("--server", default="localhost:8500", help="host:port of gRPC; default %(default)s")
    parser.add_argument(
        "--timeout", type=float, default=10.0, help="seconds to wait for each request; default %(default)s"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args()
    cli.set_up(args)

    from fer_keras.predict_files import encoded_pictures
    from fer_keras.serving import classify

    names, pictures, unreadable = encoded_pictures(args.image)
    for _, error in unreadable:
        print(f"error: {error}", file=sys.stderr)
    told = classify(args.server, args.model, names, pictures, timeout=args.timeout)
    answers = []
    for name, row in zip(names, told, strict=True):
        if isinstance(row, FerKerasError):
            print(f"error: {row}", file=sys.stderr)
            continue
        probability = round(float(row["probabilities"].max()), 6)
        answers.append({"image": name, "label": str(row["class_name"]), "probability": probability})
    if args.json:
        print(json.dumps(answers, indent=2))
    elif answers:
        print("\n".join("  ".join(map(str, answer.values())) for answer in answers))
    return 0 if len(answers) == len(names) + len(unreadable) else 1


if __name__ == "__main__":
    cli.run(main)
