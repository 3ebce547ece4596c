"""From a run's folder to `saved_models/<name>/`: the model, its report, and nothing that is not ours."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from fer_keras.data.dataset import FaceData
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.evaluate import evaluate, load_model
from fer_keras.evaluation.report import read_history, write_report
from fer_keras.files import HISTORY_FILE, MODEL_FILE, replacing
from fer_keras.models.compact import save_compact
from fer_keras.training.run_folder import CONFIG_FILE, read_config


def ship(
    run: Path, folder: Path, data: FaceData, *, half: bool, beside: Sequence[tuple[str, Path]] = (), command: str = ""
) -> Path:
    """Copy the best model of a run, its config and history, and write its report without any face.

    The scores are those of the file as shipped, so of the rounded weights where `half` is set.

    Args:
        run: the folder of a finished run.
        folder: where to; what is there of an earlier shipment is replaced.
        data: the images to score on, with the run's validation images marked.
        half: round the weights to half precision.
        beside: (name, file) of models to show beside it, such as its teacher.
        command: the command that makes the run again.

    Returns:
        The path of the report.

    Raises:
        FerKerasError: it is no run, it was trained on other data, or a model cannot be read.
    """
    config, model = read_config(run), load_model(run)
    trained_on = config["config"]["data"]["fingerprint"]
    if data.split("train").fingerprint != trained_on:
        raise FerKerasError(f"{run}: was trained on other images than the training images of {data.source}")
    save_compact(model, folder / MODEL_FILE, half=half)
    for name in (CONFIG_FILE, HISTORY_FILE):
        with replacing(folder / name) as partial:
            shutil.copyfile(run / name, partial)
    rows = [
        (name, evaluate(load_model(file), data, file=file))
        for name, file in [(folder.name, folder / MODEL_FILE), *beside]
    ]
    return write_report(
        folder,
        folder.name,
        rows,
        history=read_history(folder),
        facts={"run": config["config"], "trained with": config["environment"]},
        command=command,
        faces=False,
    )
