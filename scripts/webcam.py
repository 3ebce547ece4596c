"""Follow the faces before a camera and tell their expressions as they change.

    python scripts/webcam.py
    python scripts/webcam.py separable-25k --camera /dev/video2 --csv rows.csv --seconds 60

Needs pip install 'fer_keras[video]'. Until q, Escape or Ctrl-C ends it.
"""

from fer_keras.__main__ import start

if __name__ == "__main__":
    start("webcam")
