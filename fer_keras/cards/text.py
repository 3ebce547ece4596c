"""A model card's facts as Markdown."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from fer_keras.cards.exports import confidence_text, exports_text
from fer_keras.cards.limits import is_fer2013
from fer_keras.cards.model_card import CARD_FILE, CARD_TEXT_FILE, LICENSE, read_cards, standing_texts
from fer_keras.cards.schema import Card, Recipe
from fer_keras.cards.table import GENERATED, model_table, write_index
from fer_keras.evaluation import tables
from fer_keras.evaluation.results import Evaluation
from fer_keras.files import write_json, write_text
from fer_keras.labels import FERPLUS


def card_text(card: Card) -> str:
    """Return card.md for a card of `fer_keras.cards.model_card`; it holds nothing that the card does not."""
    evaluation = Evaluation.from_dict({**card["scores"], "size": card["size"]})
    sections = [
        f"{_front_matter(card, evaluation)}\n{GENERATED}\n\n# {card['name']}",
        f"{_what_it_is(card)}\n\n{tables.verdict(evaluation)}",
        *([] if card["kind"] == "ensemble" else [_usage(card)]),
        f"## Intended use\n\n{_bullets(card['intended_use'])}",
        f"## Limits\n\n{_bullets(card['limits'])}",
        f"## Scores\n\n{tables.scores(evaluation)}",
        *([f"## Members\n\n{_members(card)}"] if card["kind"] == "ensemble" else []),
        f"## Each expression\n\n{tables.recalls(evaluation)}",
        *(_figure(heading, path, evaluation) for heading, path in card["figures"].items()),
        *([f"## Confidence\n\n{confidence_text(card['calibration'])}"] if "calibration" in card else []),
        *([f"## Exports\n\n{exports_text(card['exports'], card['kind'])}"] if "exports" in card else []),
        f"## Data\n\n{_data(card, evaluation)}",
        *([f"## Recipe\n\n{_recipe(card['recipe'])}"] if "recipe" in card else []),
        f"## Reproduce\n\n{_reproduce(card)}",
    ]
    return "\n\n".join(sections) + "\n"


def write_texts(folder: Path) -> None:
    """Make card.md of every saved model in `folder` again from its card.json, what all cards say too, and the table.

    Args:
        folder: of all saved models.
    """
    for card in read_cards(folder):
        place, now = folder / card["name"], {**card, **standing_texts(card)}
        if now != card:
            write_json(place / CARD_FILE, now)
        write_text(place / CARD_TEXT_FILE, card_text(now))
    write_index(folder)


def _front_matter(card: Card, evaluation: Evaluation) -> str:
    """What model hubs read, as YAML whose values are JSON (https://huggingface.co/docs/hub/model-cards)."""
    scores = evaluation.splits[evaluation.headline].all
    metrics = [("accuracy", scores.accuracy), ("f1", scores.macro_f1)]
    result = {
        "task": {"type": "image-classification", "name": "facial expression recognition"},
        "dataset": {"name": _data_name(card), "type": "image", "split": tables.SPLIT_TITLES[evaluation.headline]},
        "metrics": [{"type": name, "value": round(value, 6)} for name, value in metrics],
    }
    facts = {
        "license": LICENSE.lower(),
        "library_name": "keras",
        "pipeline_tag": "image-classification",
        "tags": ["facial-expression-recognition", card["kind"], *sorted(card.get("exports", {}).get("formats", ()))],
        "labels": card["classes"],
        "model-index": [{"name": card["name"], "results": [result]}],
    }
    return "\n".join(["---", *(f"{key}: {json.dumps(value)}" for key, value in facts.items()), "---"])


def _data_name(card: Card) -> str:
    if card["scores"]["drawn"]:
        return "drawn faces"
    if is_fer2013(card["data"]):
        return "FER2013"
    return "FER+" if tuple(card["classes"]) == FERPLUS.classes else card["scores"]["data"]


def _what_it_is(card: Card) -> str:
    if card["kind"] == "ensemble":
        of_what = " for an image and its mirror image" if card["mirrored"] else ""
        return (
            f"An ensemble, the mean of its members' probabilities{of_what}: {_links(card['members'])}."
            " It has no weights of its own."
        )
    if card["kind"] == "teacher":
        return f"A teacher: the architecture `{card['architecture']}`, fitted to labels."
    return f"A student: the architecture `{card['architecture']}`, distilled from {_teachers(card['recipe'])}."


def _teachers(recipe: Mapping[str, Any]) -> str:
    return ", ".join(_teacher(**teacher) for teacher in recipe["teachers"])


def _teacher(name: str | None, fingerprint: str) -> str:
    return _links([name]) if name else f"a model that is not among these (fingerprint `{fingerprint[:12]}`)"


def _links(names: Iterable[str]) -> str:
    return ", ".join(f"[{name}](../{name}/{CARD_TEXT_FILE})" for name in names)


def _usage(card: Card) -> str:
    return (
        f'```python\nimport keras\n\nmodel = keras.models.load_model("saved_models/{card["name"]}/model.keras")\n'
        f"logits = model(images)  # grey values 0..255, [N, 48, 48, 1] -> [N, {len(card['classes'])}]\n```\n\n"
        f"The logits are those of {', '.join(card['classes'])}, in this order. Fingerprint of architecture and weights:"
        f" `{card['fingerprint']}`."
    )


def _members(card: Card) -> str:
    scores = {"name": card["name"], "kind": card["kind"], "size": card["size"], "scores": card["scores"]}
    trained = [
        (
            _links([row["name"]]),
            f"`{row['architecture']}`",
            _teachers(row) or "labels",
            f"{row['epochs']:,}",
            _clock(row["seconds"]) + (f" on one {row['device']}" if row["device"] else ""),
        )
        for row in card["beside"]
    ]
    return "\n\n".join(
        [
            model_table([scores, *card["beside"]], "../{}/" + CARD_TEXT_FILE),
            tables.table(("member", "architecture", "learned from", "epochs", "time (h:mm:ss)"), trained),
        ]
    )


def _figure(heading: str, path: str, evaluation: Evaluation) -> str:
    mistakes = tables.commonest_mistakes(evaluation.splits[evaluation.headline].all.confusion, evaluation.classes)
    text = f"{mistakes}\n\n" if heading == "Confusion" else ""
    return f"## {heading}\n\n{text}![{heading}]({path})"


_ABOUT = {
    "FER2013": "FER2013: faces from web searches, labelled by their words and checked by people (arXiv 1307.0414). The",
    "FER+": "FER+: the faces of FER2013, on each of which ten people voted (arXiv 1608.01041). The",
}


def _data(card: Card, evaluation: Evaluation) -> str:
    facts = card["data"]
    audit = facts["audit"]
    parts = [
        f"{_ABOUT.get(_data_name(card), _data_name(card) + ': the')} images are not passed on here. Their flaws, as"
        " counted on what this card was made from:"
        if not evaluation.drawn
        else f"{tables.DRAWN_NOTE[0].upper()}{tables.DRAWN_NOTE[1:]}.",
        tables.audit_table(audit["splits"], card["classes"]),
        f"{audit['conflict_groups']:,} groups of identical images carry different labels"
        f" ({audit['conflict_images']:,} images).",
        f"{facts['validation_images']:,} of the training images were set aside for validation, none with a copy among"
        " those fitted to. Epochs, and where there was a choice seeds and members too, were chosen by them, so"
        " their score flatters a little; the test splits chose nothing.",
        f"Fingerprint of the labelled images fitted to: `{facts['fingerprint']}`.",
    ]
    if unlabelled := facts.get("unlabelled_images"):
        at_hand = facts["unlabelled_images_at_hand"] == unlabelled
        copies = "count as copies too" if at_hand else "do not count, for they were not at hand when this was made"
        parts.append(f"{unlabelled:,} images were distilled on without their labels; copies of these {copies}.")
    return "\n\n".join(parts)


def _recipe(recipe: Recipe) -> str:
    config, trained = recipe["config"], recipe["environment"]
    asked = config["fit"]["epochs"]
    done = f"{recipe['epochs']:,}" if recipe["epochs"] == asked else f"{recipe['epochs']:,} of {asked:,}"
    lines = [
        f"{done} epochs in {_clock(recipe['seconds'])} (h:mm:ss); the kept one is epoch {recipe['best_epoch']:,}, by"
        f" its validation accuracy of {tables.percent(recipe['best_validation_accuracy'])} while training",
        *_ancestors(recipe),
        *_options(config),
        f"trained with: {_words(trained)}",
    ]
    return _bullets(lines) + "\n\nEvery option is in `config.json`, every epoch in `metrics.csv`."


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def _ancestors(recipe: Mapping[str, Any]) -> Iterator[str]:
    """One line for each network whose weights this began with, the latest first."""
    subject = "it began"
    while ancestor := recipe.get("ancestor"):
        learned = ""
        if "epochs" in ancestor:
            config, time = ancestor["config"], _clock(ancestor["seconds"])
            seed = f", view seed {config['view_seed']}" if "view_seed" in config else ""
            learned = (
                f", the best of {ancestor['epochs']:,} epochs of a `{config['model']}` in {time} (learning rate"
                f" {config['fit']['learning_rate']}{seed}, validation accuracy"
                f" {tables.percent(ancestor['best_validation_accuracy'])})"
            )
        yield f"{subject} with the weights of fingerprint `{ancestor['fingerprint'][:12]}`{learned}"
        subject, recipe = "which began", ancestor


def _options(config: Mapping[str, Any]) -> list[str]:
    """One line for the options that are plain values, one for each group of options."""
    options = {key: value for key, value in config.items() if key not in ("data", "teachers", "model")}
    groups = {key: value for key, value in options.items() if isinstance(value, Mapping) and value}
    plain = {key: value for key, value in options.items() if not isinstance(value, Mapping)}
    return ([_words(plain)] if plain else []) + [f"{name}: {_words(group)}" for name, group in groups.items()]


def _words(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in values.items() if value != "")


def _reproduce(card: Card) -> str:
    made = "puts it together" if card["kind"] == "ensemble" else "trains it"
    return "\n\n".join(
        [
            f"This {made} again; other versions, code or hardware bring noise of their own:",
            f"```\n{card['reproduce']}\n```",
            "This scores it and makes its card again, with PrivateTest where the data hold it:",
            f"```\n{card['evaluate']}\n```",
            f"The scores here were computed with {_words(card['scored_with'])}.",
        ]
    )


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
