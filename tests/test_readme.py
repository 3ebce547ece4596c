"""The README is short, its links lead somewhere, and so do those of the pages in docs/."""

import re

import pytest
from command import ROOT

from fer_keras.jobs.page_tables import pages

PAGES = pages(ROOT)
MOST_LINES, MOST_WORDS = 200, 2_600


def test_the_readme_is_short():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    assert len(text.split()) <= MOST_WORDS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_lead_to_files(page):
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    files = [target for target in targets if "://" not in target]
    assert not [target for target in files if not (page.parent / target).exists()]
