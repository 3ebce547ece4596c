"""The network whose weights a run began with, which may be replaced later: what is written down of it."""

from typing import Any

from fer_keras.distill.ensemble import teacher_fingerprint
from fer_keras.evaluation.results import read_history
from fer_keras.files import CONFIG_FILE, HISTORY_FILE, read_config
from fer_keras.models.load import load_model, model_file

ANCESTOR = "ancestor"
"""In config.json: `ancestor_facts` of the network that the run started with."""


def ancestor_facts(init_from: str) -> dict[str, Any]:
    """Return what its files say of a saved model that a run starts with, as JSON values.

    Args:
        init_from: as in `StudentConfig`.

    Returns:
        `fingerprint`; where its run's files lie beside it also its `config`, `epochs`, `seconds` and
        `best_validation_accuracy`, and `ancestor`, the same of that which it started with itself.

    Raises:
        FerKerasError: it is no model, or what lies beside it is no run's.
    """
    folder = model_file(init_from).parent
    facts: dict[str, Any] = {"fingerprint": teacher_fingerprint(load_model(init_from))}
    if (folder / CONFIG_FILE).is_file() and (folder / HISTORY_FILE).is_file():
        recorded, history = read_config(folder), read_history(folder)
        facts |= {"config": recorded["config"], "epochs": len(history), "seconds": float(history["seconds"].sum())}
        facts["best_validation_accuracy"] = float(history["val_accuracy"].max())
        facts |= {ANCESTOR: recorded[ANCESTOR]} if ANCESTOR in recorded else {}
    return facts
