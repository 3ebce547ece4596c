"""Search the frontier: the best accuracy at every size, for each family of students.

    python scripts/search.py --data fer2013.zip --teacher saved_models/residual-10 ... --name frontier

The defaults are 7,800 epochs of FER2013, days on 2 cores.
"""

from fer_keras import cli
from fer_keras.jobs.search import main

if __name__ == "__main__":
    cli.run(main)
