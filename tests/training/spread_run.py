"""A student's run, alone or on one of several hosts by TF_CONFIG: python spread_run.py FOLDER EPOCHS."""

import sys
from dataclasses import replace
from pathlib import Path

from small_run import CONFIG, run

from fer_keras import cli, distributed

distributed.strategy()  # before TensorFlow has run anything

# No dropout: its masks depend on where an image stands in its host's batch.
OPTIONS = {**CONFIG.options, "dropouts": ()}


def main():
    fit = replace(CONFIG.fit, epochs=int(sys.argv[2]), batch_size=51, ema_epochs=1.0)
    run(Path(sys.argv[1]), True, replace(CONFIG, options=OPTIONS, fit=fit))


if __name__ == "__main__":
    cli.run(main)
