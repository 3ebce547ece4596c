"""What a command line says is what the work behind it is told; none of that work is done here."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from command import run
from face_files import write_fer2013

from fer_keras.config import NO_DATA, DataConfig, TeacherConfig, to_dict
from fer_keras.data.synthetic import drawn_faces
from fer_keras.errors import FerKerasError
from fer_keras.jobs.ablation_arms import ASSISTANT, ENSEMBLE, SINGLE
from fer_keras.jobs.benchmark_workers import SMALL_SEARCH
from fer_keras.jobs.export_subject import ExportOptions
from fer_keras.labels import FERPLUS


@pytest.fixture
def in_place_of(monkeypatch):
    """What was called instead of the work; (its words, its options)."""
    calls = []

    def instead_of(name):
        def stand_in(*words, **options):
            calls.append((words, options))
            raise FerKerasError("that will do")

        monkeypatch.setattr(name, stand_in)
        return calls

    return instead_of


@pytest.fixture
def csv(tmp_path, faces):
    return write_fer2013(tmp_path / "fer2013.csv", faces)


@pytest.fixture
def models_are_their_paths(monkeypatch):
    monkeypatch.setattr("fer_keras.distill.teachers.load_teacher", lambda path, label_set: f"model {path}")


def test_ablate_passes_on_its_teachers_arms_and_folders(in_place_of, csv, models_are_their_paths, tmp_path):
    calls = in_place_of("fer_keras.jobs.ablation.run_study")
    words = ["--data", csv, "--teacher", "a", "b", "--assistant", "c", "--epochs", 50, "--out", "out"]
    words += ["--seeds", 3, "--name", "n", "--cache", "logits", "--arms", "assistant", "baseline"]
    assert run("ablate.py", *words, cwd=tmp_path).err == "error: that will do\n"
    (((study, arms, seeds), _),) = calls
    assert study.teachers == {
        ENSEMBLE: ["model a", "model b"], SINGLE: ["model a"], ASSISTANT: ["model c"],
    }  # fmt: skip
    assert [arm.name for arm in arms] == ["assistant", "baseline"] and list(seeds) == [0, 1, 2]
    assert (study.folder, study.out, study.cache_root) == (Path("runs/n"), Path("out"), Path("logits"))
    assert study.base.fit.epochs == 50 and (study.data.splits == "val").any()
    assert study.data_config.source == "fer2013.csv"


def test_ablate_passes_on_that_votes_are_learned(in_place_of, models_are_their_paths, tmp_path, monkeypatch):
    monkeypatch.setattr("fer_keras.data.synthetic.drawn_faces", partial(drawn_faces, 300))
    calls = in_place_of("fer_keras.jobs.ablation.run_study")
    run("ablate.py", "--teacher", "a", "--assistant", "c", "--targets", "majority", cwd=tmp_path)
    (((study, _, _), _),) = calls
    assert study.data.classes == FERPLUS.classes and study.data_config.targets == "majority"


def test_ablate_knows_its_arms(models_are_their_paths, tmp_path):
    words = ["--teacher", "a", "--assistant", "c", "--arms", "nothing"]
    status, _, said = run("ablate.py", *words, cwd=tmp_path)
    assert status == 2 and said.startswith("error: unknown arm 'nothing', expected some of 'baseline', 'labels only'")


def test_train_teacher_passes_on_its_recipes_one_a_member(in_place_of, csv, tmp_path):
    calls = in_place_of("fer_keras.training.teacher.train_members")
    words = ["--data", csv, "--model", "small-cnn", "residual-10", "--members", 3, "--mixup", 0.5, "--seed", 4]
    words += ["--label-smoothing", 0.1, "--rotation", 20, "--name", "n", "--resume"]
    assert run("train_teacher.py", *words, cwd=tmp_path).err == "error: that will do\n"
    (((configs, train, val, folder), options),) = calls
    assert [(config.model, config.fit.seed) for config in configs] == [
        ("small-cnn", 4), ("residual-10", 5), ("small-cnn", 6),
    ]  # fmt: skip
    assert {(c.mixup, c.fit.label_smoothing, c.views.rotation) for c in configs} == {(0.5, 0.1, 20.0)}
    assert set(train.splits) == {"train"} and set(val.splits) == {"val"}
    assert folder == Path("runs/n") and options == {"resume": True}


def test_export_passes_on_formats_version_and_folder(in_place_of, csv, tmp_path):
    calls = in_place_of("fer_keras.jobs.exporting.export_model")
    words = ["m", "--format", "litert", "onnx", "--version", 7, "--to", "there"]
    assert run("export.py", *words, "--data", csv, cwd=tmp_path).err == "error: that will do\n"
    run("export.py", *words, cwd=tmp_path)
    ((path, formats, data, options), _), ((_, _, nothing, _), _) = calls
    assert (path, formats) == (Path("m"), ["litert", "onnx"])
    assert options == ExportOptions(version=7, to=Path("there"), classes=None, scale=1.0)
    assert len(data) == 700 and nothing is None


def test_ship_passes_on_run_name_and_data(in_place_of, csv, tmp_path):
    calls = in_place_of("fer_keras.jobs.shipping.ship")
    words = ["runs/r", "m", "--data", csv, "--to", "there", "--half", "--unfinished"]
    assert run("ship.py", *words, "--unlabelled", csv, cwd=tmp_path).err == "error: that will do\n"
    (((run_folder, folder, data), options),) = calls
    assert (run_folder, folder) == (Path("runs/r"), Path("there/m"))
    assert options == {"half": True, "unfinished": True}
    assert len(data) == 1400 and (data.labels < 0).sum() == 700


def test_evaluate_passes_on_models_and_splits(in_place_of, csv, tmp_path):
    (tmp_path / "m.keras").touch()
    calls = in_place_of("fer_keras.evaluation.evaluate.evaluate_files")
    words = ["m.keras", "--data", csv, "--splits", "val", "private_test"]
    assert run("evaluate.py", *words, cwd=tmp_path).err == "error: that will do\n"
    (((files, data), options),) = calls
    assert files == [Path("m.keras")] and len(data) == 700 and options == {"splits": ["val", "private_test"]}


def test_benchmark_writes_the_tables_of_training(monkeypatch, tmp_path):
    seconds, ratios = pd.DataFrame({"a": [1.0, 3.0, 2.0]}), pd.DataFrame({"ratio": ["b"], "median": [1.5]})
    monkeypatch.setattr(
        "fer_keras.jobs.benchmark_training.benchmark_distillation", lambda rounds: (seconds.head(rounds), ratios)
    )
    status, said, _ = run("benchmark.py", "distill", "--rounds", 3, cwd=tmp_path)
    assert status == 0 and "a    2.0" in said and "b     1.5" in said
    folder = tmp_path / "runs" / "measurements"
    pd.testing.assert_frame_equal(pd.read_csv(folder / "distill_seconds.csv"), seconds)
    pd.testing.assert_frame_equal(pd.read_csv(folder / "distill_ratios.csv"), ratios)


def test_what_answers_cost_is_not_measured_without_the_baseline_that_is_asked_for(monkeypatch, tmp_path):
    monkeypatch.setattr("fer_keras.export.baselines.lacks_for_fer", lambda: "it is not installed (pip install it)")
    ended = run("benchmark.py", "inference", "--models", "m", "--with-baselines", cwd=tmp_path)
    error = "error: --with-baselines: fer cannot be measured, it is not installed (pip install it)\n"
    assert (ended.status, ended.err) == (2, error) and not (tmp_path / "runs").exists()


def test_benchmark_writes_the_tables_of_workers(monkeypatch, tmp_path):
    asked = []
    measured = pd.DataFrame({"workers": [1, 2], "trials_per_hour": [10.0, 15.0]})

    def measure(command, rounds):
        asked.append((command, rounds))
        return measured

    monkeypatch.setattr("fer_keras.jobs.benchmark_workers.measure_workers", measure)
    monkeypatch.setattr(
        "fer_keras.jobs.benchmark_workers.measure_chief",
        lambda ledger, repeat: pd.DataFrame({"of": [ledger], "repeat": [repeat]}),
    )
    monkeypatch.setattr(
        "fer_keras.jobs.benchmark_workers.scale_with", lambda ledger, rates, chief: chief.assign(rates=len(rates))
    )
    monkeypatch.setattr("fer_keras.jobs.benchmark_workers.scale_table", lambda scaled: f"a table of {len(scaled)} rows")
    monkeypatch.setattr("tuner.frontier.read_ledger", str)
    words = ["workers", "--to", "out", "--rounds", 2]
    assert run("benchmark.py", *words, cwd=tmp_path)[::2] == (2, "error: workers: expected --teacher and --ledger\n")
    words += ["--data", "d.zip", "--teacher", "t", "--ledger", "l.csv"]
    status, said, _ = run("benchmark.py", *words, cwd=tmp_path)
    assert status == 0 and "a table of 2 rows" in said
    ((command, rounds),) = asked
    assert command[-1 - len(SMALL_SEARCH)] == "t" and rounds == 2
    assert command[3:8] == ["-m", "fer_keras", "search", "--data", "d.zip"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "workers.csv", "workers_chief.csv", "workers_scaled.csv",
    }  # fmt: skip
    scaled = pd.read_csv(tmp_path / "out" / "workers_scaled.csv")
    assert scaled.values.tolist() == [["l.csv", 1, 2], ["l.csv", 25, 2]]
    assert pd.read_csv(tmp_path / "out" / "workers_chief.csv").values.tolist() == [["l.csv", 1], ["l.csv", 25]]


def test_votes_reach_training_from_the_command_line_and_from_a_recipe(in_place_of, csv, tmp_path):
    calls = in_place_of("fer_keras.training.data.training_data")
    words = ["--targets", "labels+votes", "--votes", "votes.csv", "--folds", 5, "--left-out", 2, "--validation", 0.2]
    words += ["--data", csv]
    assert run("train_teacher.py", *words, cwd=tmp_path).err == "error: that will do\n"
    (((_, options), _),) = calls
    assert options == DataConfig("", "", 0.2, targets="labels+votes", votes="votes.csv", folds=5, left_out=2)
    recipe = TeacherConfig(replace(options, source="a.zip", left_out=3))
    (tmp_path / "config.json").write_text(json.dumps({"config": to_dict(recipe)}))
    run("train_teacher.py", "--config", "config.json", "--left-out", 4, "--data", csv, cwd=tmp_path)
    assert calls[1][0][1] == replace(recipe.data, left_out=4)


def test_a_model_is_scored_on_the_targets_that_it_learned(in_place_of, csv, tmp_path):
    calls = in_place_of("fer_keras.training.data.with_targets")
    (tmp_path / "model.keras").touch()
    recipe = TeacherConfig(replace(NO_DATA, targets="votes", votes="v.csv"))
    (tmp_path / "config.json").write_text(json.dumps({"config": to_dict(recipe)}))
    run("evaluate.py", "model.keras", "--data", csv, cwd=tmp_path)
    run("evaluate.py", "model.keras", "--data", csv, "--targets", "majority", cwd=tmp_path)
    assert [options for (_, options), _ in calls] == [recipe.data, replace(recipe.data, targets="majority")]


@pytest.mark.parametrize("recipe", [[], {"config": []}, {"config": None}, {"config": {"data": 1}}])
def test_a_damaged_recipe_is_a_sentence_with_its_file(recipe, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(recipe))
    (tmp_path / "model.keras").touch()
    for words in (["train_teacher.py"], ["evaluate.py", "model.keras"]):
        more = [] if words[1:] else ["--config", "config.json"]
        status, _, said = run(*words, *more, cwd=tmp_path)
        assert status == 2 and said.startswith("error: config.json: ") and said.count("\n") == 1
