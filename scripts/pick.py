"""Print the best model of a frontier within limits, by validation accuracy, and where it is.

    python scripts/pick.py saved_models/frontier --max-params 50000

Seconds.
"""

from fer_keras.__main__ import start

if __name__ == "__main__":
    start("pick")
