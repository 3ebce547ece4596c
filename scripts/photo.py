"""Find the faces in photos and tell their expressions.

python scripts/photo.py holiday.jpg --plot annotated.png
python scripts/photo.py separable-25k photos/ --csv rows.csv --resume

Finding faces in a photo of 1280x886 takes about 25 ms on one core (docs/speed.md).
"""

from fer_keras.__main__ import start

if __name__ == "__main__":
    start("photo")
