"""List every command behind the published numbers, with its time, or run them.

    python scripts/reproduce.py
    python scripts/reproduce.py --data fer2013.zip --run reference-mobilenet

--run takes names of steps, or `all`, and runs what they need before them; models that they need and that are in
saved_models/ are taken as they are, or with --anew made again too. It can be stopped at any moment; the same command
goes on: what has been done is noted in runs/reproduced/. What it makes replaces what is in saved_models/. Times are
those on 2 cores with AVX-512 or better, and up to three times as long with AVX2 alone; of scripts/accelerate*.py those
on a data centre's GPU, which they should not be run without, and estimates for what they stand for, scripts/distill.py,
train_teacher.py or ablate.py with the same options and one seed after the other, on 2 cores.
"""

import argparse
from pathlib import Path

from fer_keras import cli
from fer_keras.errors import FerKerasError
from fer_keras.reproduce import duration, plan, run_steps, total
from fer_keras.reproduce_steps import STEPS

DONE = Path("runs/reproduced")
SHIPPED = Path("saved_models")


def main() -> None:
    """Parse, then list or run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="fer2013.zip", help="FER2013 (.zip, folder or .csv); default %(default)s")
    parser.add_argument(
        "--run",
        nargs="+",
        metavar="NAME",
        help="what to make; `all` for everything, once saved_models/frontier is moved away",
    )
    parser.add_argument("--anew", action="store_true", help="make shipped models that they need again, too")
    args = parser.parse_args()
    if args.run:
        if not Path(args.data).exists():
            raise FerKerasError(f"{args.data}: there is no such file or folder, expected FER2013")
        names = [step.name for step in STEPS] if args.run == ["all"] else args.run
        steps = plan(names, shipped=None if args.anew else SHIPPED)
        run_steps(steps, args.data, DONE, shipped=SHIPPED)
        return
    for step in STEPS:
        needs = f", after {' and '.join(step.needs)}" if step.needs else ""
        cores = duration(step.minutes)
        time = f"{duration(step.gpu_minutes)} on a GPU, {cores} without" if step.gpu_minutes else cores
        print(f"{step.name}: about {time}{needs}")
        for command in step.commands:
            print(f"    {command.replace('{data}', args.data)}")
    print(f"all of it: about {total(STEPS)}")


if __name__ == "__main__":
    cli.run(main)
