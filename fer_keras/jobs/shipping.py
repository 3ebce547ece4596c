"""From runs to `saved_models/`: models, ensembles of them, their cards, and nothing that is not ours."""

import shutil
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
    unlabelled_count,
)
from fer_keras.cards.sample import write_sample
from fer_keras.cards.table import GENERATED, index_text
from fer_keras.cards.text import card_text
from fer_keras.data.dataset import FaceData, mark_validation
from fer_keras.distill.ensemble import teacher_fingerprint
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.calibration import write_calibration
from fer_keras.evaluation.evaluate import evaluate, evaluate_ensemble, in_classes_of, mirrored_logits
from fer_keras.evaluation.report import draw_figures, read_history
from fer_keras.evaluation.results import Evaluation
from fer_keras.export.record import remove_stale
from fer_keras.files import (
    CALIBRATION_FILE,
    CONFIG_FILE,
    EXPORTS_FILE,
    HISTORY_FILE,
    MODEL_FILE,
    locked,
    read_json,
    replacing,
    write_json,
    write_text,
)
from fer_keras.labels import label_set_of
from fer_keras.models.compact import save_compact
from fer_keras.models.load import load_model
from fer_keras.training.run import read_config

INDEX_FILE = "README.md"


def ship(run: Path, folder: Path, data: FaceData, *, half: bool, unfinished: bool = False) -> Path:
    """Copy the best model of a run, its config and history to `folder`, with a sample of its outputs and its card.

    The scores are those of the file as shipped, so of the rounded weights where `half` is set.

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
    told, model = read_config(run)["config"], load_model(run)
    _require_own_index(folder.parent)
    if not unfinished:
        _require_finished(run, told["fit"]["epochs"])
    marked = _with_validation(data, told["data"])
    _require_trained_on(run, marked, told["data"]["fingerprint"])
    as_trained = teacher_fingerprint(model)
    with locked(folder, wait=False):
        save_compact(model, folder / MODEL_FILE, marked.label_set, half=half)
        remove_stale(folder, folder / MODEL_FILE)
        with replacing(folder / HISTORY_FILE) as partial:
            shutil.copyfile(run / HISTORY_FILE, partial)
        write_json(folder / CONFIG_FILE, _with_shipped_teachers(read_config(run), folder.parent))
        write_sample(load_model(folder), folder)
        return _write_model_card(folder, marked, reproduce=_reproduce(folder, told, data), as_trained=as_trained)


def _with_shipped_teachers(recorded: dict[str, Any], shipped: Path) -> dict[str, Any]:
    """What a run's config.json holds, its teachers called by the names that they were shipped under."""
    recipe = recorded["config"]
    if "teachers" not in recipe:
        return recorded
    cards = [card for card in read_cards(shipped) if card["kind"] != "ensemble"]
    names = {card[key]: card["name"] for card in cards for key in ("fingerprint_as_trained", "fingerprint")}
    own = [*recipe.get("teacher_names", []), *recipe["teachers"]]  # where there are no names, fingerprints
    called = [names.get(teacher, name) for teacher, name in zip(recipe["teachers"], own, strict=False)]
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
    _require_own_index(folder.parent)
    cards = [read_card(folder.parent / name) for name in members]
    if any(card["kind"] == "ensemble" for card in cards):
        raise FerKerasError(f"{folder.name}: a member of an ensemble cannot itself be one")
    marked = _with_validation(data, cards[0]["recipe"]["config"]["data"]).labelled()
    scored, mirror_images = [], []
    for name, card in zip(members, cards, strict=True):
        member = folder.parent / name
        _require_trained_on(member, marked, card["data"]["fingerprint"])
        model = load_model(member)
        scored.append(evaluate(model, in_classes_of(member / MODEL_FILE, marked), file=member / MODEL_FILE))
        if mirrored:
            mirror_images.append(mirrored_logits(model, marked))
    evaluation = evaluate_ensemble(scored, marked, mirror_images)
    card = ensemble_card(
        folder.name,
        evaluation,
        list(zip(cards, scored, strict=True)),
        mirrored=mirrored,
        data=data_facts(marked),
        figures=_figures(folder, evaluation),
        reproduce=reproduce,
    )
    return _publish(folder, card)


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
    card = read_card(folder)
    if card["kind"] == "ensemble":
        mirrored = card.get("mirrored", False)  # older cards say nothing of it
        return ship_ensemble(folder, card["members"], data, reproduce=card["reproduce"], mirrored=mirrored)
    _require_own_index(folder.parent)
    marked = _marked_as_trained(folder, data)
    distilled_on = card["data"].get("unlabelled_images", 0)  # older cards say nothing of it
    if unlabelled_count(marked) not in (0, distilled_on):
        raise FerKerasError(f"{folder}: was distilled on {distilled_on:,} unlabelled images, expected these or none")
    as_trained = card["fingerprint_as_trained"]
    return _write_model_card(
        folder, marked, reproduce=card["reproduce"], as_trained=as_trained, unlabelled=distilled_on
    )


def as_trained_on(folder: Path, data: FaceData) -> FaceData:
    """Return the labelled images of `data`, those set aside for validation when a model was trained marked.

    Args:
        folder: of a run or a saved model.
        data: the images it was trained on, with or without those unlabelled.

    Raises:
        FerKerasError: it was trained on other data.
    """
    return _marked_as_trained(folder, data).labelled()


def _marked_as_trained(folder: Path, data: FaceData) -> FaceData:
    told = read_config(folder)["config"]["data"]
    marked = _with_validation(data, told)
    carded = (folder / CARD_FILE).exists()
    # A run's own fingerprint is also of the unlabelled images it was distilled on.
    _require_trained_on(
        folder, marked.labelled(), read_card(folder)["data"]["fingerprint"] if carded else told["fingerprint"]
    )
    return marked


def with_own_validation(files: Sequence[Path], data: FaceData) -> FaceData:
    """Return `data` with the validation images marked that were set aside when all of some models were trained.

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
            marked = as_trained_on(file.parent, data)
        except FerKerasError:
            return data
    return marked


def add_exports(folder: Path) -> Path:
    """Write the card of a saved model again with what exports.json and calibration.json say now; nothing is scored.

    Returns:
        The path of card.md.

    Raises:
        FerKerasError: there is no card, or the table of cards would overwrite something else.
    """
    folder = folder.resolve()
    _require_own_index(folder.parent)
    return _publish(folder, read_card(folder))


def _write_model_card(
    folder: Path, data: FaceData, *, reproduce: str, as_trained: str, unlabelled: int | None = None
) -> Path:
    """Score and describe a model; `unlabelled` is how many such images it was distilled on, if not those in `data`."""
    model, history = load_model(folder), read_history(folder)
    if history is None:
        raise FerKerasError(f"{folder / HISTORY_FILE}: there is no such file, expected one row an epoch")
    evaluation = evaluate(model, data, file=folder / MODEL_FILE)
    splits = {name: (result.logits, result.labels, result.shares) for name, result in evaluation.splits.items()}
    write_calibration(folder / MODEL_FILE, splits, data.source, evaluation.classes)
    card = model_card(
        folder.name,
        evaluation,
        read_config(folder),
        history,
        fingerprints=(teacher_fingerprint(model), as_trained),
        data=data_facts(data, unlabelled),
        siblings=read_cards(folder.parent),
        figures=_figures(folder, evaluation, history),
        reproduce=reproduce,
    )
    return _publish(folder, card)


def _publish(folder: Path, card: Card) -> Path:
    card = {**card, **standing_texts(card["classes"])}
    for key, name in (("calibration", CALIBRATION_FILE), ("exports", EXPORTS_FILE)):
        if (folder / name).exists():
            card = {**card, key: read_json(folder / name)}
    write_json(folder / CARD_FILE, card)
    write_text(folder / CARD_TEXT_FILE, card_text(card))
    write_text(folder.parent / INDEX_FILE, index_text(read_cards(folder.parent)))
    return folder / CARD_TEXT_FILE


def _figures(folder: Path, evaluation: Evaluation, history: pd.DataFrame | None = None) -> dict[str, str]:
    """Draw the figures, none of which shows a face; return heading -> path."""
    drawn = draw_figures(folder / "figures", evaluation, history, faces=False)
    return {heading: f"figures/{file}" for heading, _, file in drawn}


def _with_validation(data: FaceData, told: Mapping[str, Any]) -> FaceData:
    """`data` in the classes of a run's configuration of its data, its validation images marked."""
    if "classes" in told:
        data = data.with_label_set(label_set_of(told["classes"]))
    data.split("train").require_every_class()
    return mark_validation(data, told["validation"], told["split_seed"])


def _require_trained_on(path: Path, marked: FaceData, fingerprint: str) -> None:
    if marked.split("train").fingerprint != fingerprint:
        raise FerKerasError(f"{path}: was trained on other images than the training images of {marked.source}")


def _require_finished(run: Path, epochs: int) -> None:
    # Not the checkpoint: what is shipped is the published model, which is written before the published history.
    history = read_history(run)
    done = 0 if history is None else len(history)
    if done < epochs:
        raise FerKerasError(f"{run}: has done {done} of its {epochs} epochs; --unfinished ships it as it is")


def _require_own_index(folder: Path) -> None:
    """Keep a README.md that somebody wrote: a card may be asked for in any folder."""
    path = folder / INDEX_FILE
    if path.exists() and not path.read_text(encoding="utf-8").startswith(GENERATED):
        raise FerKerasError(f"{path}: was not made by this command and would be overwritten by the table of cards")
