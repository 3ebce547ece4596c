"""Draw the frontier from the ledger of a search.

    python scripts/frontier.py runs/frontier

Seconds; with --measure a few minutes.
"""

from fer_keras import cli
from fer_keras.jobs.frontier import main

if __name__ == "__main__":
    cli.run(main)
