"""The facts of a model card as JSON values: card.json holds them, `card_text` tells them.

Reference: Mitchell et al., "Model Cards for Model Reporting", 2019, arXiv 1810.03993.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fer_keras.cards.limits import intended_use, limits
from fer_keras.cards.schema import Card, DataFacts, Member, Teacher
from fer_keras.config import checked, environment
from fer_keras.data.audit import audit
from fer_keras.data.dataset import SPLITS, FaceData
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.results import Evaluation
from fer_keras.files import read_json

CARD_FILE = "card.json"
CARD_TEXT_FILE = "card.md"

LICENSE = "Apache-2.0"
"""Of shipped models, as SPDX calls it: that of this project."""

_FINGERPRINTS = ("fingerprint_as_trained", "fingerprint")


def model_card(
    name: str,
    evaluation: Evaluation,
    run: tuple[Mapping[str, Any], pd.DataFrame],
    facts: Mapping[str, Any],
    siblings: Sequence[Card],
) -> Card:
    """Return the card of one model.

    Args:
        name: its name among the saved models.
        evaluation: of its file as shipped.
        run: the config.json of the run that made it, and its history: a row an epoch, `val_accuracy` and `seconds`.
        facts: what the card holds as it is: `fingerprint` of the file as shipped and `fingerprint_as_trained`, before
            any rounding; `data`, from `data_facts`; `figures`, heading -> path from the card's folder; `reproduce`, the
            command that trains it again; `model_sha256`.
        siblings: the cards of the other saved models, among which its teachers are looked for.
    """
    recorded, history = run
    config = recorded["config"]
    best = int(np.nanargmax(history["val_accuracy"]))
    recipe = {
        "teachers": teacher_names(config.get("teachers") or [], siblings),
        "epochs": len(history),
        "best_epoch": best + 1,
        "best_validation_accuracy": float(history["val_accuracy"].iloc[best]),
        "seconds": float(history["seconds"].sum()),
        **{key: recorded[key] for key in ("config", "environment", "ancestor") if key in recorded},
    }
    return {
        **_common(name, "student" if recipe["teachers"] else "teacher", evaluation, facts),
        "architecture": config["model"],
        "recipe": recipe,
    }


def ensemble_card(
    name: str, evaluation: Evaluation, members: Sequence[tuple[Card, Evaluation]], facts: Mapping[str, Any]
) -> Card:
    """Return the card of an ensemble of saved models, which has no weights of its own.

    Args:
        name: its name among the saved models.
        evaluation: of its members' mean probability.
        members: each one's card, and its evaluation on the same images.
        facts: as of `model_card`, without fingerprints; and `mirrored`, whether the mean is over each image and its
            mirror image.
    """
    rows = [{**member_facts(card), "scores": _scores(scored)} for card, scored in members]
    return {
        **_common(name, "ensemble", evaluation, facts),
        "members": [card["name"] for card, _ in members],
        "fingerprint": None,
        "beside": rows,
    }


def member_facts(card: Card) -> Member:
    """Return what an ensemble's card says of a member, from its own card, but for the scores."""
    recipe = card["recipe"]
    facts = {key: card[key] for key in ("name", "kind", "fingerprint", "architecture", "size")}
    facts |= {key: recipe[key] for key in ("teachers", "epochs", "seconds")}
    return {**facts, "device": recipe["environment"].get("device")}


def data_facts(data: FaceData, unlabelled: int | None = None) -> DataFacts:
    """Return what is wrong with labelled images, and the fingerprint of those fitted to, as JSON values.

    Args:
        data: images, those set aside for validation marked; the audit counts them as training images. Of unlabelled
            ones only their number is given.
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


def teacher_names(fingerprints: Sequence[str], cards: Sequence[Card]) -> list[Teacher]:
    """Return name and fingerprint of each teacher; the name is None where no card has the fingerprint."""
    names = {card[key]: card["name"] for card in cards for key in _FINGERPRINTS if card.get(key)}
    return [{"name": names.get(fingerprint), "fingerprint": fingerprint} for fingerprint in fingerprints]


def read_card(folder: Path) -> Card:
    """Return the card.json of a saved model.

    Raises:
        FerKerasError: there is none, or it is no model card; the sentence names the key.
    """
    path = folder / CARD_FILE
    where = f"{path}: expected a model card"
    card = checked(Card, read_json(path), where)
    for scores in [card["scores"], *(member["scores"] for member in card.get("beside", []))]:
        count, splits = len(scores["classes"]), scores["splits"]
        for key, split in splits.items():
            for score in filter(None, (split["all"], split["without_copies"])):
                rows = (score["per_class_recall"], score["confusion"], *score["confusion"])
                if {count} != {len(row) for row in rows}:
                    raise FerKerasError(f"{where}: scores.splits.{key}: expected rows and columns of {count} classes")
        if not splits.keys() & {*SPLITS}:
            raise FerKerasError(f"{where}: scores.splits: expected some of {', '.join(SPLITS)}")
    for split in card["data"]["audit"]["splits"]:
        if split["class_counts"].keys() != {*card["classes"]}:
            raise FerKerasError(f"{where}: data.audit: expected a count of each of {', '.join(card['classes'])}")
    return card


def find_card(name: str) -> Path:
    """Return the folder of a saved model or ensemble, given itself or its name below saved_models/, its card checked.

    Raises:
        FerKerasError: as `read_card`.
    """
    folder = Path(name)
    folder = folder if folder.exists() or len(folder.parts) > 1 else Path("saved_models", name)
    read_card(folder)
    return folder


def read_cards(folder: Path) -> list[Card]:
    """Return the cards of all saved models in `folder`, by name; see `read_card`."""
    return [read_card(path.parent) for path in sorted(folder.glob(f"*/{CARD_FILE}"))]


def _common(name: str, kind: str, evaluation: Evaluation, facts: Mapping[str, Any]) -> dict[str, Any]:
    data = "" if evaluation.drawn else "--data fer2013.zip "
    card = {
        "name": name,
        "kind": kind,
        "classes": list(evaluation.classes),
        "size": dict(vars(evaluation.size)) if evaluation.size else None,
        "scores": _scores(evaluation),
        **facts,
        "evaluate": f"python scripts/evaluate.py saved_models/{name} {data}--card",
        "scored_with": environment(),
    }
    return {**card, **standing_texts(card)}


def standing_texts(card: Card) -> dict[str, list[str]]:
    """Return what every card of these classes and data says."""
    classes = card["classes"]
    return {
        "intended_use": intended_use(classes),
        "limits": limits(classes, card["data"], card["scores"]["drawn"]),
    }


def _scores(evaluation: Evaluation) -> dict[str, Any]:
    return {key: value for key, value in evaluation.to_dict().items() if key != "size"}
