"""Write the tables of README.md and docs/ again from the cards and CSVs in saved_models/.

    python scripts/docs_tables.py

Seconds.
"""

from fer_keras import cli
from fer_keras.jobs.docs_tables import main

if __name__ == "__main__":
    cli.run(main)
