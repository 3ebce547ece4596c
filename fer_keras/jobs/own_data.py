"""The data that a model was trained on, as it was when it was trained: its classes, its validation images."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fer_keras.cards.model_card import CARD_FILE, read_card
from fer_keras.data.dataset import FaceData, mark_validation
from fer_keras.errors import FerKerasError
from fer_keras.files import CONFIG_FILE
from fer_keras.labels import label_set_of
from fer_keras.training.run import read_config


def with_validation(data: FaceData, recorded: Mapping[str, Any]) -> FaceData:
    """Return `data` in the classes of a run's configuration of its data, its validation images marked."""
    if "classes" in recorded:
        data = data.with_label_set(label_set_of(recorded["classes"]))
    data.split("train").require_every_class()
    return mark_validation(data, recorded["validation"], recorded["split_seed"])


def require_trained_on(path: Path, marked: FaceData, fingerprint: str) -> None:
    """Check that a model's training images are those of `marked`.

    Raises:
        FerKerasError: they are others.
    """
    if marked.split("train").fingerprint != fingerprint:
        raise FerKerasError(f"{path}: was trained on other images than the training images of {marked.source}")


def as_trained_on(folder: Path, data: FaceData) -> FaceData:
    """Return `data` with the images marked that were set aside for validation when a model was trained.

    Args:
        folder: of a run or a saved model.
        data: the images it was trained on, with or without those unlabelled.

    Raises:
        FerKerasError: it was trained on other data.
    """
    recorded = read_config(folder)["config"]["data"]
    marked = with_validation(data, recorded)
    # A run's own fingerprint is also of the unlabelled images it was distilled on.
    carded = (folder / CARD_FILE).exists()
    require_trained_on(folder, marked.labelled(), (read_card(folder)["data"] if carded else recorded)["fingerprint"])
    return marked


def with_own_validation(files: Sequence[Path], data: FaceData) -> FaceData:
    """Return labelled `data`, those images marked that were set aside for validation of all of some models.

    As it is where one of them has no configuration beside it or was trained on other images.

    Args:
        files: the models' files.
        data: the images.
    """
    marked = data
    for file in files:
        if not (file.parent / CONFIG_FILE).exists():
            return data
        try:
            marked = as_trained_on(file.parent, data).labelled()
        except FerKerasError:
            return data
    return marked
