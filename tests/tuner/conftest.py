"""Lets the tests import `small_search`, which they also start as a program."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
