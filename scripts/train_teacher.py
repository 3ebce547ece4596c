"""Train the members of a teacher ensemble on labels.

    python scripts/train_teacher.py --data fer2013.zip --name teacher --resume

One member is 40 epochs of the reference CNN: about 35 minutes on 2 cores for FER2013.
"""

from fer_keras.__main__ import start

if __name__ == "__main__":
    start("train_teacher")
