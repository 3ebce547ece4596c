"""What each measure gains in training, side by side on drawn faces."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from fer_keras.config import ViewConfig
from fer_keras.data.augment import make_views
from fer_keras.data.dataset import FaceData
from fer_keras.data.synthetic import drawn_faces
from fer_keras.distill.cache_identity import identify
from fer_keras.distill.distiller import Distiller
from fer_keras.distill.ensemble import build_ensemble
from fer_keras.distill.logit_cache import LogitCache, write_logits
from fer_keras.distill.objective import ViewSchedule
from fer_keras.jobs.benchmark import turns
from fer_keras.models import from_preset
from fer_keras.models.fast_layers import FAST, for_training
from fer_keras.training.pipeline import BatchOrder, training_dataset, with_autotune

Arm = Callable[[], object]

IMAGES, BATCH, MEMBERS = 4096, 128, 3

PLAIN, NO_AUTOTUNE = "stock layers, autotune", "stock layers, autotune off"
FUSED = "fused normalisation, autotune off"
LABELS, TENSORS = "labels alone", "labels alone, ready-made views"
CACHED, LIVE = "Distiller, cached logits", "keras.distillation, live ensemble"

RATIOS = (
    ("label-only speed-up over plain Keras fit", PLAIN, LABELS, "at least 1.5"),
    ("of which autotune off", PLAIN, NO_AUTOTUNE, ""),
    ("of which fused batch normalisation", NO_AUTOTUNE, FUSED, ""),
    ("of which dropout by bytes", FUSED, LABELS, ""),
    ("cost of views", LABELS, TENSORS, "at most 1.15"),
    ("cost of cached logits", CACHED, LABELS, "at most 1.05"),
    ("cached speed-up over live", LIVE, CACHED, "at least 3"),
)
"""(what, slower arm, faster arm, goal): each ratio is slower / faster."""


def interleave(arms: Mapping[str, Arm], rounds: int) -> pd.DataFrame:
    """Run every arm once a round, in `turns`.

    Returns:
        Seconds, a row a round and a column an arm.
    """
    names = list(arms)
    seconds = pd.DataFrame(0.0, range(rounds + 1), names)
    for number, place in turns(len(arms), rounds):
        start = time.perf_counter()
        arms[names[place]]()
        seconds.loc[number, names[place]] = spent = time.perf_counter() - start
        print(f"  {names[place]}: {spent:.2f} s", flush=True)
    return seconds[1:].reset_index(drop=True)


def compare(seconds: pd.DataFrame) -> pd.DataFrame:
    """Return `RATIOS`: of the arms' fastest rounds, and the median, lowest and highest over the rounds.

    Other work on the machine only ever adds time, up to ten times an arm's own, so the fastest rounds say most about
    the code (as the documentation of Python's `timeit` advises); the rest tells how noisy the run was.
    """
    rows = []
    for title, slower, faster, goal in RATIOS:
        fastest, ratio = seconds[slower].min() / seconds[faster].min(), seconds[slower] / seconds[faster]
        rows.append((title, fastest, ratio.median(), ratio.min(), ratio.max(), goal))
    return pd.DataFrame(rows, columns=["ratio", "fastest", "median", "lowest", "highest", "goal"]).round(3)


def distillation_arms(cache_root: Path) -> dict[str, Arm]:
    """Return the arms: an epoch of the reference MobileNet on 4,096 drawn faces, each in its own way.

    The teachers are untrained, which changes no time.
    """
    data = drawn_faces(IMAGES + IMAGES // 2, seed=0).split("train").take(np.arange(IMAGES))
    views = ViewConfig()
    teachers = [from_preset("reference-cnn") for _ in range(MEMBERS)]
    identities = [identify(teacher, data, views, 0) for teacher in teachers]
    folders = [write_logits(t, data, i, 1, cache_root) for t, i in zip(teachers, identities, strict=True)]
    cache = LogitCache(folders, identities, 1)
    labelled = training_dataset(data, ViewSchedule(0), epochs=range(1), order=BatchOrder(BATCH, 0))
    distilled = training_dataset(data, ViewSchedule(0, 1), cache, epochs=range(1), order=BatchOrder(BATCH, 0))
    normalisation = {stock: fast for stock, fast in FAST.items() if stock is keras.layers.BatchNormalization}
    return {
        PLAIN: _fit(_labels_only({}), with_autotune(labelled, True)),
        NO_AUTOTUNE: _fit(_labels_only({}), labelled),
        FUSED: _fit(_labels_only(normalisation), labelled),
        LABELS: _fit(_labels_only(FAST), labelled),
        TENSORS: _fit(_labels_only(FAST), _ready_made(data, views)),
        CACHED: _fit(_compiled(Distiller(for_training(from_preset("reference-mobilenet"))), None), distilled),
        LIVE: _fit(_live(teachers), with_autotune(labelled, True)),
    }


def benchmark_distillation(rounds: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (seconds per 4,096 images by round and arm, ratios)."""
    with TemporaryDirectory() as cache_root:
        seconds = interleave(distillation_arms(Path(cache_root)), rounds)
    return seconds.round(3), compare(seconds)


def _fit(model: keras.Model, dataset: tf.data.Dataset) -> Arm:
    return lambda: model.fit(dataset, epochs=1, verbose=0, shuffle=False)


def _labels_only(replacements: Mapping[type, type]) -> keras.Model:
    model = for_training(from_preset("reference-mobilenet"), replacements=replacements)
    return _compiled(model, keras.losses.CategoricalCrossentropy(True))


def _compiled(model: keras.Model, loss: keras.losses.Loss | None) -> keras.Model:
    model.compile(keras.optimizers.AdamW(1e-3), loss, metrics=["categorical_accuracy"], jit_compile=False)
    return model


def _live(teachers: list[keras.Model]) -> keras.Model:
    ensemble = build_ensemble(teachers)
    teacher = keras.Model(ensemble.input, keras.layers.GlobalAveragePooling1D()(ensemble.output))
    loss = keras.distillation.LogitsDistillation(temperature=2.5, loss=keras.losses.KLDivergence())
    distiller = keras.distillation.Distiller(teacher, from_preset("reference-mobilenet"), loss)
    return _compiled(distiller, keras.losses.CategoricalCrossentropy(True))


def _ready_made(data: FaceData, views: ViewConfig) -> tf.data.Dataset:
    images_of_view = make_views(views, 0, 0, data.images, data.index)
    dataset = tf.data.Dataset.from_tensor_slices((images_of_view, data.targets))
    return with_autotune(dataset.batch(BATCH).prefetch(4), False)
