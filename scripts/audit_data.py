"""Print what is wrong with a data set: constant images, exact copies, leaks, label conflicts.

    python scripts/audit_data.py fer2013.zip --json audit.json

About 5 seconds for FER2013, 1 second once the cache holds it.
"""

from fer_keras.__main__ import start

if __name__ == "__main__":
    start("audit_data")
