"""Damages inputs and kills runs at random, and counts what comes of it: python tests/torture/torture.py --minutes 10.

Seeded: the same seed damages the same bytes. Ends with status 1 where anything was wrong, a traceback, a crash or a
hang; such inputs are kept in --keep. Not collected by pytest: `make torture MINUTES=10`.
"""

import argparse
import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "data")]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
MODEL = ROOT / "saved_models" / "separable-25k"
OTHER_VALUES = (None, True, -1, 0, 0.5, 1e308, 10**400, float("nan"), "", "x" * 5000, [], [[]], {}, {"a": 1})
BAD = ("wrong", "traceback", "crash", "hang")
SECONDS = 60
"""Before an answer is called a hang: the machine may be busy."""


def damaged(rng, content):
    """A copy of some bytes with one to four faults of random kinds."""
    content = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at, size = rng.randrange(len(content) + 1), rng.choice((1, 2, 8, 64, 1024))
        match rng.randrange(6):
            case 0:
                content[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                del content[at:]
            case 2:
                del content[at : at + size]
            case 3:
                content[at:at] = content[at : at + size] * rng.randint(1, 3)
            case 4:
                content[at : at + size] = rng.randbytes(size)
            case 5:
                words = (b"-1", b"NaN", b"1e999", b"\0", b"null", b"[]", b"\xff\xfe", b'"', b"9" * 400, b"\n\n", b"../")
                content[at:at] = rng.choice(words)
        content = content or bytearray(b"x")
    return bytes(content)


def damaged_json(rng, text):
    """JSON of which one value, at any depth, is another or is gone."""
    value = json.loads(text)
    places = []

    def visit(part):
        for key in part if isinstance(part, dict) else range(len(part)):
            places.append((part, key))
            if isinstance(part[key], dict | list):
                visit(part[key])

    visit(value)
    part, key = rng.choice(places)
    if rng.random() < 0.15:
        del part[key]
    else:
        part[key] = rng.choice(
            [None, True, -1, 0, 0.5, 1e308, 10**400, float("nan"), "", "x" * 5000, [], [[]], {}, {"a": 1}]
        )
    return json.dumps(value).encode()


def originals(folder):
    """Kind -> a whole input: its name, its bytes, and the folder whose other files lie beside it (None for none)."""
    from face_files import png, write_fer2013, write_zip

    from fer_keras.config import NO_DATA, StudentConfig, to_dict
    from fer_keras.data.synthetic import drawn_faces

    faces = drawn_faces(140, seed=1)
    names = [f"{split}/{label}/{n}.png" for split in ("train", "test") for label in ("happy", "sad") for n in range(3)]
    members = {name: png(image[..., 0]) for name, image in zip(names, faces.images, strict=False)}
    inputs = {
        "zip": ("faces.zip", write_zip(folder / "a.zip", members).read_bytes(), None),
        "csv": ("faces.csv", write_fer2013(folder / "a.csv", drawn_faces(140, seed=1)).read_bytes(), None),
        "picture": ("face.png", png(faces.images[0, ..., 0]), None),
        "photo": ("face.jpg", png(faces.images[0, ..., 0], kind="JPEG"), None),
        "recipe": ("config.json", json.dumps(to_dict(StudentConfig(NO_DATA, ("a",)))).encode(), None),
        "keras": ("model.keras", (MODEL / "model.keras").read_bytes(), None),
    }
    for kind in ("calibration", "exports"):
        inputs[kind] = (f"{kind}.json", (MODEL / f"{kind}.json").read_bytes(), MODEL)
    tflite = next(MODEL.glob("*.tflite"), None)
    return inputs | ({"tflite": (tflite.name, tflite.read_bytes(), None)} if tflite else {})


class Answers:
    """A process that answers, started again when it dies or hangs."""

    def __init__(self, cache):
        self.environment = {
            **os.environ,
            "FER_KERAS_CACHE": str(cache),
            "PYTHONPATH": str(ROOT),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        self.process = None

    def ask(self, kind, path):
        if self.process is None:
            command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("answer.py")), str(MODEL)]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
            self.process = subprocess.Popen(command, env=self.environment, text=True, **pipes)
            self.process.stdout.readline()
        self.process.stdin.write(f"{kind} {path}\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], SECONDS)
        line = self.process.stdout.readline() if ready else ""
        if line:
            return json.loads(line)
        self.close()
        return ("crash" if ready else "hang"), ""

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.process = None


def feed(rng, until, scratch, keep):
    """Damage inputs until then; return how often each (kind, outcome) came."""
    inputs, counts, answers = originals(scratch), Counter(), Answers(scratch / "cache")
    try:
        whole = [*inputs]  # first as they are, or nothing would be tested
        while whole or time.monotonic() < until:
            is_whole, kind = bool(whole), whole.pop() if whole else rng.choice([*inputs])
            name, content, beside = inputs[kind]
            folder = scratch / "input"
            shutil.rmtree(folder, ignore_errors=True)
            if beside:
                shutil.copytree(beside, folder)
            folder.mkdir(exist_ok=True)
            as_json = name.endswith(".json") and rng.random() < 0.7
            content = content if is_whole else (damaged_json if as_json else damaged)(rng, content)
            (folder / name).write_bytes(content)
            result, said = answers.ask(kind, folder / name)
            if is_whole and result != "answered":
                sys.exit(f"torture: a whole {kind} is {result}: {said}")
            counts[kind, result] += 1
            if result in BAD:
                kept = keep / f"{sum(counts.values()):05d}-{kind}-{result}"
                shutil.copytree(folder, kept)
                print(f"{kept}: {said.strip().splitlines()[-1] if said else ''}", flush=True)
    finally:
        answers.close()
    return counts


def kill(rng, until, scratch, keep):
    """Start a small run and end it at random moments until it is done; it has to end as one that was never killed."""
    program = str(ROOT / "tests" / "training" / "small_run.py")
    counts, statuses = Counter(), {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGHUP: 129}

    def started(folder):
        words = [sys.executable, "-W", "ignore", program, str(folder), "--resume"]
        return subprocess.Popen(words, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    whole = scratch / "whole"
    begun = time.monotonic()
    started(whole).communicate()
    usual = time.monotonic() - begun
    expected = (whole / "metrics.csv").read_text().splitlines()
    folder, fresh = scratch / "run-0", 0
    while time.monotonic() < until:
        process, number = started(folder), rng.choice([*statuses])
        try:
            process.wait(rng.uniform(0.1, 1.1) * usual)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
        try:
            _, said = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            said, number = process.communicate()[1], 0
        result = (
            "hang" if not number else "answered" if process.returncode in (0, statuses[number], -number) else "crash"
        )
        result = "traceback" if "Traceback" in said and "fer_keras" in said else result
        if process.returncode == 0:  # the seconds differ, the rest must not
            found = (folder / "metrics.csv").read_text().splitlines()
            columns = [n for n, name in enumerate(expected[0].split(",")) if name != "seconds"]
            same = [[line.split(",")[n] for n in columns] for line in found] == [
                [line.split(",")[n] for n in columns] for line in expected
            ]
            result = "answered" if same and not [*folder.rglob(".partial-*")] else "wrong"
            fresh += 1
            folder = scratch / f"run-{fresh}"
        counts["run", result] += 1
        if result in BAD:
            print(f"run killed by {number}: {result}, status {process.returncode}: {said[-500:]}", flush=True)
            (keep / f"{sum(counts.values()):05d}-run-{result}.txt").write_text(said)
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("runs/torture"), help="folder of inputs that found something")
    parser.add_argument("--only", choices=["feed", "kill"], help="one campaign; default half of the time for each")
    args = parser.parse_args()
    args.keep.mkdir(parents=True, exist_ok=True)
    counts = Counter()
    campaigns = [campaign for campaign in (feed, kill) if args.only in (None, campaign.__name__)]
    for campaign in campaigns:
        with tempfile.TemporaryDirectory() as scratch:
            until = time.monotonic() + 60 * args.minutes / len(campaigns)
            counts += campaign(random.Random(args.seed), until, Path(scratch), args.keep)
    outcomes = ("answered", "refused", *BAD)
    print(f"{'':12} {'tried':>8} " + " ".join(f"{name:>9}" for name in outcomes))
    for kind in sorted({kind for kind, _ in counts}):
        row = [counts[kind, name] for name in outcomes]
        print(f"{kind:12} {sum(row):8} " + " ".join(f"{count:9}" for count in row))
    sys.exit(1 if any(counts[key] for key in counts if key[1] in BAD) else 0)


if __name__ == "__main__":
    main()
