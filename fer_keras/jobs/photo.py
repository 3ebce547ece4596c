"""Find the faces in photos and tell their expressions.

    python scripts/photo.py holiday.jpg --plot annotated.png
    python scripts/photo.py separable-25k photos/ --csv rows.csv --resume

Finding faces in a photo of 1280x886 takes about 25 ms on one core (docs/speed.md). A line for each face, from left to
right, with the box of its crop in pixels of the photo, turned upright as its EXIF asks. --csv writes to a file while
the photos are read: on all cores, in memory that does not grow, and after a stop or a kill the same command with
--resume goes on where it was. A photo that cannot be read is reported and left out, and the status is 1 then.
"""

import argparse
import json
import os
from contextlib import ExitStack
from pathlib import Path

from PIL import Image

from fer_keras import DEFAULT_MODEL
from fer_keras.config import require
from fer_keras.data.pictures import count_pictures, find_pictures
from fer_keras.errors import FerKerasError
from fer_keras.faces.detector import MIN_SCORE
from fer_keras.faces.drawing import Mark, draw_marks, montage, require_picture_name, save_picture
from fer_keras.faces.photo import MAX_PHOTO_BYTES
from fer_keras.jobs.eta import Progress
from fer_keras.jobs.photo_rows import PhotoAnswers, PhotoReader, RowsFile, answered
from fer_keras.jobs.predict_files import load_quietly, model_and_pictures

MOST_SHOWN = 16
_SHOWN_SIDE = 1600
_COLUMNS = 4


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "words",
        nargs="+",
        metavar="[MODEL] PHOTO",
        help=f"the name or the path of a model (default {DEFAULT_MODEL}); then files, folders, zips, or -",
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the rows to it instead of printing lines")
    parser.add_argument("--resume", action="store_true", help="with --csv: go on with the file that is there")
    parser.add_argument("--json", action="store_true", help="print a line of JSON for each face")
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help=f"draw the answers into the first {MOST_SHOWN} photos with a face"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="threads; default one for each core")
    parser.add_argument(
        "--min-score",
        type=float,
        default=MIN_SCORE,
        help="what the detector is less sure of is no face; default %(default)s",
    )
    return parser


def main() -> int:
    """Parse, find, classify, tell; return 1 if a photo could not be read."""
    args = parser().parse_args()
    require("--jobs", args.jobs, 1, 1024)
    if args.resume and not args.csv:
        raise FerKerasError("--resume goes on with the file of --csv, expected both")
    if args.plot:
        require_picture_name(args.plot)
    model, words = model_and_pictures(args.words)
    classifier = load_quietly(model)
    unread, shown = 0, []
    with ExitStack() as stack:
        rows = RowsFile(args.csv, classifier.classes, resume=args.resume) if args.csv else None
        done = stack.enter_context(rows).done if rows else set()
        progress = stack.enter_context(Progress(count_pictures(words) - len(done), "photos"))
        photos = find_pictures(words, MAX_PHOTO_BYTES, done)
        for found in answered(photos, PhotoReader(classifier, args.min_score), args.jobs):
            progress.add()
            if found.error:
                progress.say(f"error: {found.error}")
                unread += 1
                continue
            if rows:
                rows.write(found.name, found.answers)
            else:
                progress.clear()
                print(_face_lines(found, as_json=args.json), flush=True)
            if args.plot and found.answers and len(shown) < MOST_SHOWN:
                shown.append(_annotated(found))
    if shown:
        save_picture(shown[0] if len(shown) == 1 else montage(shown, _COLUMNS, _SHOWN_SIDE // _COLUMNS), args.plot)
    return 1 if unread else 0


def _face_lines(found: PhotoAnswers, *, as_json: bool) -> str:
    """The lines of a photo's faces."""
    if as_json:
        return "\n".join(json.dumps(answer.to_dict()) for answer in found.answers)
    if not found.answers:
        return f"{found.name}  no face was found in this photo"
    lines = []
    for answer in found.answers:
        x, y, width, height = answer.box
        lines.append(f"{found.name}  {answer.label:<8} {answer.confidence:>4.0%}  at {x},{y} {width}x{height}")
    return "\n".join(lines)


def _annotated(found: PhotoAnswers) -> Image.Image:
    """A photo, at a size to be shown, with its answers."""
    picture = found.photo.image.copy()
    picture.thumbnail((_SHOWN_SIDE, _SHOWN_SIDE))
    scale = picture.width / found.photo.size[0]
    marks = [
        Mark(tuple(round(scale * value) for value in answer.box), f"{answer.label} {answer.confidence:.0%}")
        for answer in found.answers
    ]
    return draw_marks(picture, marks)
