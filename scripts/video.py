"""Follow the faces of a video and tell their expressions over time.

    python scripts/video.py talk.mp4 --csv rows.csv --plot annotated.mp4 --timeline timeline.png
    python scripts/video.py separable-25k talk.mp4 --csv rows.csv --every 5 --start 60 --end 90

Needs pip install 'fer_keras[video]'.
"""

from fer_keras.__main__ import start

if __name__ == "__main__":
    start("video")
