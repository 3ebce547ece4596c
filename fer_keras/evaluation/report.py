"""A run's report: Markdown and figures for people, the same numbers as JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fer_keras.config import environment
from fer_keras.errors import FerKerasError
from fer_keras.evaluation import plots, tables
from fer_keras.evaluation.confidence import softmax
from fer_keras.evaluation.results import Evaluation
from fer_keras.files import locked, write_json, write_text

MISTAKES_FIGURE = "mistakes.png"
"""The one figure that shows faces of the data; FER2013's may not be passed on."""


@dataclass(frozen=True, eq=False)
class Origin:
    """How what a report is about was made.

    Attributes:
        history: one row an epoch, as in `plots.training_curves`; None where it is not known.
        facts: what else is to be known of the run; nested values are written as JSON.
        command: that makes the report again; empty where it is not known.
    """

    history: pd.DataFrame | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""


def write_report(
    folder: str | Path,
    title: str,
    rows: Sequence[tuple[str, Evaluation]],
    origin: Origin = Origin(),
    *,
    faces: bool = True,
) -> Path:
    """Write `report.md`, `figures/*.png` and `evaluation.json`, each whole or not at all.

    Args:
        folder: where to; made if need be.
        title: the report's heading.
        rows: (name, evaluation); the first is what the report is about, the others stand beside it, such as
            its teachers and their ensemble. Splits that they share must hold the same images.
        origin: how it was made.
        faces: whether to include the sheet of mistakes, which shows the data's own images. False for a
            copy that is to be passed on; a sheet from an earlier report is removed.

    Returns:
        The path of `report.md`.

    Raises:
        FerKerasError: `rows` is empty, its evaluations are of different images, or another process is at the folder.
    """
    if not rows:
        raise FerKerasError(f"{title}: a report needs at least one evaluation")
    folder = Path(folder)
    evaluation = rows[0][1]
    _require_same_images(rows)
    with locked(folder, wait=False):
        write_json(folder / "evaluation.json", scores_of(rows))
        drawn = draw_figures(folder / "figures", evaluation, origin.history, faces)
        sections = [
            f"# {title}\n\n{tables.verdict(evaluation)}",
            "## Scores\n\n" + tables.scores(evaluation),
            "## Side by side\n\n" + tables.side_by_side(rows) if len(rows) > 1 else "",
            "## Each expression\n\n" + tables.recalls(evaluation),
            *(f"## {heading}\n\n{text}\n\n![{heading}](figures/{file})" for heading, text, file in drawn),
            "## How it was made\n\n" + _made(origin),
        ]
        write_text(folder / "report.md", "\n\n".join(section for section in sections if section) + "\n")
    return folder / "report.md"


def scores_of(rows: Sequence[tuple[str, Evaluation]]) -> dict[str, Any]:
    """Return the scores of the first of `rows`, and those of the others beside it, as JSON values."""
    beside = {name: other.to_dict() for name, other in rows[1:]}
    return {"name": rows[0][0], **rows[0][1].to_dict(), "beside": beside}


def draw_figures(
    folder: Path, evaluation: Evaluation, history: pd.DataFrame | None, faces: bool
) -> list[tuple[str, str, str]]:
    """Write the figures of a fresh evaluation to `folder`; return (heading, text, file name) of each.

    Args:
        folder: where to; made if need be.
        evaluation: with its logits and images.
        history: one row an epoch; None for no training curves.
        faces: whether to show the data's own images, as the most confident mistakes.
    """
    name = evaluation.headline
    result, split = evaluation.splits[name], tables.SPLIT_TITLES[name]
    where = f"{split}, {tables.DRAWN_NOTE}" if evaluation.drawn else split
    logits, data = result.decided
    drawn = []

    def add(heading: str, text: str, file: str, figure: plots.Figure) -> None:
        plots.save_figure(figure, folder / file)
        drawn.append((heading, text, file))

    if history is not None and len(history):
        text = "Training accuracy is measured on augmented views with dropout on, so it may lie below validation."
        add("Training", text, "training.png", plots.training_curves(history))
    figure = plots.confusion_matrix(result.all.confusion, f"Confusion on {where}", evaluation.classes)
    add("Confusion", tables.commonest_mistakes(result.all.confusion, evaluation.classes), "confusion.png", figure)
    text = (
        f"Bars below the diagonal: surer than right. Calibration error {tables.percent(result.all.calibration_error)}."
    )
    figure = plots.reliability_diagram(logits, data.labels, f"Calibration on {where}")
    add("Calibration", text, "calibration.png", figure)
    if faces:
        text = f"The {split} images that were called something else with the most confidence."
        if not evaluation.drawn:
            text += " Where the face plainly shows what was predicted, the label may be the mistake."
        add("Most confident mistakes", text, MISTAKES_FIGURE, plots.mistakes_sheet(data, softmax(logits)))
    else:
        (folder / MISTAKES_FIGURE).unlink(missing_ok=True)
    return drawn


def _made(origin: Origin) -> str:
    """The command, plain facts as a list, nested ones as JSON, and the versions."""
    plain = {key: value for key, value in origin.facts.items() if not isinstance(value, Mapping | list | tuple)}
    nested = {key: value for key, value in origin.facts.items() if key not in plain}
    versions = ", ".join(f"{name} {number}" for name, number in environment().items() if number)
    plain["this report was written with"] = versions
    parts = [f"```\n{origin.command}\n```"] if origin.command else []
    parts.append("\n".join(f"- {key}: {value}" for key, value in plain.items()))
    parts += [f"{key}:\n\n```json\n{json.dumps(value, indent=2)}\n```" for key, value in nested.items()]
    return "\n\n".join(parts)


def _require_same_images(rows: Sequence[tuple[str, Evaluation]]) -> None:
    first, subject = rows[0]
    for name, other in rows[1:]:
        for split in set(subject.splits) & set(other.splits):
            of_subject, of_other = subject.splits[split].data, other.splits[split].data
            same = np.array_equal(of_subject.image_hashes, of_other.image_hashes)
            if not same or not np.array_equal(of_subject.targets, of_other.targets):
                raise FerKerasError(f"{first} and {name} were scored on different {tables.SPLIT_TITLES[split]} images")
