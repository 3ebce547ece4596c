"""What the site needs beside docs/: the cards, figures and files of the checkout that the pages link to."""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]

SHOWN = (
    "CONTRIBUTING.md",
    "cluster/*.yaml",
    "serving/*",
    "saved_models/README.md",
    "saved_models/*/card.*",
    "saved_models/*/figures/*",
    "saved_models/frontier/*.*",
    "saved_models/measurements/*.*",
)
"""What is taken into the site under its own path, as patterns below the checkout."""


def on_files(files: Files, config: Any, **_: object) -> Files:
    """Add the files of `SHOWN` to those of docs/."""
    for path in sorted(path for pattern in SHOWN for path in ROOT.glob(pattern) if path.is_file()):
        name = path.relative_to(ROOT).as_posix()
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: object) -> str:
    """Let links that leave docs/, as they do in the checkout, lead to the files that `on_files` added."""
    inside = page.file.src_uri.startswith("saved_models/")
    return markdown if inside else re.sub(r"\]\(\.\./", "](", markdown)
