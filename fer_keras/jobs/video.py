"""Follow the faces of a video and tell their expressions over time.

    python scripts/video.py talk.mp4 --csv rows.csv --plot annotated.mp4 --timeline timeline.png
    python scripts/video.py separable-25k talk.mp4 --csv rows.csv --every 5 --start 60 --end 90

Needs pip install 'fer_keras[video]'. A row for each frame and face: the frame's number, seconds, the face's id, the box
of its crop, label, confidence and probabilities, smoothed over time. The annotated copy keeps sound and frame rate.
Ctrl-C ends early, with all rows and a playable copy of what came before.
"""

import argparse
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from fer_keras import DEFAULT_MODEL, cli
from fer_keras.config import require
from fer_keras.errors import FerKerasError
from fer_keras.faces.detector import MIN_SCORE
from fer_keras.faces.finder import NETWORKS_FOR, FaceFinder
from fer_keras.faces.following import FaceFollower, FollowedFace
from fer_keras.faces.smoothing import TIME_CONSTANT
from fer_keras.faces.timeline import Timeline
from fer_keras.faces.video import Frame, Video, open_video
from fer_keras.faces.video_copy import VideoCopy, open_copy, require_video_name
from fer_keras.jobs.eta import Progress
from fer_keras.jobs.predict_files import load_quietly, model_and_pictures
from fer_keras.jobs.video_rows import FrameRows, Interrupt, annotated, rows_file


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "words", nargs="+", metavar="[MODEL] VIDEO", help=f"name or path of a model (default {DEFAULT_MODEL}); a video"
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the rows to it; default: print them")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write an annotated copy, .mp4, .mov or .mkv")
    parser.add_argument("--timeline", type=Path, metavar="FILE", help="draw probabilities over time, .png or .svg")
    add_follower_options(parser)
    parser.add_argument("--every", type=int, default=1, help="answer every such frame; default %(default)s")
    parser.add_argument("--start", type=float, default=0.0, metavar="SECONDS", help="default %(default)s")
    parser.add_argument("--end", type=float, metavar="SECONDS", help="default: the video's end")
    return parser


def add_follower_options(parser: argparse.ArgumentParser) -> None:
    """Add what following faces can be told."""
    parser.add_argument(
        "--smoothing",
        type=float,
        default=TIME_CONSTANT,
        metavar="SECONDS",
        help="time constant; 0 is off; default %(default)s",
    )
    parser.add_argument(
        "--detect-every", type=int, default=1, metavar="N", help="look for faces in every N-th frame that is answered"
    )
    parser.add_argument("--max-faces", type=int, help="at most so many, the largest when they come; default all")
    parser.add_argument("--min-score", type=float, default=MIN_SCORE, help="of the detector; default %(default)s")


def make_follower(args: argparse.Namespace, model: str, networks: tuple[str, ...]) -> FaceFollower:
    """Load what follows faces, as the options of `add_follower_options` say."""
    require("--smoothing", args.smoothing, 0, 3600)
    require("--detect-every", args.detect_every, 1, 10_000)
    if args.max_faces is not None:
        require("--max-faces", args.max_faces, 1, 1000)
    classifier = load_quietly(model)
    with cli.quiet_stderr():  # LiteRT tells there which kernels it takes
        finder = FaceFinder(networks, tiles=False, min_score=args.min_score)
    return FaceFollower(
        classifier,
        finder,
        smoothing=args.smoothing,
        detect_every=args.detect_every,
        max_faces=args.max_faces,
    )


def main() -> int:
    """Parse, follow, write; return 1 if the video turned out damaged, 130 after Ctrl-C."""
    args = parser().parse_args()
    require("--every", args.every, 1, 1_000_000)
    require("--start", args.start, 0, 10**9)
    if args.end is not None and args.end <= args.start:
        raise FerKerasError(f"--end {args.end:g}: expected more than --start {args.start:g}")
    if args.plot:
        require_video_name(args.plot)
    if args.timeline:
        from fer_keras.evaluation.plots import require_figure, save_figure

        require_figure(args.timeline)
    model, words = model_and_pictures(args.words)
    if len(words) != 1:
        raise FerKerasError(f"{words[1]}: expected one video, found {len(words)}")
    with ExitStack() as stack:
        video = stack.enter_context(open_video(words[0]))
        follower = make_follower(args, model, NETWORKS_FOR["video"])
        rows = stack.enter_context(rows_file(args.csv, follower.classes))
        copy = stack.enter_context(open_copy(args.plot, video, args.start)) if args.plot else None
        timeline = Timeline(follower.classes)
        status = _Pass(follower, rows, copy, timeline, args.every).over(video, args.start, args.end)
    if args.timeline:
        save_figure(timeline.figure(), args.timeline)
    return status


@dataclass
class _Pass:
    """One way through a video.

    Attributes:
        follower: answers the frames.
        rows: where the answers go.
        copy: gets the annotated frames; None for no copy.
        timeline: gets the answers too.
        every: the frames that are answered; the others are copied with the answers before them.
    """

    follower: FaceFollower
    rows: FrameRows
    copy: VideoCopy | None
    timeline: Timeline
    every: int

    def over(self, video: Video, start: float, end: float | None) -> int:
        """Go through the frames from `start` to `end`; return the command's status."""
        with Interrupt() as interrupt, Progress(video.frame_count(start, end), "frames") as progress:
            try:
                for item in self._items(video, start, end):
                    progress.add()
                    if interrupt.asked:
                        progress.say(f"stopped at {item.seconds:.1f} seconds; what was written is whole")
                        return 130
            except FerKerasError as error:
                if not progress.done:
                    raise
                progress.say(f"error: {error}")  # what came before the damage is kept
                return 1
        return 0

    def _items(self, video: Video, start: float, end: float | None) -> Iterator[Frame]:
        """Answer and copy each frame, then yield it."""
        faces: list[FollowedFace] = []
        number = 0
        for item in video.items(start, end):
            if not isinstance(item, Frame):
                if self.copy:
                    self.copy.sound(item)
                continue
            if number % self.every == 0:
                faces = self.follower.follow(item.picture, item.seconds)
                self.rows.write(item.number, item.seconds, faces)
                self.timeline.add(item.seconds, faces)
            if self.copy:
                self.copy.write(item, annotated(item.picture, faces))
            number += 1
            yield item
