"""Ask a TF Serving for the expression of faces, by gRPC.

    python scripts/client.py separable-93k face.png more_faces/ --server localhost:8500

Pictures go as they are; the served model decodes, greys and scales them. Seconds, most of them TensorFlow's start.
Needs pip install '.[serving]' and a server; the README says how to start one.
"""

import argparse
import json
import sys

from fer_keras import cli


def main() -> int:
    """Parse, read, ask, print; return 1 if a picture could not be read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="the model's name on the server")
    parser.add_argument("image", nargs="+", help="files, folders, zips, or -")
    parser.add_argument("--server", default="localhost:8500", help="host:port of gRPC; default %(default)s")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds to wait; default %(default)s")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args()
    cli.set_up(args)

    from fer_keras.predict_files import encoded_pictures
    from fer_keras.serving import classify

    names, pictures, unreadable = encoded_pictures(args.image)
    for _, error in unreadable:
        print(f"error: {error}", file=sys.stderr)
    if pictures:
        told = classify(args.server, args.model, pictures, timeout=args.timeout)
        rows = zip(names, told["class_name"].tolist(), told["probabilities"].max(axis=1).tolist(), strict=True)
        answers = [{"image": name, "label": label, "probability": round(value, 6)} for name, label, value in rows]
        print(
            json.dumps(answers, indent=2) if args.json else "\n".join("  ".join(map(str, a.values())) for a in answers)
        )
    return 1 if unreadable else 0


if __name__ == "__main__":
    cli.run(main)
