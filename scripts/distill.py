"""Distil a small student from large teachers: the main job, end to end.

    python scripts/distill.py --data fer2013.zip --resume

For FER2013 with the defaults about 70 minutes on 2 cores; without --data it draws faces and takes 2 to 4 minutes.
"""

from fer_keras.__main__ import start

if __name__ == "__main__":
    start("distill")
