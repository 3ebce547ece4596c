"""Follow the faces before a camera and tell their expressions as they change.

    python scripts/webcam.py
    python scripts/webcam.py separable-25k --camera /dev/video2 --csv rows.csv --seconds 60

Needs pip install 'fer_keras[video]'. Shows a window, which q, Escape or Ctrl-C end; without a display, or with
--no-window, it prints a row for each frame and face, as scripts/video.py writes them. Frames that come while one is
answered are left out.
"""

import argparse
from contextlib import ExitStack
from pathlib import Path

from fer_keras import DEFAULT_MODEL
from fer_keras.config import require
from fer_keras.faces.camera import camera_frames
from fer_keras.faces.finder import NETWORKS_FOR
from fer_keras.faces.window import open_window
from fer_keras.jobs.video import add_follower_options, make_follower
from fer_keras.jobs.video_rows import Interrupt, annotated, rows_file


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default=DEFAULT_MODEL, help="name or path of a model; default %(default)s")
    parser.add_argument("--camera", default="0", help="number, or the system's name for it; default %(default)s")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the rows to it")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end after so many; default: never")
    parser.add_argument("--no-window", action="store_true", help="print rows even where there is a display")
    add_follower_options(parser)
    return parser


def main() -> int:
    """Parse, follow, show or print; return 130 after Ctrl-C."""
    args = parser().parse_args()
    require("--seconds", args.seconds, 0, float("inf"))
    with ExitStack() as stack:
        frames = stack.enter_context(camera_frames(args.camera))
        follower = make_follower(args, args.model, NETWORKS_FOR["camera"])
        window = None if args.no_window else open_window("fer-keras webcam")
        wants_rows = args.csv or window is None
        rows = stack.enter_context(rows_file(args.csv, follower.classes)) if wants_rows else None
        interrupt = stack.enter_context(Interrupt())
        for number, frame in enumerate(frames):
            faces = follower.follow(frame.picture, frame.seconds)
            if rows:
                rows.write(number, frame.seconds, faces)
            if window:
                window.show(annotated(frame.picture, faces))
            if interrupt.asked:
                return 130
            if frame.seconds >= args.seconds or (window and not window.is_open):
                break
    return 0
