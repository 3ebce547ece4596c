"""The facts of a model card as JSON values: card.json holds them, `card_text` tells them.

Reference: Mitchell et al., "Model Cards for Model Reporting", 2019, arXiv 1810.03993.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fer_keras.config import environment
from fer_keras.data.audit import audit
from fer_keras.data.dataset import FaceData
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.results import Evaluation
from fer_keras.evaluation.tables import HUMAN_AGREEMENT
from fer_keras.files import read_json

CARD_FILE = "card.json"
CARD_TEXT_FILE = "card.md"

Card = dict[str, Any]

INTENDED_USE: tuple[str, ...] = (
    "Telling which of {count} coarse expressions a tightly cropped, roughly frontal face shows to others: for research"
    " and teaching on small models and knowledge distillation, and where a wrong answer harms nobody.",
    "Not for judging anyone, nor for decisions about people. The European Union forbids inferring emotions at work"
    " and in education, but for medical or safety reasons (Regulation (EU) 2024/1689, article 5(1)(f)).",
)

LIMITS: tuple[str, ...] = (
    "The labels are the expressions that the search words for an image stood for, checked by people (arXiv 1307.0414),"
    " not what the person felt. The model cannot tell emotions, intentions, truthfulness, health or character.",
    f"{HUMAN_AGREEMENT[0].upper()}{HUMAN_AGREEMENT[1:]}.",
    "FER2013 came from web searches: posed and celebrity faces, unknown shares of age, sex, ethnicity and culture."
    " Scores may be worse for groups that are rare in it; it has no annotation by which that could be measured.",
    "It takes 48x48 grey pixels and finds no faces: it answers for any picture, whether it shows a face or not.",
    "A confidence is not a probability of being right until it is calibrated; the calibration error says how far off.",
)

_COUNTS = dict(zip(range(2, 11), ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"], strict=True))

_FINGERPRINTS = ("fingerprint_as_trained", "fingerprint")

_ESSENTIAL = {"name", "kind", "classes", "size", "fingerprint", "scores", "data", "reproduce"}


def model_card(
    name: str,
    evaluation: Evaluation,
    run: Mapping[str, Any],
    history: pd.DataFrame,
    *,
    fingerprints: tuple[str, str],
    data: Mapping[str, Any],
    siblings: Sequence[Card],
    figures: Mapping[str, str],
    reproduce: str,
) -> Card:
    """Return the card of one model.

    Args:
        name: its name among the saved models.
        evaluation: of its file as shipped.
        run: the config.json of the run that made it.
        history: one row an epoch, with `val_accuracy` and `seconds`.
        fingerprints: `teacher_fingerprint` of the file as shipped, and of the model as trained, before any rounding.
        data: from `data_facts`.
        siblings: the cards of the other saved models, among which its teachers are looked for.
        figures: heading -> path from the card's folder.
        reproduce: the command that trains it again.
    """
    config = run["config"]
    shipped, as_trained = fingerprints
    best = int(np.nanargmax(history["val_accuracy"]))
    recipe = {
        "teachers": teacher_names(config.get("teachers") or [], siblings),
        "epochs": len(history),
        "best_epoch": best + 1,
        "best_validation_accuracy": float(history["val_accuracy"].iloc[best]),
        "seconds": float(history["seconds"].sum()),
        "config": config,
        "environment": run["environment"],
        **({"ancestor": run["ancestor"]} if "ancestor" in run else {}),
    }
    return {
        **_common(name, "student" if recipe["teachers"] else "teacher", evaluation),
        "architecture": config["model"],
        "fingerprint": shipped,
        "fingerprint_as_trained": as_trained,
        "data": dict(data),
        "recipe": recipe,
        "figures": dict(figures),
        **_commands(name, evaluation, reproduce),
    }


def ensemble_card(
    name: str,
    evaluation: Evaluation,
    members: Sequence[tuple[Card, Evaluation]],
    *,
    mirrored: bool,
    data: Mapping[str, Any],
    figures: Mapping[str, str],
    reproduce: str,
) -> Card:
    """Return the card of an ensemble of saved models, which has no weights of its own.

    Args:
        name: its name among the saved models.
        evaluation: of its members' mean probability.
        members: each one's card, and its evaluation on the same images.
        mirrored: whether the mean is over each image and its mirror image.
        data: from `data_facts`.
        figures: heading -> path from the card's folder.
        reproduce: the command that puts it together again.
    """
    rows = [{**member_facts(card), "scores": _scores(scored)} for card, scored in members]
    return {
        **_common(name, "ensemble", evaluation),
        "members": [card["name"] for card, _ in members],
        "mirrored": mirrored,
        "fingerprint": None,
        "beside": rows,
        "data": dict(data),
        "figures": dict(figures),
        **_commands(name, evaluation, reproduce),
    }


def member_facts(card: Card) -> dict[str, Any]:
    """Return what an ensemble's card says of a member, from its own card, but for the scores."""
    recipe = card["recipe"]
    facts = {key: card[key] for key in ("name", "kind", "fingerprint", "architecture", "size")}
    device = recipe["environment"].get("device")
    return {**facts, **{key: recipe[key] for key in ("teachers", "epochs", "seconds")}, "device": device}


def data_facts(data: FaceData, unlabelled: int | None = None) -> dict[str, Any]:
    """Return what is wrong with labelled images, and the fingerprint of those fitted to, as JSON values.

    Args:
        data: images, those set aside for validation marked; the audit counts them as training images. Of unlabelled
            ones only their number is told.
        unlabelled: how many of these the model was distilled on; default: those in `data`.
    """
    labelled = data.labelled()
    published = np.where(labelled.splits == "val", "train", labelled.splits)
    return {
        "fingerprint": labelled.split("train").fingerprint,
        "validation_images": int((labelled.splits == "val").sum()),
        "unlabelled_images": unlabelled_count(data) if unlabelled is None else unlabelled,
        "unlabelled_images_at_hand": unlabelled_count(data),
        "audit": audit(replace(labelled, splits=published)).to_dict(),
    }


def unlabelled_count(data: FaceData) -> int:
    """Return how many training images have no label."""
    return int((data.split("train").labels < 0).sum())


def teacher_names(fingerprints: Sequence[str], cards: Sequence[Card]) -> list[dict[str, str | None]]:
    """Return name and fingerprint of each teacher; the name is None where no card has the fingerprint."""
    names = {card[key]: card["name"] for card in cards for key in _FINGERPRINTS if card.get(key)}
    return [{"name": names.get(fingerprint), "fingerprint": fingerprint} for fingerprint in fingerprints]


def read_card(folder: Path) -> Card:
    """Return the card.json of a saved model.

    Raises:
        FerKerasError: there is none, or it is no model card.
    """
    card = read_json(folder / CARD_FILE)
    if not isinstance(card, dict) or not card.keys() >= _ESSENTIAL:
        raise FerKerasError(f"{folder / CARD_FILE}: expected a model card")
    return card


def read_cards(folder: Path) -> list[Card]:
    """Return the cards of all saved models in `folder`, by name; see `read_card`."""
    return [read_card(path.parent) for path in sorted(folder.glob(f"*/{CARD_FILE}"))]


def _common(name: str, kind: str, evaluation: Evaluation) -> Card:
    return {
        "name": name,
        "kind": kind,
        "classes": list(evaluation.classes),
        "size": dict(vars(evaluation.size)) if evaluation.size else None,
        **standing_texts(evaluation.classes),
        "scores": _scores(evaluation),
    }


def standing_texts(classes: Sequence[str]) -> Card:
    """Return what the card of every model of these classes says."""
    count = _COUNTS.get(len(classes), str(len(classes)))
    return {"intended_use": [text.format(count=count) for text in INTENDED_USE], "limits": list(LIMITS)}


def _scores(evaluation: Evaluation) -> dict[str, Any]:
    return {key: value for key, value in evaluation.to_dict().items() if key != "size"}


def _commands(name: str, evaluation: Evaluation, reproduce: str) -> Card:
    data = "" if evaluation.drawn else "--data fer2013.zip "
    evaluate = f"python scripts/evaluate.py saved_models/{name} {data}--card"
    return {"reproduce": reproduce, "evaluate": evaluate, "scored_with": environment()}
