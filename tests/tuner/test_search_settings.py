"""What a search is told, by the command line and by a recipe, and what it tells each trial."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from command import run as run_script
from face_files import write_fer2013
from small_search import BASE, instant_training, ledger_of, search_in

from fer_keras.config import to_dict
from fer_keras.errors import FerKerasError
from fer_keras.models import build
from tuner.search_space import defaults
from tuner.settings import Candidate


def test_a_schedule_that_cannot_be_is_refused_before_the_first_trial(tmp_path):
    fit = replace(BASE.fit, epochs=9, warmup_epochs=3.0)
    with pytest.raises(FerKerasError, match=r"warmup_epochs 3.0: expected"):
        search_in(tmp_path / "s", base=replace(BASE, fit=fit), final_epochs=2)


@pytest.mark.parametrize(
    ("environment", "missing"),
    [
        ({"KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": "1"}, "KERASTUNER_TUNER_ID"),
        ({"KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_TUNER_ID": "chief"}, "KERASTUNER_ORACLE_PORT"),
        ({"KERASTUNER_TUNER_ID": "worker-1"}, "KERASTUNER_ORACLE_IP"),
    ],
)
def test_half_a_role_is_refused_before_anything_is_loaded(environment, missing, tmp_path, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    status, _, said = run_script("search.py", "--data", "nowhere", "--teacher", "nowhere", cwd=tmp_path)
    assert status == 2 and said.startswith(f"error: {missing}: not set, expected a value, for ")


def test_a_candidate_tells_its_run_what_its_stage_is_for(tmp_path):
    base = replace(BASE, fit=replace(BASE.fit, ema_epochs=1.0))
    search = search_in(tmp_path, seeds=2, base=base)
    configs = {
        stage: Candidate(stage, "cnn", 3_000, 1, defaults("cnn")).config(search)
        for stage in ("search", "final", "control")
    }
    assert [config.fit.epochs for config in configs.values()] == [1, 2, 2]
    assert [config.fit.ema_epochs for config in configs.values()] == [0.5, 1.0, 1.0]
    assert [config.alpha for config in configs.values()] == [0.9, 0.9, 0.0]
    assert {config.fit.seed for config in configs.values()} == {1}


def test_controls_are_at_budgets_of_the_search(tmp_path):
    for option in ("--control-budgets", "--unlimited-budgets"):
        words = ("--teacher", "nowhere", "--budgets", 5_000, 10_000, option, 10_000, 25_000)
        status, _, said = run_script("search.py", *words, cwd=tmp_path)
        assert (status, said) == (2, f"error: {option} 25000: expected some of --budgets 5000, 10000\n")


def test_the_script_tells_the_search_what_it_was_told(tmp_path, faces, monkeypatch):
    """The command as users start it, with a real teacher and its cache."""
    write_fer2013(tmp_path / "faces.csv", faces)
    build("cnn", widths=(4,), dense_widths=()).save(tmp_path / "teacher.keras")
    monkeypatch.setattr("tuner.hypermodel.train_student", instant_training)
    words = ["--data", "faces.csv", "--teacher", "teacher.keras", "--cache", "logits", "--name", "s", "--epochs", 1]
    words += ["--families", "cnn", "--budgets", 3_000, "--trials", 1, "--final-epochs", 2, "--seeds", 1]
    words += ["--max-multiply-adds", 1_000_000, "--max-failures", 3, "--ema-epochs", 0]
    status, said, errors = run_script("search.py", *words, cwd=tmp_path)
    assert status == 0, errors
    assert said.splitlines()[-1] == f"ledger: {Path('runs/s/ledger.csv')}"
    settings = json.loads((tmp_path / "runs" / "s" / "search.json").read_text())
    base = settings.pop("base")
    assert settings == {
        "families": ["cnn"], "budgets": [3_000], "trials": 1, "final_epochs": 2, "seeds": 1, "control_budgets": [],
        "max_multiply_adds": 1_000_000, "unlimited_budgets": [], "max_failures": 3,
    }  # fmt: skip
    assert base["fit"]["epochs"] == 1 and base["data"]["source"] == "faces.csv" and len(base["teachers"]) == 1
    ledger = ledger_of(tmp_path / "runs" / "s")
    assert list(zip(ledger["stage"], ledger["epochs"], strict=True)) == [("search", 1), ("final", 2)]
    assert len([*(tmp_path / "logits").rglob("view-*.npz")]) == 2, "as many views as the full schedule has epochs"


def test_a_recipe_says_how_and_from_whom_the_candidates_learn(tmp_path, faces, monkeypatch):
    write_fer2013(tmp_path / "faces.csv", faces)
    (tmp_path / "runs" / "wise").mkdir(parents=True)
    build("cnn", widths=(4,), dense_widths=()).save(tmp_path / "runs" / "wise" / "model.keras")
    fit = replace(BASE.fit, epochs=20, warmup_epochs=15.0, learning_rate=0.02)
    recipe = replace(BASE, teacher_names=("wise",), model="separable-25k", temperature=4.0, fit=fit)
    (tmp_path / "recipe.json").write_text(json.dumps({"config": to_dict(recipe)}))
    asked = []
    monkeypatch.setattr("tuner.search.run_search", lambda *given: asked.append(given) or "nowhere")
    words = ["--data", "faces.csv", "--families", "cnn", "--budgets", 3_000, "--alpha", 0.5]
    assert run_script("search.py", *words, "--config", "recipe.json", cwd=tmp_path).status == 0
    ((search, _, (teacher,), _),) = asked
    base = search.base
    assert (base.temperature, base.fit.learning_rate, base.alpha) == (4.0, 0.02, 0.5), "options win over the recipe"
    assert (base.fit.epochs, base.fit.warmup_epochs, search.final_epochs) == (12, 12, 20)
    assert base.teacher_names == ("wise",) and teacher.file == Path("runs/wise/model.keras")
    assert base.data.source == "faces.csv" and base.options == {}
    status, _, said = run_script("search.py", *words, cwd=tmp_path)
    assert (status, said) == (
        2,
        "error: --teacher: expected saved teachers, or --config with a recipe that names some\n",
    )
