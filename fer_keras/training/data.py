"""What a run is fitted on: which images."""

from dataclasses import replace

from fer_keras.config import DataConfig
from fer_keras.data.dataset import FaceData, mark_validation


def training_data(data: FaceData) -> tuple[FaceData, DataConfig]:
    """Set validation images aside, unless the data bring their own, and describe what is left to train on.

    Raises:
        FerKerasError: there is nothing to train on, or a class has no image.
    """
    data.split("train").require_every_class()
    config = DataConfig(data.source, "", classes=data.classes)
    if (data.splits == "val").any():  # the data bring their own
        config = replace(config, validation=0.0)
    data = mark_validation(data, config.validation, config.split_seed)
    return data, replace(config, fingerprint=data.split("train").fingerprint)
