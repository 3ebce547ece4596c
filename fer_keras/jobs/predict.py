"""Tell the expression of faces.

    python scripts/predict.py separable-93k face.png more_faces/ archive.zip
    python scripts/predict.py separable-93k test.csv --csv --course > answers.csv

A second for a few faces with an exported model and ai-edge-litert (pip install '.[litert]'), else several while
TensorFlow starts. `-` reads one image from standard input. A picture is taken as one tightly cropped face; with
--photo faces are looked for in it (pip install '.[photo]'). What cannot be read is reported and left out, and the
status is 1 then.
"""

import argparse
import sys
from pathlib import Path

from fer_keras import cli, load
from fer_keras.errors import FerKerasError
from fer_keras.files import CALIBRATION_FILE


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="the name of a saved model, a folder that holds model.keras, a .keras or .tflite")
    parser.add_argument("image", nargs="+", help="files, folders, zips, CSVs of faces, or -")
    parser.add_argument("--runtime", choices=("auto", "litert", "keras"), default="auto", help="default %(default)s")
    parser.add_argument(
        "--classes", type=cli.class_names, metavar="A,B,C", help="of the model, in order; default: those its file names"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--csv", action="store_true", help="print CSV")
    parser.add_argument("--course", action="store_true", help="with --csv: the course's columns id,label")
    parser.add_argument("--photo", action="store_true", help="look for faces in each picture")
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="draw the faces, or the photo, with the answers, as .png or .svg"
    )
    return parser


def main() -> int:
    """Parse, classify, print; return 1 if a picture could not be read."""
    args = parser().parse_args()
    if args.course and not args.csv:
        raise FerKerasError("--course is a form of --csv, expected both")
    if args.course and args.photo:
        raise FerKerasError("--course has one label a picture, expected no --photo, which finds several faces in it")

    from fer_keras.jobs import predict_files

    if args.plot:
        from fer_keras.evaluation.plots import require_figure, save_figure

        require_figure(args.plot)
    with cli.quiet_stderr():  # LiteRT tells there which kernels it takes
        classifier = load(args.model, args.runtime, args.classes)
    if args.photo:
        from fer_keras.faces.photo import MAX_PHOTO_BYTES
        from fer_keras.jobs import photo

        pictures = predict_files.find_pictures(args.image, MAX_PHOTO_BYTES)
        answers, unreadable, photos = photo.classify_photos(classifier, pictures)
    else:
        answers, unreadable = predict_files.classify_pictures(classifier, predict_files.find_pictures(args.image))
    if classifier.classes_note:
        print(f"note: {classifier.classes_note}", file=sys.stderr)
    for _, error in unreadable:
        print(f"error: {error}", file=sys.stderr)
    if answers and not classifier.calibrated and not args.course:
        print(f"note: {classifier.file} has no {CALIBRATION_FILE}: no confidence is calibrated", file=sys.stderr)
    if args.json:
        print(predict_files.as_json(answers))
    elif args.csv:
        print(predict_files.as_csv(answers, course=args.course, classes=classifier.classes))
    elif answers:
        print(predict_files.as_table(answers))
    if args.plot:
        figure, note = photo.annotated(photos, answers) if args.photo else predict_files.contact_sheet(answers)
        save_figure(figure, args.plot, colours=None)
        if note:
            print(f"note: {args.plot}: {note}", file=sys.stderr)
    return 1 if unreadable else 0
