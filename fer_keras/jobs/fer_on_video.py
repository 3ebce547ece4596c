"""The package `fer` on videos, in an environment of its own: `python fer_on_video.py`, one request a line.

This file imports `fer` and what it needs, nothing of ours. A request on standard input is JSON with `video`, a path,
and `copy`, whether an annotated copy is written. The answer has the processor's `seconds` and how many `faces` it saw.
"""

import contextlib
import json
import sys
import tempfile
import time
from importlib.metadata import version

import cv2
from fer.classes import Video
from fer.fer import FER


def main() -> None:
    """Print the version, then an answer to each request."""
    cv2.setNumThreads(1)
    # Called for every frame, though nothing is shown; an OpenCV without windows has neither.
    cv2.waitKey = lambda milliseconds: -1
    cv2.destroyAllWindows = lambda: None
    detector = FER()
    print(json.dumps({"versions": {"fer": version("fer")}}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
            start = time.process_time()
            video = Video(request["video"], outdir=folder)
            options = {"save_video": request["copy"], "annotate_frames": request["copy"], "save_frames": False}
            frames = video.analyze(detector, output="pandas", **options)
            seconds = time.process_time() - start
        print(json.dumps({"seconds": seconds, "faces": len(frames)}), flush=True)


if __name__ == "__main__":
    main()
