"""Print the best model of a frontier within limits, by validation accuracy, and where it is.

    python scripts/pick.py saved_models/frontier --max-params 50000

Seconds.
"""

from fer_keras import cli
from fer_keras.jobs.pick import main

if __name__ == "__main__":
    cli.run(main)
