"""Draw the frontier from the ledger of a search.

    python scripts/frontier.py runs/frontier

Seconds; with --measure a few minutes.
"""

from fer_keras.__main__ import start

if __name__ == "__main__":
    start("frontier")
