"""What a run is fitted on: which images, with which targets."""

from dataclasses import replace

import numpy as np

from fer_keras.config import NO_DATA, DataConfig
from fer_keras.data.dataset import FaceData, fold_of, mark_validation
from fer_keras.data.votes import with_votes
from fer_keras.data.votes_files import find_or_read


def training_data(data: FaceData, options: DataConfig = NO_DATA) -> tuple[FaceData, DataConfig]:
    """Give the images the targets asked for, set validation aside unless the data bring their own, and describe both.

    Args:
        data: all images.
        options: the targets, the part of the training images that is left out, and how validation is chosen.

    Raises:
        FerKerasError: there is nothing to train on, a class has no image, or votes are asked for that there are not.
    """
    data = with_targets(data, options)
    data.split("train").require_every_class()
    if (data.splits == "val").any():  # the data bring their own
        options = replace(options, validation=0.0)
    data = mark_validation(data, options.validation, options.split_seed)
    data = without_left_out(data, options)
    fingerprint = data.split("train").fingerprint
    return data, replace(options, source=data.source, fingerprint=fingerprint, classes=data.classes)


def without_left_out(data: FaceData, options: DataConfig) -> FaceData:
    """Return the images without that part of the training images which `options` leave out."""
    if not options.left_out:
        return data
    return data.take(np.flatnonzero(fold_of(data, options.folds) + 1 != options.left_out))  # folds count from 0


def with_targets(data: FaceData, options: DataConfig) -> FaceData:
    """Give the images the targets that `options` ask for, the data's labels or FER+'s votes.

    Raises:
        FerKerasError: votes are asked for that there are not.
    """
    if options.targets == "labels":
        return data
    return with_votes(data, find_or_read(options.votes, data), options.targets)
