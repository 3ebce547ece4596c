"""Data with classes of their own go through distil, evaluate, export and predict without a line of code."""

import json

import keras
import numpy as np
import pytest
from command import run
from face_files import write_drawn_folder

CLASSES = ("happy", "neutral", "surprise")
SMALL = ["--epochs", "2", "--teacher-epochs", "2", "--cached-views", "2", "--ema-epochs", "0", "--batch-size", "32"]
SMALL += ["--teacher-model", "small-cnn", "--model", "separable-25k"]


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    cwd = tmp_path_factory.mktemp("own")
    write_drawn_folder(cwd / "faces", CLASSES, 180)
    data = ["--data", cwd / "faces", "--cache", cwd / "logits"]
    ended = run("distill.py", *data, "--name", "job", *SMALL, cwd=cwd)
    assert ended.status == 0, ended.err
    return cwd, data


def test_the_student_has_the_folders_classes(job):
    cwd, _ = job
    model = keras.models.load_model(cwd / "runs/job/model.keras")
    assert model.output_shape == (None, 3)
    recipe = json.loads((cwd / "runs/job/config.json").read_text())["config"]
    assert recipe["data"]["classes"] == list(CLASSES) and recipe["data"]["validation"] == 0
    evaluation = json.loads((cwd / "runs/job/evaluation.json").read_text())
    assert evaluation["classes"] == list(CLASSES)
    assert np.array(evaluation["splits"]["test"]["all"]["confusion"]).shape == (3, 3)


def test_its_recipe_makes_it_again(job):
    cwd, data = job
    teacher = ["--teacher", cwd / "runs/job/teachers/member-1"]
    ended = run("distill.py", *data, *teacher, "--config", cwd / "runs/job/config.json", "--name", "again", cwd=cwd)
    assert ended.status == 0, ended.err
    weights = (keras.models.load_model(cwd / f"runs/{name}/model.keras").get_weights() for name in ("job", "again"))
    for first, second in zip(*weights, strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-3, atol=1e-5)
    recipes = [json.loads((cwd / f"runs/{name}/config.json").read_text())["config"] for name in ("job", "again")]
    assert recipes[0] == recipes[1]


def test_options_win_over_the_recipe(job):
    cwd, data = job
    config, teacher = cwd / "runs/job/config.json", cwd / "runs/job/teachers/member-1"
    words = ["--teacher", teacher, "--config", config, "--name", "hotter", "--temperature", "4", "--epochs", "1"]
    assert run("distill.py", *data, *words, "--warmup-epochs", "0", cwd=cwd).status == 0
    before, after = (json.loads((cwd / f"runs/{n}/config.json").read_text())["config"] for n in ("job", "hotter"))
    assert after["temperature"] == 4.0 and after["fit"]["epochs"] == 1 and after["fit"]["warmup_epochs"] == 0
    same = {**after, "temperature": before["temperature"], "fit": before["fit"]}
    assert same == before


def test_a_recipe_whose_teacher_is_gone_says_so(job):
    cwd, data = job
    ended = run("distill.py", *data, "--config", cwd / "runs/job/config.json", "--name", "x", cwd=cwd)
    assert ended.status == 2
    assert "its teacher member-1 is in none of saved_models, runs" in ended.err and ended.err.count("\n") == 1


def test_what_is_no_recipe_is_one_sentence(job):
    cwd, data = job
    recorded = json.loads((cwd / "runs/job/config.json").read_text())
    recorded["config"]["fit"]["epoch"] = 3
    (cwd / "wrong.json").write_text(json.dumps(recorded))
    ended = run("distill.py", *data, "--config", cwd / "wrong.json", cwd=cwd)
    assert ended.status == 2 and "wrong.json: unknown key 'fit.epoch'" in ended.err and ended.err.count("\n") == 1


def test_a_teacher_of_other_classes_is_refused(job, tmp_path):
    cwd, _ = job
    write_drawn_folder(tmp_path / "faces", ("angry", "sad", "neutral"), 180)
    words = ["--data", tmp_path / "faces", "--teacher", cwd / "runs/job/teachers/member-1", "--name", "other"]
    ended = run("distill.py", *words, *SMALL[:2], cwd=tmp_path)
    assert ended.status == 2
    assert "a model of happy, neutral, surprise, expected one of the classes angry, neutral, sad" in ended.err


def test_evaluate_export_and_predict_say_its_classes(job):
    cwd, data = job
    scores = cwd / "scores.json"
    assert run("evaluate.py", cwd / "runs/job", *data[:2], "--json", scores, cwd=cwd).status == 0
    assert json.loads(scores.read_text())["classes"] == list(CLASSES)
    exported = run("export.py", cwd / "runs/job", *data[:2], "--format", "litert", cwd=cwd)
    assert (cwd / "runs/job/model_float32.tflite").exists(), exported.err
    face = next((cwd / "faces/test/happy").glob("*.png"))
    for model in ("runs/job", "runs/job/model_float32.tflite"):
        said = run("predict.py", cwd / model, face, "--json", cwd=cwd)
        assert said.status == 0, said.err
        (answer,) = json.loads(said.out)
        assert list(answer["probabilities"]) == list(CLASSES) and answer["label"] in CLASSES


def test_a_seven_class_model_is_scored_on_a_folder_with_some_of_its_classes(job):
    from command import ROOT

    cwd, data = job
    scores = cwd / "seven.json"
    ended = run("evaluate.py", ROOT / "saved_models/separable-25k", *data[:2], "--json", scores, cwd=cwd)
    assert ended.status == 0, ended.err
    assert len(json.loads(scores.read_text())["classes"]) == 7
