"""Score a saved model on every labelled test split.

    python scripts/evaluate.py runs/student --data fer2013.zip --out reports/student

Seconds for a student on 2 cores, a minute for a large teacher. Without --data it scores drawn faces.
"""

import argparse
import shlex
import sys
from pathlib import Path

from fer_keras import cli
from fer_keras.data.dataset import SPLITS


def main() -> None:
    """Load, score, print a table, write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a .keras file, or a folder that holds model.keras")
    cli.add_data_options(parser)
    parser.add_argument("--splits", nargs="+", choices=SPLITS, help="which to score; default all but train")
    parser.add_argument("--out", type=Path, help="write report.md, figures and evaluation.json to this folder")
    parser.add_argument("--json", type=Path, help="write the scores to this file as JSON")
    parser.add_argument(
        "--faces",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="show the most confident mistakes in the report; FER2013's faces may not be passed on",
    )
    args = parser.parse_args()
    cli.set_up(args)

    from fer_keras.evaluation import evaluate, report, tables
    from fer_keras.files import MODEL_FILE, write_json

    file = evaluate.model_file(args.model)
    model = evaluate.load_model(file)
    splits = args.splits or evaluate.REPORTED_SPLITS
    evaluation = evaluate.evaluate(model, cli.load_data(args), splits=splits, file=file)
    print(f"{tables.score_table(evaluation)}\n{tables.size_line(evaluation)}")
    name = file.parent.name if file.name == MODEL_FILE else file.stem
    if args.json:
        write_json(args.json, {"name": name, **evaluation.to_dict()})
        print(f"scores: {args.json}")
    if args.out:
        command = shlex.join(["python", *sys.argv])
        history = report.read_history(file.parent)
        path = report.write_report(
            args.out, name, [(name, evaluation)], history=history, command=command, faces=args.faces
        )
        print(f"report: {path}")


if __name__ == "__main__":
    cli.run(main)
