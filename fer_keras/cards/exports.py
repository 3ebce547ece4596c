"""What a model card says of exports and of the calibrated confidence."""

from collections.abc import Mapping
from typing import Any

from fer_keras.data.synthetic import SOURCE
from fer_keras.evaluation import tables
from fer_keras.export.formats import FORMATS, LEAST_AGREEMENT, MOST_DIFFERENCE
from fer_keras.export.record import Calibration, ExportFacts, Exports


def exports_text(exports: Exports, kind: str) -> str:
    """Return the table of a model's exports, and what they were compared on, as Markdown.

    Args:
        exports: what exports.json holds.
        kind: the card's kind.
    """
    listed = [(export, exports["formats"][key]) for key, export in FORMATS.items() if key in exports["formats"]]
    compared_on = dict.fromkeys(
        f"{facts['faces']:,} ({facts['faces_source']})" for facts in exports["formats"].values()
    )
    header = ("format", "file", "bytes", "agreement", "largest difference", "accuracy", "Keras")
    parts = [
        tables.table(header, [_row(export.title, facts) for export, facts in listed]),
        f"Each was loaded by its own runtime in a process of its own and compared with the Keras {kind} on the same"
        f" faces: {', '.join(compared_on)}. Agreement: the share of them on which both name the same expression."
        " Largest difference: of any probability. Accuracies are of those faces. `python scripts/export.py` refuses a"
        f" float format beyond {MOST_DIFFERENCE:g} and int8 under {LEAST_AGREEMENT:.0%} agreement on photographs.",
    ]
    for export, facts in listed:
        if (faces := facts.get("calibration")) and not export.same_as:
            ranges = f"The ranges of the {export.precision} file's activations are those that round best on"
            source = faces["source"]
            note = " These are not photographs; real faces give better ranges." if source == SOURCE else ""
            parts.append(f"{ranges} {faces['images']:,} faces: {source}.{note}")
    if not all(facts["kept"] for _, facts in listed):
        parts.append("Files marked `on demand` are not kept here; `python scripts/export.py` makes them again.")
    return "\n\n".join(parts)


def _row(title: str, facts: ExportFacts) -> tuple[str, ...]:
    return (
        title,
        f"`{facts['file']}{'/' if facts['file'].isdecimal() else ''}`" if facts["kept"] else "on demand",
        f"{facts['bytes']:,}",
        tables.percent(facts["agreement"]),
        f"{facts['largest_probability_difference']:.1e}",
        *(tables.NONE if facts[key] is None else tables.percent(facts[key]) for key in ("accuracy", "keras_accuracy")),
    )


def confidence_text(calibration: Calibration) -> str:
    """Return how the confidence is calibrated, as Markdown.

    Args:
        calibration: what calibration.json holds.
    """
    lines = [_change(f"the {calibration['images']:,} validation images it was fitted on", calibration)]
    lines += [_change(tables.SPLIT_TITLES.get(name, name), facts) for name, facts in calibration["tested_on"].items()]
    return (
        f"`fer_keras.load` gives a calibrated confidence: the largest probability after the logits are divided by the"
        f" temperature {calibration['temperature']:.3f} (arXiv 1706.04599). It changes no answer.\n\n"
        + tables.table(("images", "calibration error", "calibrated", "NLL", "calibrated"), lines)
    )


def _change(images: str, facts: Mapping[str, Any]) -> tuple[str, ...]:
    errors, nlls = facts["calibration_error"], facts["nll"]
    return (images, *(tables.percent(error) for error in errors), *(f"{value:.3f}" for value in nlls))
