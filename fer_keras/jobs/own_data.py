"""The data that a model was trained on, as it was when it was trained: its targets, its validation images."""

from collections.abc import Sequence
from pathlib import Path

from fer_keras.cards.model_card import CARD_FILE, read_card
from fer_keras.config import DataConfig
from fer_keras.data.dataset import FaceData, mark_validation
from fer_keras.errors import FerKerasError
from fer_keras.files import CONFIG_FILE
from fer_keras.jobs.recipes import data_of
from fer_keras.training.data import with_targets, without_left_out


def with_validation(data: FaceData, recorded: DataConfig) -> FaceData:
    """Return `data` in the classes and with the targets of a run's recipe, its validation images marked."""
    if recorded.targets == "labels":
        data = data.with_label_set(recorded.label_set)
    data.split("train").require_every_class()
    return with_targets(mark_validation(data, recorded.validation, recorded.split_seed), recorded)


def require_trained_on(folder: Path, marked: FaceData, recorded: DataConfig) -> None:
    """Check that a model's training images are those of `marked`, less the part that it has not learned from.

    Args:
        folder: of a run or a saved model.
        marked: from `with_validation`.
        recorded: of its recipe.

    Raises:
        FerKerasError: they are others.
    """
    if (folder / CARD_FILE).exists():  # a card's fingerprint is of labelled images, those left out too
        seen, expected = marked.labelled(), read_card(folder)["data"]["fingerprint"]
    else:  # a run's is also of the unlabelled images it was distilled on
        seen, expected = without_left_out(marked, recorded), recorded.fingerprint
    if seen.split("train").fingerprint != expected:
        raise FerKerasError(f"{folder}: was trained on other images than the training images of {marked.source}")


def as_trained_on(folder: Path, data: FaceData) -> FaceData:
    """Return `data` as a model was trained on it: its targets, and the images marked that were set aside to validate.

    Args:
        folder: of a run or a saved model.
        data: the images it was trained on, with or without those unlabelled.

    Raises:
        FerKerasError: it was trained on other data.
    """
    recorded = data_of(folder / CONFIG_FILE)
    marked = with_validation(data, recorded)
    require_trained_on(folder, marked, recorded)
    return marked


def with_own_validation(files: Sequence[Path], data: FaceData) -> FaceData:
    """Return labelled `data`, those images marked that were set aside for validation of all of some models.

    As it is where one of them has no configuration beside it or was trained on other images.

    Args:
        files: the models' files.
        data: the images, with their own labels whatever the models' targets are.
    """
    marked = data
    for file in files:
        if not (file.parent / CONFIG_FILE).exists():
            return data
        try:
            own = as_trained_on(file.parent, data)
        except FerKerasError:
            return data
        marked = own.labelled() if own.labelled_as is None else own.labelled_as
    return marked
