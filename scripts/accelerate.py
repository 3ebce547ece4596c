"""Train teachers or students on a GPU through JAX, several models and seeds side by side.

    python scripts/accelerate.py --data fer2013.zip --model residual-16
    python scripts/accelerate.py --data fer2013.zip --model separable-25k --seeds 0 1 --teacher saved_models/residual-16

Two networks of 100,000 parameters take a second an epoch on a data centre's GPU, one of 4 million 1 to 1.5 s.
"""

from fer_keras.__main__ import start

if __name__ == "__main__":
    start("accelerate")
