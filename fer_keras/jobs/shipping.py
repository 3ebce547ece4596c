"""From runs to `saved_models/`: models, ensembles of them, their cards, and nothing that is not ours."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fer_keras.cards.model_card import (
    CARD_FILE,
    CARD_TEXT_FILE,
    Card,
    data_facts,
    ensemble_card,
    model_card,
    read_card,
    read_cards,
    standing_texts,
    teacher_names,
    unlabelled_count,
)
from fer_keras.cards.sample import write_sample
from fer_keras.cards.table import require_own_index, write_index
from fer_keras.cards.text import card_text
from fer_keras.data.dataset import FaceData
from fer_keras.data.model_classes import read_label_set
from fer_keras.distill.ensemble import teacher_fingerprint
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.calibration import write_calibration
from fer_keras.evaluation.evaluate import evaluate, evaluate_ensemble, mirrored_logits
from fer_keras.evaluation.report import draw_figures
from fer_keras.evaluation.results import Evaluation, read_history
from fer_keras.export.record import read_calibration, read_exports, stale_files
from fer_keras.files import CONFIG_FILE, HISTORY_FILE, MODEL_FILE, file_sha256, locked, write_json, write_text
from fer_keras.jobs.own_data import as_trained_on
from fer_keras.models.compact import save_compact
from fer_keras.models.load import load_model
from fer_keras.training.run import read_config


def ship(run: Path, folder: Path, data: FaceData, *, half: bool, unfinished: bool = False) -> Path:
    """Copy the best model of a run, its config and history to `folder`, with a sample of its outputs and its card.

    All is made beside its place and takes it at once, the card last; then what is stale goes. The scores are those of
    the file as shipped, so of the rounded weights where `half` is set.

    Args:
        run: the folder of a run.
        folder: where to; what is there of an earlier shipment is replaced.
        data: the images it was trained on, unlabelled ones among them, and those to score on.
        half: round the weights to half precision.
        unfinished: take a run that has not done all its epochs.

    Returns:
        The path of card.md.

    Raises:
        FerKerasError: it is no run or has not ended, it was trained on other data, a model cannot be read, or the
            table of cards would overwrite something else.
    """
    recorded, model = read_config(run), load_model(run)
    recipe = recorded["config"]
    require_own_index(folder.parent)
    if not unfinished:
        _require_finished(run, recipe["fit"]["epochs"])
    marked = as_trained_on(run, data)
    as_trained = teacher_fingerprint(model)
    with locked(folder, wait=False), tempfile.TemporaryDirectory(prefix=".partial-", dir=folder) as scratch:
        made = Path(scratch)
        save_compact(model, made / MODEL_FILE, marked.label_set, half=half)
        shutil.copyfile(run / HISTORY_FILE, made / HISTORY_FILE)
        write_json(made / CONFIG_FILE, _with_shipped_teachers(recorded, folder.parent))
        write_sample(load_model(made), made)
        facts = {"reproduce": _reproduce(folder, recipe, data), "fingerprint_as_trained": as_trained}
        card = _described(made, folder, marked, facts)
        stale = stale_files(folder, made / MODEL_FILE)
        for path in sorted(path for path in made.rglob("*") if path.is_file()):
            place = folder / path.relative_to(made)
            place.parent.mkdir(exist_ok=True)
            path.replace(place)
            stale = [old for old in stale if old != place]
        for old in stale:
            old.unlink()
        return _publish(folder, card)


def _with_shipped_teachers(recorded: dict[str, Any], shipped: Path) -> dict[str, Any]:
    """What a run's config.json holds, its teachers called by the names that they were shipped under."""
    recipe = recorded["config"]
    if "teachers" not in recipe:
        return recorded
    teachers = teacher_names(recipe["teachers"], read_cards(shipped))
    own = [*recipe.get("teacher_names", []), *recipe["teachers"]]  # where there are no names, fingerprints
    called = [teacher["name"] or name for teacher, name in zip(teachers, own, strict=False)]
    return {**recorded, "config": {**recipe, "teacher_names": called}}


def _reproduce(folder: Path, recipe: Mapping[str, Any], data: FaceData) -> str:
    """The command that makes a model again from its recipe."""
    command = "distill" if "teachers" in recipe else "train_teacher"
    source = "" if data.drawn else " --data fer2013.zip"
    config = f"saved_models/{folder.name}/{CONFIG_FILE}"
    return f"python scripts/{command}.py --config {config}{source} --name {folder.name} --resume"


def ship_ensemble(
    folder: Path, members: Sequence[str], data: FaceData, *, reproduce: str, mirrored: bool = False
) -> Path:
    """Write the card of an ensemble of saved models that lie beside `folder`, which will hold no weights.

    Args:
        folder: where to.
        members: their names.
        data: the images that they were trained on and those to score on.
        reproduce: the command that does this again.
        mirrored: take the mean over each image and its mirror image.

    Returns:
        The path of card.md.

    Raises:
        FerKerasError: there are not two or more different members, a member has no card or no weights or was trained
            on other data, a single model is in `folder`, or the table of cards would overwrite something else.
    """
    if len(set(members)) < max(2, len(members)):
        raise FerKerasError(f"{folder.name}: an ensemble needs two or more different members, found {list(members)}")
    if (folder / MODEL_FILE).exists():
        raise FerKerasError(f"{folder}: holds a model of its own, expected a new folder or that of an ensemble")
    require_own_index(folder.parent)
    cards = [read_card(folder.parent / name) for name in members]
    if any(card["kind"] == "ensemble" for card in cards):
        raise FerKerasError(f"{folder.name}: a member of an ensemble cannot itself be one")
    marked = as_trained_on(folder.parent / members[0], data).labelled()
    scored, mirror_images = [], []
    for name, card in zip(members, cards, strict=True):
        member, classes = folder.parent / name, read_label_set(folder.parent / name)
        if card["data"]["fingerprint"] != cards[0]["data"]["fingerprint"]:
            raise FerKerasError(f"{member}: was trained on other images than {members[0]}, expected the same")
        model = load_model(member)
        faces = marked.with_label_set(classes) if classes else marked
        scored.append(evaluate(model, faces, file=member / MODEL_FILE))
        if mirrored:
            mirror_images.append(mirrored_logits(model, marked))
    evaluation = evaluate_ensemble(scored, marked, mirror_images)
    with locked(folder, wait=False):
        facts = {"reproduce": reproduce, "mirrored": mirrored, "data": data_facts(marked)}
        facts["figures"] = _figures(folder, evaluation)
        return _publish(folder, ensemble_card(folder.name, evaluation, list(zip(cards, scored, strict=True)), facts))


def remake_card(folder: Path, data: FaceData) -> Path:
    """Score a saved model or ensemble again and write its card, its figures and the table of all cards.

    What cannot be computed from the folder is kept from the card that is there: the command that trains the model,
    what it was before it was rounded, and which labelled images it was fitted to.

    Args:
        folder: a saved model's, below that of all saved models.
        data: the images it was trained on, with or without those unlabelled, and those to score on.

    Returns:
        The path of card.md.

    Raises:
        FerKerasError: there is no card, the model was trained on other data or cannot be read, or the table of cards
            would overwrite something else.
    """
    if folder.name in ("", ".."):
        folder = folder.resolve()
    card = _own_card(folder)
    if card["kind"] == "ensemble":
        return ship_ensemble(folder, card["members"], data, reproduce=card["reproduce"], mirrored=card["mirrored"])
    require_own_index(folder.parent)
    marked = as_trained_on(folder, data)
    distilled_on = card["data"].get("unlabelled_images", 0)  # older cards say nothing of it
    if unlabelled_count(marked) not in (0, distilled_on):
        raise FerKerasError(f"{folder}: was distilled on {distilled_on:,} unlabelled images, expected these or none")
    facts = {key: card[key] for key in ("reproduce", "fingerprint_as_trained")}
    with locked(folder, wait=False):
        return _publish(folder, _described(folder, folder, marked, facts, distilled_on))


def add_exports(folder: Path) -> Path:
    """Write the card of a saved model again with what exports.json and calibration.json say now; nothing is scored.

    Returns:
        The path of card.md.

    Raises:
        FerKerasError: there is no card, or the table of cards would overwrite something else.
    """
    folder = folder.resolve()
    require_own_index(folder.parent)
    return _publish(folder, _own_card(folder))


def _own_card(folder: Path) -> Card:
    card, model = read_card(folder), folder / MODEL_FILE
    if model.exists() and card.get("model_sha256") not in (None, file_sha256(model)):
        raise FerKerasError(
            f"{folder / CARD_FILE}: is of another model than {MODEL_FILE} beside it; `python scripts/ship.py` puts both"
            " there"
        )
    return card


def _described(
    made: Path, folder: Path, data: FaceData, facts: Mapping[str, Any], unlabelled: int | None = None
) -> Card:
    """Score a model that lies in `made` and draw its figures there; return its card as one of `folder`.

    `unlabelled` is how many such images it was distilled on, if not those in `data`.
    """
    model, history = load_model(made), read_history(made)
    if history is None:
        raise FerKerasError(f"{made / HISTORY_FILE}: there is no such file, expected one row an epoch")
    evaluation = evaluate(model, data, file=made / MODEL_FILE)
    splits = {name: (result.logits, result.labels, result.shares) for name, result in evaluation.splits.items()}
    write_calibration(made / MODEL_FILE, splits, data.source, evaluation.classes)
    facts = {
        **facts,
        "fingerprint": teacher_fingerprint(model),
        "model_sha256": file_sha256(made / MODEL_FILE),
        "data": data_facts(data, unlabelled),
        "figures": _figures(made, evaluation, history),
    }
    return model_card(folder.name, evaluation, (read_config(made), history), facts, read_cards(folder.parent))


def _publish(folder: Path, card: Card) -> Path:
    """Write a card with what is now known of exports and the confidence, and the table of all cards."""
    card = {key: value for key, value in card.items() if key not in ("calibration", "exports")} | standing_texts(card)
    if card["kind"] != "ensemble":
        if calibration := read_calibration(folder, folder / MODEL_FILE):
            card["calibration"] = calibration
        if (exports := read_exports(folder, folder / MODEL_FILE))["formats"]:
            card["exports"] = exports
    write_json(folder / CARD_FILE, card)
    write_text(folder / CARD_TEXT_FILE, card_text(card))
    write_index(folder.parent)
    return folder / CARD_TEXT_FILE


def _figures(folder: Path, evaluation: Evaluation, history: pd.DataFrame | None = None) -> dict[str, str]:
    """Draw the figures, none of which shows a face; return heading -> path."""
    drawn = draw_figures(folder / "figures", evaluation, history, faces=False)
    return {heading: f"figures/{file}" for heading, _, file in drawn}


def _require_finished(run: Path, epochs: int) -> None:
    # Not the checkpoint: what is shipped is the published model, which is written before the published history.
    history = read_history(run)
    done = 0 if history is None else len(history)
    if done < epochs:
        raise FerKerasError(f"{run}: has done {done} of its {epochs} epochs; --unfinished ships it as it is")
