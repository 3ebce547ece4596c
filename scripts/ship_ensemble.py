"""Write the card of an ensemble of shipped models: the mean of their probabilities, without weights of its own.

    python scripts/ship_ensemble.py teachers teacher-1 teacher-2 --data fer2013.zip

About a minute a large member on 2 cores.
"""

from fer_keras import cli
from fer_keras.jobs.ship_ensemble import main

if __name__ == "__main__":
    cli.run(main)
