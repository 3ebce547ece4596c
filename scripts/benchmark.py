"""Measure speed, all sides in one interleaved run.

    python scripts/benchmark.py distill
    python scripts/benchmark.py inference --data fer2013.zip --models saved_models/separable-25k
    python scripts/benchmark.py workers --data fer2013.zip --teacher saved_models/residual-10 --ledger ledger.csv

On 2 cores `distill` takes about 6 minutes, `inference` about 8 for five models, `workers` 13 a round.
"""

from fer_keras.__main__ import start

if __name__ == "__main__":
    start("benchmark")
