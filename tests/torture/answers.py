"""What the package makes of a file, and whether that is right; for a process that may crash over it."""

import io
import json
import shutil
import traceback
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from inputs import MODEL, ROOT

from fer_keras.config import StudentConfig, from_dict
from fer_keras.data.face_data import FaceData
from fer_keras.data.source import load_faces
from fer_keras.data.synthetic import drawn_faces
from fer_keras.errors import FerKerasError
from fer_keras.files import cache_dir, file_sha256, read_config, read_json
from fer_keras.predict import Classifier, load

SEARCH = {"families": ("cnn",), "budgets": (5_000,), "trials": 1, "control_budgets": ()}

LONGEST = 2000
"""Characters of a sentence for people."""


def prepare(folder: Path) -> None:
    """Make a short run, cached logits and the state of a search in `folder`, to be damaged."""
    import keras
    import small_run
    from test_oracle import oracle_in, run_all

    from fer_keras.distill.logit_cache import write_logits
    from fer_keras.training.run import Run
    from fer_keras.training.student import train_student
    from tuner.settings import check_settings

    class Killed(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    train, val = small_run.data().split("train"), small_run.data().split("val")
    run = Run(folder / "run", _config(), resume=False)
    with suppress(KeyboardInterrupt):
        train_student(run, train, val, small_run.MadeUpLogits(len(train)), [Killed()])
    teacher, identity = _cached(folder / "run")
    write_logits(teacher, train, identity, 2, folder / "caches").rename(folder / "cache")
    oracle = oracle_in(folder / "search", **SEARCH)
    run_all(oracle)
    check_settings(oracle.search, write=True)
    published = ROOT / "saved_models" / "frontier"
    shutil.copyfile(published / "trial_0000" / "row.json", folder / "search" / "trial_0000" / "row.json")
    shutil.copyfile(published / "ledger.csv", folder / "search" / "ledger.csv")


def _config() -> StudentConfig:
    """Of a run that was killed in the last of three epochs."""
    import small_run

    return replace(small_run.CONFIG, fit=replace(small_run.CONFIG.fit, epochs=3))


def _cached(run: Path):
    import small_run

    from fer_keras.config import ViewConfig
    from fer_keras.distill.cache_identity import identify
    from fer_keras.models.load import load_model

    teacher = load_model(run)
    return teacher, identify(teacher, small_run.data().split("train"), ViewConfig(), 1)


@cache
def classifier() -> Classifier:
    return load(MODEL)


@cache
def whole_faces() -> FaceData:
    return drawn_faces(140, seed=1)


def faces(path: Path, only_whole: bool = True) -> bool:
    """Whatever is read are faces; of an archive of pictures only such as were put in: their check sums say so."""
    data = load_faces(path)
    sums = data.targets.sum(axis=1)
    right = data.images.dtype == np.uint8 and np.isfinite(data.targets).all() and (data.targets >= 0).all()
    known = not only_whole or np.isin(data.image_hashes, whole_faces().image_hashes).all()
    return bool(right and known and (np.isclose(sums, 1) | (sums == 0)).all())


def rows(path: Path) -> bool:
    return faces(path, only_whole=False)


def votes(path: Path) -> bool:
    from fer_keras.data.votes_files import find_or_read

    found = find_or_read(str(path), whole_faces())
    return found.shape == (140, 10) and found.dtype == np.uint8


def model(path: Path) -> bool:
    answers = load(path).predict(whole_faces().images[:3])
    confidences = np.array([answer.confidence for answer in answers])
    probabilities = np.array([answer.probabilities for answer in answers])
    fits = np.isfinite(probabilities).all() and np.allclose(probabilities.sum(axis=1), 1, atol=1e-3)
    return bool(fits and ((confidences > 0) & (confidences <= 1)).all())


def folder_of_model(path: Path) -> bool:
    return model(path.parent)


def listed(path: Path) -> bool:
    """A file of which exports.json has the digest is refused where it is another."""
    whole = (MODEL / path.name).read_bytes()
    return model(path.parent) and path.read_bytes() == whole


def picture(path: Path) -> bool:
    (by_name,), (by_bytes,) = classifier().predict(path), classifier().predict(path.read_bytes())
    same = np.array_equal(by_name.probabilities, by_bytes.probabilities)
    return same and 0 < by_name.confidence <= 1


def card(path: Path) -> bool:
    from fer_keras.cards.model_card import member_facts, read_card, teacher_names
    from fer_keras.cards.table import index_text
    from fer_keras.cards.text import card_text

    found = read_card(path.parent)
    member_facts(found)
    teacher_names(["a"], [found])
    return card_text(found).startswith("---") and index_text([found]).count("\n") > 5


def exports(path: Path) -> bool:
    from fer_keras.cards.exports import confidence_text, exports_text
    from fer_keras.export.record import kept_file, read_calibration, read_exports
    from fer_keras.files import MODEL_FILE

    found = read_exports(path.parent, path.with_name(MODEL_FILE))
    for facts in found["formats"].values():
        kept_file(path.parent, facts)
    calibration = read_calibration(path.parent, path.with_name(MODEL_FILE))
    texts = exports_text(found, "student") + (confidence_text(calibration) if calibration else "")
    return isinstance(texts, str) and folder_of_model(path)


def sample(path: Path) -> bool:
    from fer_keras.cards.sample import sample_difference
    from fer_keras.models.load import load_model

    return sample_difference(load_model(MODEL), path.parent) >= 0


def recipe(path: Path) -> bool:
    return isinstance(from_dict(StudentConfig, read_json(path), path), StudentConfig)


def recorded_recipe(path: Path) -> bool:
    """The config.json beside a model, as all that read one do."""
    from argparse import Namespace

    from fer_keras.config import NO_DATA, TeacherConfig
    from fer_keras.distill.teachers import load_teacher
    from fer_keras.jobs import recipes
    from fer_keras.labels import FER2013

    default = StudentConfig(NO_DATA, ()) if recipes.is_of_student(path) else TeacherConfig(NO_DATA)
    found = recipes.recipe_of(Namespace(config=path), default)
    recipes.data_of(path.with_name("model.keras"))
    load_teacher(path.parent, FER2013)
    return isinstance(found, type(default)) and folder_of_model(path)


def run(path: Path) -> bool:
    """A run that goes on from what is there, or says why not; damage to a checkpoint costs an epoch, no more."""
    from fer_keras.training.run import Run

    folder = path.parents[2] if path.parent.name.startswith("epoch-") else path.parent
    found = Run(folder, _config(), resume=True)
    with redirect_stdout(io.StringIO()), found.claimed({}):
        epochs = found.progress.epoch
    published = {file_sha256(file) for file in (_prepared() / "run").glob("checkpoint/*/model.keras")}
    return epochs in (1, 2) and file_sha256(found.model_file) in published


def history(path: Path) -> bool:
    from fer_keras.evaluation.plots import training_curves
    from fer_keras.evaluation.results import read_history
    from fer_keras.models.load import model_file
    from fer_keras.training.run import ancestor_facts

    found = read_history(path.parent)
    read_config(path.parent)
    training_curves(found)
    return isinstance(ancestor_facts(str(model_file(path.parent))), dict)


def cache_of_logits(path: Path) -> bool:
    from fer_keras.distill.logit_cache import LogitCache

    identity = _identity(path.parent)
    logits = LogitCache([path.parent], [identity], 2).view(0)
    return np.array_equal(logits, LogitCache([_prepared() / "cache"], [identity], 2).view(0))


def made_shard(path: Path) -> bool:
    """Logits that another program wrote, with the check sum of a zip that is right, can only be checked for sense."""
    from fer_keras.distill.logit_cache import LogitCache

    return bool(np.isfinite(LogitCache([path.parent], [_identity(path.parent)], 2).view(0)).all())


_home: list[Path] = []


def _prepared() -> Path:
    return _home[0]


def _identity(folder: Path):
    from fer_keras.distill.cache_identity import CacheIdentity

    path = _prepared() / "cache" / "manifest.json"
    return from_dict(CacheIdentity, read_json(path), path)


def search(path: Path) -> bool:
    """The folder of a search as `search`, `frontier` and `pick` read it."""
    from test_oracle import oracle_in

    from tuner.frontier import frontier_points, read_ledger
    from tuner.frontier_tables import limits_text
    from tuner.ledger import read_rows, write_ledger
    from tuner.settings import SETTINGS_FILE

    folder = path.parents[1] if path.parent.name.startswith("trial_") else path.parent
    if path.name == "ledger.csv":
        return len(frontier_points(read_ledger(path))) > 0
    if path.name == SETTINGS_FILE:
        return bool(limits_text(folder))
    if path.name == "row.json":
        return len(read_rows(folder)) == 1 and write_ledger(folder).is_file() and len(read_ledger(folder)) == 1
    trial = oracle_in(folder, reload=True, **SEARCH).create_trial("worker-1")
    return trial.status in ("STOPPED", "RUNNING", "IDLE")


ASKS: dict[str, Callable[[Path], bool]] = {
    "zip": faces, "zipped-csv": rows, "tar": faces, "csv": rows, "short-csv": rows, "votes-csv": votes,
    "classes": lambda path: faces(path.parent), **dict.fromkeys(
        ("png", "jpeg", "webp", "bmp", "gif", "tiff", "colour-jpeg", "deep-png"), picture
    ),
    "keras": model, "tflite": model, "tflite-int8": model, "tflite-listed": listed, "onnx": model,
    "card-json": card, "exports": exports, "calibration": exports, "sample": sample, "config": recorded_recipe,
    "recipe": recipe, "progress": run, "digests": run, "checkpoint": run, "state": run, "run-config": run,
    "history": history, "manifest": cache_of_logits, "shard": cache_of_logits, "made-shard": made_shard,
    **dict.fromkeys(("settings", "oracle", "trial", "row", "ledger"), search),
}  # fmt: skip


def outcome(kind: str, path: Path) -> tuple[str, str]:
    """What comes of a file: (answered, refused, wrong or traceback; the sentence or the trace)."""
    try:
        return ("answered" if ASKS[kind](path) else "wrong"), ""
    except FerKerasError as error:
        said = str(error)
        return ("refused" if "\n" not in said and len(said) < LONGEST else "wrong"), said[:LONGEST]
    except Exception:
        return "traceback", traceback.format_exc()
    finally:
        shutil.rmtree(cache_dir() / "faces", ignore_errors=True)


def serve(questions: io.TextIOBase, answers: io.TextIOBase, prepared: Path) -> None:
    """Answer `KIND PATH`, a line each, with a line of JSON."""
    _home.append(prepared)
    for line in questions:
        kind, path = line.rstrip("\n").split(" ", 1)
        answers.write(json.dumps(outcome(kind, Path(path))) + "\n")
        answers.flush()
