"""Answers one damaged input a line: `python answer.py`, with `KIND PATH` on standard input; for torture.py.

Each answer is a line of JSON: what came of it, and the sentence or the trace.
"""

import json
import shutil
import sys
import traceback
from pathlib import Path

import numpy as np

from fer_keras.config import StudentConfig, from_dict
from fer_keras.data.source import load_faces
from fer_keras.data.synthetic import drawn_faces
from fer_keras.errors import FerKerasError
from fer_keras.files import cache_dir, read_json
from fer_keras.predict import load


def faces_are_faces(path):
    data = load_faces(path)
    sums = data.targets.sum(axis=1)
    right = data.images.dtype == np.uint8 and np.isfinite(data.targets).all() and (data.targets >= 0).all()
    return right and bool((np.isclose(sums, 1) | (sums == 0)).all())


def model_answers(path):
    answers = load(path).predict(FACES)
    probabilities = np.array([answer.probabilities for answer in answers])
    return bool(np.isfinite(probabilities).all() and np.allclose(probabilities.sum(axis=1), 1, atol=1e-3))


def recipe_is_read(path):
    return isinstance(from_dict(StudentConfig, read_json(path), path), StudentConfig)


def picture_is_answered(path):
    (answer,) = MODEL.predict(path)
    return 0 <= answer.confidence <= 1


ASKS = {
    "zip": faces_are_faces, "csv": faces_are_faces, "picture": picture_is_answered, "photo": picture_is_answered,
    "recipe": recipe_is_read,
    "keras": model_answers, "tflite": model_answers, "calibration": lambda path: model_answers(path.parent),
    "exports": lambda path: model_answers(path.parent),
}  # fmt: skip


def outcome(kind, path):
    try:
        return ("answered" if ASKS[kind](path) else "wrong"), ""
    except FerKerasError as error:
        said = str(error)
        return ("refused" if "\n" not in said and len(said) < 2000 else "wrong"), said[:300]
    except Exception:
        return "traceback", traceback.format_exc()


FACES = drawn_faces(140, seed=0).images[:3]
MODEL = load(Path(sys.argv[1]))
print("ready", flush=True)
for line in sys.stdin:
    kind, path = line.rstrip("\n").split(" ", 1)
    print(json.dumps(outcome(kind, Path(path))), flush=True)
    shutil.rmtree(cache_dir() / "faces", ignore_errors=True)
