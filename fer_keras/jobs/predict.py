"""Tell the expression of faces.

    python scripts/predict.py face.png more_faces/ archive.zip
    python scripts/predict.py separable-25k test.csv --csv --course > answers.csv

Half a second for a few faces with an exported model, else several while TensorFlow starts. `-` reads one image from
standard input. A picture is taken as one tightly cropped face; scripts/photo.py looks for faces in photos. What cannot
be read is reported and left out, and the status is 1 then.
"""

import argparse
import sys
from pathlib import Path
from typing import get_args

from fer_keras import DEFAULT_MODEL, cli
from fer_keras.errors import FerKerasError
from fer_keras.files import CALIBRATION_FILE
from fer_keras.predict import Runtime


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "words",
        nargs="+",
        metavar="[MODEL] PICTURE",
        help="the name of a saved model, a folder that holds model.keras, a .keras, .tflite or .onnx file"
        f" (default {DEFAULT_MODEL}); then files, folders, zips, CSVs of faces, or -",
    )
    parser.add_argument("--runtime", choices=get_args(Runtime), default="auto", help="default %(default)s")
    parser.add_argument(
        "--classes", type=cli.class_names, metavar="A,B,C", help="of the model, in order; default: those its file names"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--csv", action="store_true", help="print CSV")
    parser.add_argument("--course", action="store_true", help="with --csv: the course's columns id,label")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the faces with the answers, as .png or .svg")
    return parser


def main() -> int:
    """Parse, classify, print; return 1 if a picture could not be read."""
    args = parser().parse_args()
    if args.course and not args.csv:
        raise FerKerasError("--course is a form of --csv, expected both")

    from fer_keras.jobs import predict_files

    if args.plot:
        from fer_keras.evaluation.plots import require_figure, save_figure

        require_figure(args.plot)
    model, pictures = predict_files.model_and_pictures(args.words)
    classifier = predict_files.load_quietly(model, args.runtime, args.classes)
    answers, unreadable = predict_files.classify_pictures(classifier, predict_files.find_pictures(pictures))
    notes = [f"error: {error}" for _, error in unreadable]
    if answers and not classifier.calibrated and not args.course:
        notes.append(f"note: {classifier.file} has no {CALIBRATION_FILE}: no confidence is calibrated")
    print(*notes, sep="\n", end="\n" * bool(notes), file=sys.stderr, flush=True)
    if args.json:
        print(predict_files.predictions_of(answers).to_json())
    elif args.csv:
        rows = predict_files.predictions_of(answers, classifier.classes)
        print(predict_files.as_course_csv(answers) if args.course else rows.to_csv(), end="")
    elif answers:
        print(predict_files.as_table(answers))
    if args.plot:
        figure, note = predict_files.contact_sheet(answers)
        save_figure(figure, args.plot, colours=None)
        if note:
            print(f"note: {args.plot}: {note}", file=sys.stderr)
    return 1 if unreadable else 0
