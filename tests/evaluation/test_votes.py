"""Scores against people's votes: FER+'s rule, and NumPy's own numbers for all that is said of votes."""

import json
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
from command import run

from fer_keras.data.dataset import FaceData, mark_validation
from fer_keras.data.synthetic import drawn_faces
from fer_keras.data.votes import with_votes
from fer_keras.data.votes_table import TABLE_SPLITS, read_table
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.answers import POSED, answer_rows, answers_table, compare_answers
from fer_keras.evaluation.calibration import write_calibration
from fer_keras.evaluation.confidence import brier, calibration_error, nll
from fer_keras.evaluation.evaluate import evaluate_logits
from fer_keras.evaluation.metrics import majorities, score
from fer_keras.evaluation.report import write_report
from fer_keras.evaluation.results import Evaluation
from fer_keras.evaluation.tables import score_table
from fer_keras.files import read_json
from fer_keras.labels import FER2013, FERPLUS
from fer_keras.models.compact import save_compact


@pytest.fixture(scope="module")
def voted():
    """Drawn faces whose targets are the shares of ten people's votes."""
    drawn = mark_validation(drawn_faces(1000, ambiguous=0.5))
    return with_votes(drawn, drawn.votes)


@pytest.fixture(scope="module")
def logits(voted):
    rng = np.random.default_rng(5)
    return {name: 2 * voted.split(name).targets + rng.normal(size=(sum(voted.splits == name), 8)) for name in
            ("val", "public_test")}  # fmt: skip


def reference(logits, shares, votes):
    """Every score once more, by plain loops."""
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels, hits, recalls, entropy, distance, most = [], [], {}, [], [], []
    for p, q, counts in zip(probabilities, shares, votes, strict=True):
        kept = [count if count > 1 else 0 for count in counts]
        label = next((c for c in range(8) if 2 * kept[c] > sum(kept)), None)
        labels.append(-1 if label is None else label)
        entropy.append(-sum(q[c] * np.log(p[c]) for c in range(8)))
        distance.append(sum((p[c] - q[c]) ** 2 for c in range(8)))
        most.append(p.argmax() == np.argmax(kept[:8]))
        if label is not None:
            hits.append(p.argmax() == label)
            recalls.setdefault(label, []).append(hits[-1])
    return {
        "labels": labels,
        "accuracy": np.mean(hits),
        "macro_recall": np.mean([np.mean(of_class) for of_class in recalls.values()]),
        "cross_entropy": np.mean(entropy),
        "brier": np.mean(distance),
        "plurality_accuracy": np.mean(most),
    }


def test_scores_of_votes_are_those_that_numpy_computes(voted, logits):
    result = evaluate_logits(logits, voted).splits["public_test"]
    expected = reference(logits["public_test"], result.data.targets, result.data.votes)
    assert result.labels.tolist() == expected["labels"] and 0 < expected["labels"].count(-1) < 50
    found, votes = result.all, result.all.votes
    assert (found.count, votes.count, votes.without_majority) == (
        len(result.data) - expected["labels"].count(-1), len(result.data), expected["labels"].count(-1),
    )  # fmt: skip
    assert found.accuracy == pytest.approx(expected["accuracy"])
    assert found.macro_recall == pytest.approx(expected["macro_recall"])
    assert found.confusion.shape == (8, 8) and found.confusion.sum() == found.count
    for name in ("cross_entropy", "brier", "plurality_accuracy"):
        assert getattr(votes, name) == pytest.approx(expected[name])
    decided = result.labels >= 0
    assert found.calibration_error == pytest.approx(
        calibration_error(logits["public_test"][decided], result.labels[decided])
    )


def test_the_rule_on_the_shipped_table_needs_the_votes_themselves():
    """Without `unknown` and `no face` in the sum, 1,100 more images would have a majority."""
    table = read_table()
    splits = np.take(TABLE_SPLITS, table.splits)
    faces = np.zeros((len(splits), 48, 48, 1), np.uint8)
    data = FaceData.create(faces, np.full(len(splits), -1), splits, splits, "table")
    voted = with_votes(data, table.votes)
    for split, count, neutral in (("train", 25_057, None), ("public_test", 3_199, 1_182)):
        labels, shares = majorities(voted.split(split))
        assert (labels >= 0).sum() == count and shares.shape == (len(labels), 8)
        if neutral:
            assert (labels == FERPLUS.number("neutral")).sum() == neutral
    alone = replace(voted, votes=None).split("public_test")
    assert (majorities(alone)[0] >= 0).sum() == 3_316


def test_where_nobody_voted_an_image_has_its_label(voted):
    labels, shares = majorities(voted.labelled_as)
    assert shares is None and labels.tolist() == voted.labelled_as.labels.tolist()
    hard = with_votes(voted.labelled_as, voted.labelled_as.votes, "majority")
    assert majorities(hard)[1] is None and (majorities(hard)[0] >= 0).all()
    rows = np.array([[0.5, 0.5, 0], [0.6, 0.4, 0], [0, 0, 0], [0, 0, 1]], np.float32)
    own = FaceData.create(np.zeros((4, 48, 48, 1), np.uint8), rows, [*"abcd"], ["test"] * 4, "own",
                          label_set=replace(FER2013, name="own", classes=("x", "y", "z")))  # fmt: skip
    assert majorities(own)[0].tolist() == [-1, 0, -1, 2]


def test_votes_come_back_from_json(voted, logits):
    evaluation = evaluate_logits(logits, voted)
    scores = json.loads(json.dumps(evaluation.to_dict(), allow_nan=False))
    back = Evaluation.from_dict(scores)
    assert back.to_dict() == scores and back.splits["val"].all.votes == evaluation.splits["val"].all.votes
    labels = score(logits["val"], np.zeros(len(logits["val"]), int)).to_dict()
    assert "votes" not in labels, "scores of labels stay as they were"


def test_the_report_has_eight_classes_and_both_tables(voted, logits, tmp_path):
    evaluation = evaluate_logits(logits, voted)
    text = write_report(tmp_path, "voted", [("a", evaluation), ("b", evaluation)]).read_text()
    assert "by the majority of the votes" in text and "contempt" in text
    votes = evaluation.splits["public_test"].all.votes
    row = f"| PublicTest | {votes.count} | {votes.without_majority} | "
    assert (
        row in score_table(evaluation) and row in text and f"| {votes.cross_entropy:.3f} | {votes.brier:.3f} |" in text
    )
    assert (tmp_path / "figures" / "confusion.png").exists() and (tmp_path / "figures" / "calibration.png").exists()


def test_the_temperature_is_that_of_the_votes(voted, logits, tmp_path):
    (tmp_path / "model.keras").write_bytes(b"a model")
    result = evaluate_logits({"val": 3 * logits["val"]}, voted).splits["val"]
    write_calibration(
        tmp_path / "model.keras", {"val": (result.logits, result.labels, result.shares)}, "votes", voted.classes
    )
    calibration = read_json(tmp_path / "calibration.json")
    temperatures = np.linspace(0.05, 20, 4000)
    best = temperatures[np.argmin([nll(result.logits / t, result.shares) for t in temperatures])]
    assert calibration["temperature"] == pytest.approx(best, abs=0.01)
    softer, decided = result.logits / calibration["temperature"], result.labels >= 0
    assert calibration["nll"] == pytest.approx([nll(result.logits, result.shares), nll(softer, result.shares)])
    assert calibration["brier"] == pytest.approx([brier(result.logits, result.shares), brier(softer, result.shares)])
    after = calibration_error(softer[decided], result.labels[decided])
    assert calibration["calibration_error"][1] == pytest.approx(after)


def always(number, count):
    """A model that answers one class whatever it sees."""
    inputs = keras.Input((48, 48, 1))
    dense = keras.layers.Dense(count)
    model = keras.Model(inputs, dense(keras.layers.GlobalAveragePooling2D()(inputs)))
    dense.set_weights([np.zeros((1, count)), 5.0 * np.eye(count)[number]])
    return model


@pytest.mark.parametrize("label_set", [FER2013, FERPLUS])
def test_answers_on_labels_votes_and_posed_faces(label_set, voted):
    data = drawn_faces(1000, ambiguous=0.5)
    neutral = label_set.number("neutral")
    scores = compare_answers(always(neutral, len(label_set)), label_set, data, data.votes)
    assert list(scores) == ["labels", "votes", POSED]
    public = data.split("public_test")
    kept = np.where(public.votes > 1, public.votes, 0)
    majority = 2 * kept[:, :8] > kept.sum(axis=1, keepdims=True)
    decided = majority.any(axis=1) & (~majority[:, FERPLUS.number("contempt")] | (label_set is FERPLUS))
    assert scores["labels"].count == len(public) and scores["votes"].count == decided.sum()
    assert scores["votes"].accuracy == pytest.approx(majority[:, 0].sum() / decided.sum())
    assert scores[POSED].per_class_recall[neutral] == 1.0 and scores[POSED].count == 4000
    rows = answer_rows("m", scores, label_set.classes)
    assert (rows["answers_neutral"] == 1.0).all() and rows["faces"].tolist() == list(scores)
    assert rows["truly_neutral"][0] == np.mean(public.labels == FER2013.number("neutral"))
    assert rows[f"recall_{label_set.classes[1]}"].tolist() == [0.0] * 3
    assert rows["macro_recall"].tolist() == pytest.approx([score.macro_recall for score in scores.values()])
    line = answers_table(rows).splitlines()[2].split("|")[1:]
    assert [cell.strip() for cell in line[:4]] == [
        "m",
        "labels",
        f"{len(public):,}",
        f"{scores['labels'].accuracy:.2%}",
    ]


def test_answers_of_a_model_without_neutral_are_not_counted():
    with pytest.raises(FerKerasError, match="expected a model with a class neutral, found happy, sad"):
        answer_rows("m", {}, ("happy", "sad"))


def test_the_command_compares_answers(tmp_path, voted, monkeypatch):
    save_compact(always(0, 8), tmp_path / "model.keras", FERPLUS)
    monkeypatch.setattr("fer_keras.cli.load_data", lambda args: drawn_faces(400, ambiguous=0.5))
    ended = run("evaluate.py", "model.keras", "--answers", "answers.csv", cwd=tmp_path)
    assert ended.status == 0, ended.err
    assert "answers neutral" in ended.out and ended.out.endswith("answers: answers.csv\n")
    rows = pd.read_csv(tmp_path / "answers.csv")
    assert rows["faces"].tolist() == ["labels", "votes", POSED] and (rows["answers_neutral"] == 1.0).all()
