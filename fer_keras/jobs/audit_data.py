"""Print what is wrong with a data set: constant images, exact copies, leaks, label conflicts.

    python scripts/audit_data.py fer2013.zip --json audit.json

Takes about 5 seconds for FER2013, 1 second once the cache holds it. `kaggle` as the path downloads FER2013.
"""

import argparse

from fer_keras import cli
from fer_keras.files import write_json


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", help="a zip, a folder, a CSV, or 'kaggle'")
    parser.add_argument("--resize", action="store_true", help="accept images that are not 48x48")
    parser.add_argument("--classes", type=cli.class_names, metavar="A,B,C", help="the names of the classes, in order")
    parser.add_argument("--json", metavar="FILE", help="also write the report to FILE")
    return parser


def main() -> None:
    """Parse, audit, print."""
    args = parser().parse_args()

    from fer_keras.data import load_faces
    from fer_keras.data.audit import audit
    from fer_keras.data.kaggle import resolve_data

    report = audit(load_faces(resolve_data(args.data), resize=args.resize, classes=args.classes))
    print(report.to_text())
    if args.json:
        write_json(args.json, report.to_dict())
