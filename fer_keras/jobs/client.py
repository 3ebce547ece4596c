"""Ask a TF Serving for the expression of faces, by gRPC.

    python scripts/client.py separable-93k face.png more_faces/ --server localhost:8500

Pictures go as they are, at most 64 or some 8 MiB a request; the served model decodes, greys and scales them. What
cannot be read is reported and left out, and the status is 1 then. Seconds, most of them TensorFlow's start.
Needs pip install 'fer_keras[serving]' and a server; the README says how to start one.
"""

import argparse
import json
import sys
from collections.abc import Iterator

from fer_keras import cli
from fer_keras.config import require
from fer_keras.errors import FerKerasError


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="the model's name on the server")
    parser.add_argument("image", nargs="+", help="files, folders, zips, or -")
    parser.add_argument("--server", default="localhost:8500", help="host:port of gRPC; default %(default)s")
    parser.add_argument(
        "--timeout",
        type=float,
        default=10.0,
        help="seconds to wait for each request, at most a day; default %(default)s",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def main() -> int:
    """Parse, read, ask, print; return 1 if a picture could not be read, here or by the server."""
    args = parser().parse_args()
    require("--timeout", args.timeout, 0.001, 86_400)
    for option, word in (("the model's name", args.model), ("--server", args.server)):
        if not (word and word.isprintable()):  # bytes that are no text are not printable
            raise FerKerasError(f"{option} {word!r}: expected a name of letters, not empty")
    cli.set_up(args)

    from fer_keras.export.serving import classify
    from fer_keras.jobs.predict_files import encoded_pictures

    failed = 0

    def fails(error: FerKerasError) -> None:
        nonlocal failed
        failed += 1
        print(f"error: {error}", file=sys.stderr)

    def readable() -> Iterator[tuple[str, bytes]]:
        for name, content in encoded_pictures(args.image):
            if isinstance(content, FerKerasError):
                fails(content)
            else:
                yield name, content

    answers = []
    try:
        for name, row in classify(args.server, args.model, readable(), timeout=args.timeout):
            if isinstance(row, FerKerasError):
                fails(row)
                continue
            probability = round(float(row["probabilities"].max()), 6)
            answers.append({"image": name, "label": str(row["class_name"]), "probability": probability})
            if not args.json:
                print("  ".join(map(str, answers[-1].values())))
    finally:  # also those before a request that failed
        if args.json:
            print(json.dumps(answers, indent=2))
    return 1 if failed else 0
