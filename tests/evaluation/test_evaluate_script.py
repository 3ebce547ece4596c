"""The command, as a user runs it."""

import json

import pytest
from command import run

from fer_keras import cli
from fer_keras.data import synthetic


def test_a_saved_model_on_drawn_faces(reader, tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic, "drawn_faces", lambda drawn=synthetic.drawn_faces, **_: drawn(400))
    (tmp_path / "tiny").mkdir()
    reader.save(tmp_path / "tiny" / "model.keras")
    words = ["tiny", "--out", "out", "--json", "scores.json", "--no-faces"]
    status, said, errors = run("evaluate.py", *words, cwd=tmp_path)
    assert status == 0, errors
    assert "drawn faces, not FER2013" in said
    assert "| PrivateTest | 40 | " in said and "14 trainable parameters" in said
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["name"] == "tiny" and scores["drawn"] is True
    assert list(scores["splits"]) == ["public_test", "private_test"]
    assert scores["size"]["file_bytes"] == (tmp_path / "tiny" / "model.keras").stat().st_size
    assert scores == json.loads((tmp_path / "out" / "evaluation.json").read_text())
    text = (tmp_path / "out" / "report.md").read_text()
    assert "**drawn faces, not FER2013**" in text and "evaluate.py tiny --out out" in text
    assert not (tmp_path / "out" / "figures" / "mistakes.png").exists()


def test_several_models_and_their_ensemble(data, reader, make_reader, monkeypatch, tmp_path):
    for name, model in (("one", reader), ("two", make_reader())):
        (tmp_path / name).mkdir()
        model.save(tmp_path / name / "model.keras")
    monkeypatch.setattr(cli, "load_data", lambda args: data)
    status, said, _ = run("evaluate.py", "one", "two/model.keras", "--json", "a.json", "--out", "out", cwd=tmp_path)
    assert status == 0
    assert [line for line in said.splitlines() if line in ("one", "two", "ensemble")] == ["ensemble", "one", "two"]
    scores = json.loads((tmp_path / "a.json").read_text())
    assert scores["name"] == "ensemble" and list(scores["beside"]) == ["one", "two"]
    assert scores["size"]["parameters"] == 28
    assert "| two | 14 |" in (tmp_path / "out" / "report.md").read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["none.keras"], "none.keras: there is no such model, expected a"),
        (["run", "--card"], "run/card.json: there is no such file"),
        (["run", "--card", "--json", "a"], "--card scores what it always does; it goes without"),
    ],
)
def test_a_mistake_is_one_sentence_and_status_2(words, sentence, tmp_path):
    (tmp_path / "run").mkdir()
    status, out, err = run("evaluate.py", *words, cwd=tmp_path)
    assert status == 2 and out == ""
    assert err.startswith(f"error: {sentence}") and err.count("\n") == 1
