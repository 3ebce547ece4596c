"""Score saved models on every labelled test split, and where there are several also their ensemble.

    python scripts/evaluate.py runs/student --data fer2013.zip --out reports/student
    python scripts/evaluate.py saved_models/separable-93k --data fer2013.zip --card

Seconds for a student on 2 cores, a minute for a large teacher. Without --data it scores drawn faces. Validation is
scored where all of the models were trained here and set aside the same images. The targets are those that the first
model learned; --targets majority scores FER+'s votes by their majority, as papers do.
"""

import argparse
from pathlib import Path

from fer_keras import cli
from fer_keras.data.dataset import SPLITS
from fer_keras.errors import FerKerasError


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="+", help="a .keras file, its folder, or the name of a saved model")
    cli.add_data_options(parser)
    cli.add_target_options(parser)
    cli.add_unlabelled_option(parser)
    parser.add_argument("--splits", nargs="+", choices=SPLITS, help="which to score; default all but train")
    parser.add_argument("--out", type=Path, help="write report.md, figures and evaluation.json to this folder")
    parser.add_argument("--json", type=Path, help="write the scores to this file as JSON")
    parser.add_argument(
        "--faces",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="show the most confident mistakes in the report; FER2013's faces may not be passed on",
    )
    parser.add_argument(
        "--card", action="store_true", help="make the cards of shipped models or ensembles again, and the table of all"
    )
    parser.add_argument(
        "--answers", type=Path, nargs="?", const=Path(), metavar="CSV",
        help="instead say what is answered on the labels of PublicTest, on FER+'s votes on it, and on drawn posed"
        " faces; with the name of a file, also write it there",
    )  # fmt: skip
    return parser


def main() -> None:
    """Load, score, print a table, write what was asked for."""
    args = parser().parse_args()
    for option, wanted in (("--card", args.card), ("--answers", args.answers is not None)):
        if wanted and (args.splits or args.out or args.json):
            raise FerKerasError(f"{option} scores what it always does; it goes without --splits, --out and --json")
    cli.set_up(args)
    if args.card:
        _make_cards(args)
    elif args.answers is not None:
        _compare_answers(args)
    else:
        _score(args)


def _make_cards(args: argparse.Namespace) -> None:
    from fer_keras.cards.model_card import find_card
    from fer_keras.jobs.shipping import remake_card

    folders = [find_card(name) for name in args.model]
    data = cli.with_unlabelled(args, cli.load_data(args))
    for folder in folders:
        print(f"card: {remake_card(folder, data)}")


def _score(args: argparse.Namespace) -> None:
    from fer_keras.evaluation import evaluate, report, results, tables
    from fer_keras.files import write_json
    from fer_keras.jobs.own_data import with_own_validation
    from fer_keras.jobs.recipes import data_of
    from fer_keras.training.data import with_targets

    files = _files(args)
    options = cli.options_of(args, data_of(files[0]))
    data = with_own_validation(files, cli.with_unlabelled(args, cli.load_data(args)))
    splits = args.splits or evaluate.REPORTED_SPLITS
    heads = evaluate.evaluate_files(files, with_targets(data, options), splits=splits)
    for head, rows in heads.items():
        for name, evaluation in rows:
            of_head = f"{name} ({head})" if head else name
            print(f"{of_head}\n{tables.score_table(evaluation)}\n{tables.size_line(evaluation)}")
    if args.json:
        scores = {head: report.scores_of(rows) for head, rows in heads.items()}
        write_json(args.json, scores.get("", scores))
        print(f"scores: {args.json}")
    if args.out:
        history = results.read_history(files[0].parent) if len(files) == 1 else None
        origin = report.Origin(history, command=cli.command_line())
        for head, rows in heads.items():  # of several each in a folder of its own
            path = report.write_report(args.out / head, rows[0][0], rows, origin, faces=args.faces)
            print(f"report: {path}")


def _compare_answers(args: argparse.Namespace) -> None:
    """Print and write how often each model answers `neutral`, and its recall of all classes, on several sets."""
    import pandas as pd

    from fer_keras.data.votes_files import FERPLUS_VOTES, find_or_read
    from fer_keras.evaluation import answers, evaluate
    from fer_keras.files import write_text
    from fer_keras.models.load import model_name

    files, rows, data = _files(args), [], cli.load_data(args)
    votes = find_or_read(FERPLUS_VOTES, data)
    for file in files:
        label_set = evaluate.label_set_or_note(file) or data.label_set
        scores = answers.compare_answers(evaluate.load_model(file), label_set, data, votes)
        rows.append(answers.answer_rows(model_name(file), scores, label_set.classes))
        print(answers.answers_table(rows[-1]))
    if args.answers.name:
        write_text(args.answers, pd.concat(rows).to_csv(index=False))
        print(f"answers: {args.answers}")


def _files(args: argparse.Namespace) -> list[Path]:
    """The models' files."""
    from fer_keras.models.load import model_file
    from fer_keras.predict import find_model

    return [model_file(find_model(name)) for name in args.model]
