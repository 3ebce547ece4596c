"""Score saved models on every labelled test split, and where there are several also their ensemble.

    python scripts/evaluate.py runs/student --data fer2013.zip --out reports/student
    python scripts/evaluate.py saved_models/separable-93k --data fer2013.zip --card

Seconds for a student on 2 cores, a minute for a large teacher.
"""

from fer_keras.__main__ import start

if __name__ == "__main__":
    start("evaluate")
