"""The table of all model cards, saved_models/README.md."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fer_keras.cards.model_card import CARD_TEXT_FILE, read_cards
from fer_keras.cards.schema import Card
from fer_keras.errors import FerKerasError
from fer_keras.evaluation import tables
from fer_keras.files import write_text
from fer_keras.labels import label_set_in_order

INDEX_FILE = "README.md"
"""Of the folder of all saved models."""

_MARK = "<!-- Made from card.json by "
GENERATED = f"{_MARK}`python scripts/ship.py` and `python scripts/evaluate.py --card`; do not edit. -->"
"""The first line of what the code writes, and so of what it may overwrite."""

_KINDS = ("ensemble", "teacher", "student")


def require_own_index(folder: Path) -> None:
    """Keep a README.md that somebody wrote: a card may be asked for in any folder.

    Raises:
        FerKerasError: there is one.
    """
    path = folder / INDEX_FILE
    if path.exists() and not path.read_text(encoding="utf-8", errors="replace").startswith(_MARK):
        raise FerKerasError(f"{path}: was not made by this command and would be overwritten by the table of cards")


def write_index(folder: Path) -> None:
    """Write the table of all cards in `folder`; again while another process, with a card of its own, writes it too."""
    path, text = folder / INDEX_FILE, ""
    while text != (text := index_text(read_cards(folder))) or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


def index_text(cards: Iterable[Card]) -> str:
    """Return saved_models/README.md: a table for each set of classes, teachers before students, large before small."""
    ordered = sorted(cards, key=lambda card: (_KINDS.index(card["kind"]), -card["size"]["parameters"], card["name"]))
    by_classes: dict[tuple[str, ...], list[Card]] = {}
    for card in ordered:
        by_classes.setdefault(tuple(card["classes"]), []).append(card)
    parts = [
        f"## {label_set_in_order(classes, 'Others').name}: {', '.join(classes)}\n\n"
        + model_table(alike, "{}/" + CARD_TEXT_FILE)
        for classes, alike in by_classes.items()
    ]
    return (
        f"{GENERATED}\n\n# Saved models\n\n" + "\n\n".join(parts) + "\n\n"
        "Accuracies and macro-F1 in percent, of all labelled images of a split unless it says otherwise; in brackets"
        " the 95% bootstrap interval. A label of FER+ is the majority of ten people's votes; images without one are"
        " left out. `No copies` leaves out the images that have an exact copy among the training images. Macro-F1 and"
        " calibration error (percentage points) are those of PublicTest. An ensemble has the parameters of its members"
        " together and their multiply-adds, twice where it also sees mirror images; it has no file of its own. A"
        " teacher learned labels, a student was distilled; large students teach in turn.\n\n"
        "Each folder holds a card, `card.md` for people and `card.json` for programs. That of a model also holds"
        " `model.keras`, the configuration and the history of its training, and `sample.json`: its logits on a few"
        " drawn faces; `calibration.json`, `exports.json` and, of some, the exported files.\n"
    )


def model_table(cards: Sequence[Mapping[str, Any]], link: str) -> str:
    """Return one row a model; PrivateTest has columns where a model has been scored on it.

    Args:
        cards: cards, or the rows beside an ensemble's.
        link: where a model's name leads, with `{}` for the name.
    """
    private = any("private_test" in card["scores"]["splits"] for card in cards)
    header = ["model", "kind", "parameters", "multiply-adds", "validation", "PublicTest", "no copies", "macro-F1"]
    header += ["calibration error", *(["PrivateTest", "no copies"] if private else []), "file"]
    return tables.table(header, [_row(card, link, private) for card in cards])


def _row(card: Mapping[str, Any], link: str, private: bool) -> list[str]:
    size, splits = card["size"], card["scores"]["splits"]
    val, public = splits.get("val"), splits.get("public_test")
    own_file = card["kind"] != "ensemble" and size["file_bytes"] is not None
    return [
        f"[{card['name']}]({link.format(card['name'])})" + (" (drawn faces)" if card["scores"]["drawn"] else ""),
        card["kind"],
        *size_cells(card),
        tables.points(val["all"]["accuracy"]) if val else tables.NONE,
        *accuracy_cells(public),
        tables.points(public["all"]["macro_f1"]) if public else tables.NONE,
        tables.points(public["all"]["calibration_error"]) if public else tables.NONE,
        *(accuracy_cells(splits.get("private_test")) if private else []),
        f"{size['file_bytes'] / 1e6:.2f} MB" if own_file else tables.NONE,
    ]


def size_cells(card: Mapping[str, Any]) -> list[str]:
    """Return a model's parameters and its multiply-adds."""
    count, multiply_adds = card["size"]["parameters"], card["size"]["multiply_adds"]
    return [f"{count:,}", tables.NONE if multiply_adds is None else tables.millions(multiply_adds)]


def accuracy_cells(split: Mapping[str, Any] | None) -> list[str]:
    """Return the accuracy on a split with its interval, and that without copies of training images."""
    scores, without = (split["all"], split["without_copies"]) if split else (None, None)
    return [
        tables.points(scores["accuracy"], scores["accuracy_interval"]) if scores else tables.NONE,
        tables.points(without["accuracy"]) if without else tables.NONE,
    ]
