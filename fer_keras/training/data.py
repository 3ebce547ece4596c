"""What a run is fitted on: which images, with which targets."""

from dataclasses import replace

import numpy as np

from fer_keras.config import NO_DATA, DataConfig
from fer_keras.data.dataset import FaceData, mark_validation
from fer_keras.data.folds import fold_of
from fer_keras.data.votes import with_votes


def training_data(data: FaceData, options: DataConfig = NO_DATA) -> tuple[FaceData, DataConfig]:
    """Set validation images aside, unless the data bring their own, give all their targets, and describe them.

    Validation is chosen by the data's labels whatever the targets are, so that networks of all targets have the same.

    Args:
        data: all images.
        options: the targets, the part of the training images that is left out, and how validation is chosen.

    Raises:
        FerKerasError: there is nothing to train on, a class has no image, or votes are asked for that there are not.
    """
    data.split("train").require_every_class()
    if (data.splits == "val").any():  # the data bring their own
        options = replace(options, validation=0.0)
    data = mark_validation(data, options.validation, options.split_seed)
    if options.targets != "labels":
        data, _ = with_votes(data, "majority" if options.targets == "majority" else "shares")
        data.split("train").require_every_class()
    if options.left_out:
        left_out = (data.splits == "train") & (fold_of(data, options.folds) == options.left_out)
        data = data.take(np.flatnonzero(~left_out))
    fingerprint = data.split("train").fingerprint
    return data, replace(options, source=data.source, fingerprint=fingerprint, classes=data.classes)
