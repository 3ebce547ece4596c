"""Write the tables of README.md and docs/ again from the cards and CSVs in saved_models/, and the cards' texts.

    python scripts/docs_tables.py

Seconds. Run it, or `make docs-tables`, after what is in saved_models/ has changed.
"""

import argparse
from pathlib import Path

from fer_keras import cli
from fer_keras.files import write_text


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path(), help="the checkout; default: this folder")
    return parser


def main() -> None:
    """Make the tables of every page again and say which pages changed."""
    args = parser().parse_args()
    cli.set_up(args)
    root = args.root

    from fer_keras.cards.text import write_texts
    from fer_keras.jobs.page_tables import pages, with_tables

    if (root / "saved_models").is_dir():
        write_texts(root / "saved_models")
    for page in pages(root):
        text = page.read_text(encoding="utf-8")
        new_text = with_tables(text, root / "saved_models", name=str(page))
        if new_text != text:
            write_text(page, new_text)
            print(f"tables: {page}")
