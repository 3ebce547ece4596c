r"""Measure what helps a student of 25,000 parameters, one change of the recipe at a time.

    python scripts/ablate.py --data fer2013.zip --teacher saved_models/residual-16 ... \
        --assistant saved_models/separable-93k

About 8 minutes a run on 2 cores, 15 arms, 2 seeds each: 4 hours, after the teachers' logits are cached.
"""

from fer_keras.__main__ import start

if __name__ == "__main__":
    start("ablate")
