"""Write the card of an ensemble of shipped models: the mean of their probabilities, without weights of its own.

    python scripts/ship_ensemble.py teachers teacher-1 teacher-2 --data fer2013.zip

About a minute a large member on 2 cores.
"""

from fer_keras.__main__ import start

if __name__ == "__main__":
    start("ship_ensemble")
