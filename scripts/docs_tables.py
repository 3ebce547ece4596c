"""Write the tables of README.md and docs/ again from the cards and CSVs in saved_models/, and the cards' texts.

    python scripts/docs_tables.py

Seconds.
"""

from fer_keras.__main__ import start

if __name__ == "__main__":
    start("docs_tables")
