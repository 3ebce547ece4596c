"""Measure speed, all sides in one interleaved run.

    python scripts/benchmark.py distill
    python scripts/benchmark.py inference --data fer2013.zip --models saved_models/separable-25k
    python scripts/benchmark.py photo
    python scripts/benchmark.py video --models separable-88k --fer-python ../fer/bin/python
    python scripts/benchmark.py workers --data fer2013.zip --teacher saved_models/residual-10 --ledger ledger.csv

`distill`: about 6 minutes on 2 cores; what each measure gains in training, as ratios. `inference`: about 8 minutes for
five models; what an answer costs in Keras, SavedModel, LiteRT and ONNX Runtime, on one thread, beside the package `fer`
where it is installed (pip install '.[baselines]'). Needs pip install '.[export]'. Each file is a process that stays
in memory: 0.7 to 1 GB for each of Keras and SavedModel. `photo`: seconds; finding six faces at 1280x886,
beside OpenCV's Haar cascade where that is installed. `video`: minutes; frames a second at 640x480 with one face,
beside `fer`'s where a Python that has it is named.
`workers`: 13 minutes a round; trials an hour of a search with one worker and with two on this machine, what a trial
costs the chief, and from these and the trials in the --ledger of a search that had two workers here, hours with more
hosts. All write CSVs, `inference` also a figure.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from fer_keras import cli
from fer_keras.config import require
from fer_keras.errors import FerKerasError
from fer_keras.files import write_text

if TYPE_CHECKING:
    import pandas as pd

LARGER_SEARCH = 25
"""How many times the short trials of the search that was run a larger one has, for the table of many workers."""


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["distill", "inference", "photo", "video", "workers"])
    parser.add_argument("--rounds", type=int, default=7, help="counted rounds; default %(default)s")
    parser.add_argument("--to", type=Path, default=Path("runs/measurements"), help="folder; default %(default)s")
    group = parser.add_argument_group("inference")
    group.add_argument("--models", type=Path, nargs="+", help="saved models")
    group.add_argument("--with-baselines", action="store_true", help="measure nothing where `fer` cannot be run too")
    group = parser.add_argument_group("video")
    group.add_argument("--fer-python", type=Path, help="measure `fer` too, with this Python, which can import it")
    group = parser.add_argument_group("workers")
    group.add_argument("--teacher", type=Path, help="a saved teacher")
    group.add_argument("--ledger", type=Path, help="of a search that was run with --workers 2")
    cli.add_data_options(parser)
    return parser


def main() -> None:
    """Parse, measure, print and write."""
    args = parser().parse_args()
    cli.set_up(args)
    require("--rounds", args.rounds, 1, 1000)
    measures = {"distill": _distill, "inference": _inference, "photo": _photo, "video": _video, "workers": _workers}
    text, tables = measures[args.what](args)
    print(f"\n{text}")
    for name, table in tables.items():
        write_text(args.to / f"{name}.csv", table.to_csv(index=False))


def turns(count: int, rounds: int) -> Iterator[tuple[int, int]]:
    """Yield (round, arm): each arm has its turn in every round, so that a noisy machine is noisy for all alike.

    Each round begins with the next, so that none always follows the same neighbour. Round 0 warms up, uncounted.

    Args:
        count: of arms.
        rounds: counted ones.
    """
    for number in range(rounds + 1):
        print(f"round {number}/{rounds}{' (warm-up)' if number == 0 else ''}", flush=True)
        for turn in range(count):
            yield number, (number + turn) % count


Measured = tuple[str, dict[str, "pd.DataFrame"]]
"""What to print, and the tables to write, by the names of their files."""


def _distill(args: argparse.Namespace) -> Measured:
    from fer_keras.jobs.benchmark_training import benchmark_distillation

    seconds, ratios = benchmark_distillation(args.rounds)
    medians = f"seconds per 4,096 images, median of {args.rounds} rounds\n{seconds.median().to_string()}"
    return f"{medians}\n\n{ratios.to_string(index=False)}", {"distill_seconds": seconds, "distill_ratios": ratios}


def _inference(args: argparse.Namespace) -> Measured:
    from fer_keras.evaluation.inference_figure import inference_figure
    from fer_keras.evaluation.plots import save_figure
    from fer_keras.evaluation.tables import SPLIT_TITLES
    from fer_keras.export.baselines import lacks_for_fer
    from fer_keras.jobs.benchmark_inference import benchmark_inference, inference_table
    from fer_keras.jobs.timed_files import format_colours, format_titles

    if args.with_baselines and (lacking := lacks_for_fer()):
        raise FerKerasError(f"--with-baselines: fer cannot be measured, {lacking}")
    if args.models is None:
        raise FerKerasError("inference: expected --models")
    results = benchmark_inference(args.models, cli.load_data(args) if args.data else None, args.rounds)
    if results["accuracy"].notna().all():
        figure = inference_figure(results, format_titles(), format_colours(), SPLIT_TITLES[results["split"].iloc[0]])
        save_figure(figure, args.to / "inference.png")
    return inference_table(results), {"inference": results}


def _photo(args: argparse.Namespace) -> Measured:
    from fer_keras.jobs.benchmark_faces import benchmark_photo, named_finders

    arms = named_finders()
    results = benchmark_photo(turns(len(arms), args.rounds), arms)
    return results.to_string(index=False), {"photo": results}


def _video(args: argparse.Namespace) -> Measured:
    from fer_keras.jobs.benchmark_faces import benchmark_video, video_table

    model = str(args.models[0]) if args.models else "separable-88k"
    results = benchmark_video(args.rounds, model, args.fer_python)
    return video_table(results), {"video": results}


def _workers(args: argparse.Namespace) -> Measured:
    import pandas as pd

    from fer_keras.jobs import benchmark_workers
    from tuner.frontier import read_ledger

    if args.teacher is None or args.ledger is None:
        raise FerKerasError("workers: expected --teacher and --ledger")
    ledger = read_ledger(args.ledger)
    data = ["--data", args.data] if args.data else []
    command = [sys.executable, "-W", "ignore", "-m", "fer_keras", "search", *data, "--teacher", str(args.teacher)]
    measured = benchmark_workers.measure_workers([*command, *benchmark_workers.SMALL_SEARCH], args.rounds)
    searches = [benchmark_workers.measure_chief(ledger, repeat) for repeat in (1, LARGER_SEARCH)]
    chief = pd.concat(searches, ignore_index=True)
    scaled = benchmark_workers.scale_with(ledger, measured, chief)
    text = f"{measured.to_string(index=False)}\n\n{benchmark_workers.scale_table(scaled)}"
    return text, {"workers": measured, "workers_chief": chief, "workers_scaled": scaled}
