"""Score any model on every labelled split of any data."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from fer_keras.data.dataset import SPLITS, FaceData
from fer_keras.data.model_classes import label_set_or_note
from fer_keras.distill.ensemble import ensemble_logits
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.metrics import has_copy_in, majorities, score
from fer_keras.evaluation.results import Evaluation, ModelSize, SplitResult
from fer_keras.labels import IMAGE_SHAPE, LabelSet
from fer_keras.models import budget, fast_layers  # noqa: F401  (registers our layers with Keras)
from fer_keras.models.forward import logits_function
from fer_keras.models.heads import take_head
from fer_keras.models.load import load_model, model_file, model_names

_BATCH = 512

TRAINING_SPLITS: tuple[str, ...] = ("train", "val")
"""The published training images: fitted to, or set aside from them to choose a model by."""

REPORTED_SPLITS: tuple[str, ...] = tuple(name for name in SPLITS if name != "train")


def evaluate(
    model: keras.Model, data: FaceData, *, splits: Sequence[str] = REPORTED_SPLITS, file: Path | None = None
) -> Evaluation:
    """Score a model on every labelled split of `data`, or on what people voted where its targets are votes.

    Args:
        model: as for `fer_keras.models.forward.logits_function`.
        data: the images. Its `train` and `val` splits are also what copies are looked for in; keep them.
        splits: which splits to score; those without labelled images are passed over.
        file: the model's file, for its size.

    Raises:
        FerKerasError: an unknown split, no labelled images in any of them, or logits that are not finite.
    """
    logits_of = logits_function(model)
    logits = {name: _in_batches(logits_of, images) for name, images in _labelled_images(data, splits)}
    return evaluate_logits(logits, data, size=model_size(model, file))


def mirrored_logits(model: keras.Model, data: FaceData) -> dict[str, np.ndarray]:
    """Return what `evaluate_logits` takes, of the mirror image of every labelled image of every reported split."""
    logits_of, splits = logits_function(model), _labelled_images(data, REPORTED_SPLITS)
    return {name: _in_batches(logits_of, images[:, :, ::-1]) for name, images in splits}


def evaluate_logits(logits: Mapping[str, np.ndarray], data: FaceData, *, size: ModelSize | None = None) -> Evaluation:
    """Score logits that are already at hand, such as an ensemble's.

    Args:
        logits: split name -> float [N, C], a row for each *labelled* image of that split, in order.
        data: as in `evaluate`.
        size: what the model costs, if known.

    Raises:
        FerKerasError: as `evaluate`, or logits that do not go together with their split.
    """
    if not logits:
        raise FerKerasError(f"{data.source}: no labelled images to score, found splits {data.split_names}")
    results = {name: _result(name, logits[name], data) for name in SPLITS if name in logits}
    return Evaluation(results, data.source, data.drawn, data.classes, size)


def evaluate_files(
    paths: Sequence[Path], data: FaceData, *, splits: Sequence[str] = REPORTED_SPLITS
) -> dict[str, list[tuple[str, Evaluation]]]:
    """Score saved models, and where there are several also their ensemble.

    Args:
        paths: `.keras` files, or folders that hold `model.keras`.
        data: as in `evaluate`.
        splits: which to score.

    Returns:
        Head -> (name, evaluation) of each model, after that of the `ensemble` where there are several. There is one
        head, called "", unless both models and data have several. Models are called as of `model_names`.

    Raises:
        FerKerasError: as `evaluate` and `load_model`, or the models have different heads.
    """
    files = [model_file(path) for path in paths]
    names = model_names(files)
    heads = [by_head(load_model(file), label_set_or_note(file), data) for file in files]
    if len({tuple(each) for each in heads}) > 1:
        found = " and ".join(sorted({", ".join(each) or "one head" for each in heads}))
        raise FerKerasError(f"{data.source}: models of {found}, expected models with the same heads")
    rows = {
        head: [
            (name, evaluate(each[head][0], each[head][1], splits=splits, file=file))
            for name, file, each in zip(names, files, heads, strict=True)
        ]
        for head in heads[0]
    }
    if len(files) > 1:
        for head, members in rows.items():
            ensemble = evaluate_ensemble([member for _, member in members], heads[0][head][1])
            rows[head] = [("ensemble", ensemble), *members]
    return rows


def by_head(model: keras.Model, label_set: LabelSet | None, data: FaceData) -> dict[str, tuple[keras.Model, FaceData]]:
    """Return what can be scored of a model: the name of a head -> its network, and the images with its targets.

    Args:
        model: as in `evaluate`.
        label_set: its classes; None where they are not known and those of the data are taken.
        data: of all of the model's heads, or of the classes of one of them, which is then called "" as a model's only
            head is.

    Raises:
        FerKerasError: a class that has images is none of the model's, or no head has the classes of the data.
    """
    if label_set is None or len(label_set.heads) == 1:
        return {"": (model, data if label_set is None else data.with_label_set(label_set))}
    if data.classes != label_set.classes:
        return {"": (take_head(model, label_set, data.label_set), data)}
    return {
        label_set.head_name(columns): (take_head(model, label_set, label_set.head(columns)), data.of_head(columns))
        for columns in label_set.heads
    }


def evaluate_ensemble(
    members: Sequence[Evaluation], data: FaceData, mirrored: Sequence[Mapping[str, np.ndarray]] = ()
) -> Evaluation:
    """Score the mean of the probabilities of models whose evaluations on `data` are at hand.

    Its size is what the members cost together; of activations, those of the largest, since one can run after the other.

    Args:
        members: of each model.
        data: as in `evaluate`.
        mirrored: `mirrored_logits` of each model, to average over too, for as many multiply-adds again; () for none.

    Raises:
        FerKerasError: the members have different classes.
    """
    if len({member.classes for member in members}) > 1:
        found = " and ".join(sorted({", ".join(member.classes) for member in members}))
        raise FerKerasError(f"an ensemble needs members of the same classes in the same order, found {found}")
    logits = {
        name: ensemble_logits(
            np.stack([*(member.splits[name].logits for member in members), *(part[name] for part in mirrored)], axis=1)
        )
        for name in members[0].splits
    }
    sizes = [member.size for member in members]
    size = None if None in sizes else _together(sizes)
    if size and mirrored and size.multiply_adds is not None:
        size = replace(size, multiply_adds=2 * size.multiply_adds)
    return evaluate_logits(logits, data, size=size)


def _together(sizes: Sequence[ModelSize]) -> ModelSize:
    def total(name: str, of: Callable[[Sequence[int]], int] = sum) -> int | None:
        values = [getattr(size, name) for size in sizes]
        return None if None in values else of(values)

    return ModelSize(total("parameters"), total("multiply_adds"), total("activation_memory", max), total("file_bytes"))


def predict_logits(model: keras.Model, images: np.ndarray, batch_size: int = _BATCH) -> np.ndarray:
    """Return float32 logits [N, C] for uint8 images [N, 48, 48, 1].

    Args:
        model: as for `logits_function`.
        images: uint8 [N, 48, 48, 1], possibly memory-mapped.
        batch_size: images a step; changes no result.
    """
    return _in_batches(logits_function(model), images, batch_size)


def _in_batches(logits_of: Callable[[np.ndarray], np.ndarray], images: np.ndarray, size: int = _BATCH) -> np.ndarray:
    batches = [logits_of(images[start : start + size]) for start in range(0, len(images), size)]
    return np.concatenate(batches) if batches else logits_of(np.zeros((1, *IMAGE_SHAPE), np.uint8))[:0]


def model_size(model: keras.Model, file: Path | None = None) -> ModelSize:
    """Measure what a model costs; `file` is where it is saved, if it is."""
    file_bytes = file.stat().st_size if file else None
    try:
        multiply_adds, memory = budget.multiply_adds(model), budget.activation_memory(model)
    except (AttributeError, KeyError, ValueError):  # A subclassed model has no graph to walk.
        multiply_adds = memory = None
    return ModelSize(budget.parameters(model), multiply_adds, memory, file_bytes)


def _result(name: str, logits: np.ndarray, data: FaceData) -> SplitResult:
    """Score one split, with and without copies of training images.

    A copy counts whether the training image was fitted to or set aside for validation, so that a model's
    numbers do not depend on who scores it: whoever has only its file cannot know which were set aside.
    """
    rows = np.flatnonzero((data.splits == name) & (data.labels >= 0))
    labelled = data.take(rows)
    if logits.shape[1:] != (data.num_classes,):
        raise FerKerasError(
            f"{data.source} has {data.num_classes} classes ({', '.join(data.classes)}),"
            f" the model gives logits {list(logits.shape)}"
        )
    labels, shares = (None if each is None else each[rows] for each in majorities(data))
    fitted = np.isin(data.splits, [other for other in TRAINING_SPLITS if other != name])
    copies = without = None
    if name != "train" and fitted.any():
        copied = has_copy_in(labelled, data.take(np.flatnonzero(fitted)))
        copies = int(copied.sum())
        if (labels[~copied] >= 0).any():
            without = score(logits[~copied], labels[~copied], None if shares is None else shares[~copied])
    return SplitResult(score(logits, labels, shares), without, copies, logits, labelled, labels, shares)


def _labelled_images(data: FaceData, splits: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
    """The name and the images of each of the splits that has labelled ones."""
    for name in splits:
        labelled = data.split(name).labelled()
        if len(labelled):
            yield name, labelled.images
