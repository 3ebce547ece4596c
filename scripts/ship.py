"""Put the best model of a run into saved_models/, with its card.

    python scripts/ship.py runs/fer2013 reference-mobilenet --data fer2013.zip

Under a minute on 2 cores.
"""

from fer_keras.__main__ import start

if __name__ == "__main__":
    start("ship")
