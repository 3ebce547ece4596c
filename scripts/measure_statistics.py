"""Measure what shipped models gain by batch statistics of their own.

python scripts/measure_statistics.py separable-93k separable-25k --data fer2013.zip

A minute a model on one core.
"""

from fer_keras.__main__ import start

if __name__ == "__main__":
    start("measure_statistics")
