"""Put the best model of a run into saved_models/, with its card.

    python scripts/ship.py runs/fer2013 reference-mobilenet --data fer2013.zip

Under a minute on 2 cores.
"""

from fer_keras import cli
from fer_keras.jobs.ship import main

if __name__ == "__main__":
    cli.run(main)
