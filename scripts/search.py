"""Search the frontier: the best accuracy at every size, for each family of students.

    python scripts/search.py --data fer2013.zip --teacher saved_models/residual-10 ... --name frontier

The defaults are 6,600 epochs of FER2013, days on 2 cores.
"""

from fer_keras.__main__ import start

if __name__ == "__main__":
    start("search")
