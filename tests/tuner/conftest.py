"""What the students of small searches learn from."""

import pytest
from small_search import material


@pytest.fixture(scope="session")
def made():
    return material()
