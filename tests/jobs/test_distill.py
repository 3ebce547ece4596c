"""The main job end to end on drawn faces, by its own command."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from command import ROOT, run
from face_files import text, write_csv, write_fer2013

from fer_keras.data.synthetic import drawn_faces

SMALL = ["--epochs", "2", "--teacher-epochs", "1", "--cached-views", "2", "--ema-epochs", "0"]
SMALL += ["--teacher-model", "small-cnn"]


@pytest.fixture(scope="module")
def faces_csv(tmp_path_factory):
    """420 drawn faces in the form of fer2013.csv, and 60 unlabelled ones in the course's."""
    folder = tmp_path_factory.mktemp("csv")
    faces = drawn_faces(420, seed=5)
    write_fer2013(folder / "fer2013.csv", faces)
    write_csv(folder / "more.csv", ["id", "feature"], enumerate(map(text, faces.images[:60])))
    return folder


@pytest.fixture(scope="module")
def job(faces_csv, tmp_path_factory):
    """One job with an ensemble of two and unlabelled images; its folder, its options and what it printed."""
    cwd = tmp_path_factory.mktemp("job")
    words = ["--data", faces_csv / "fer2013.csv", "--unlabelled", faces_csv / "more.csv", "--name", "job"]
    words += ["--alpha", "1", "--members", "2", "--cache", cwd / "logits", *SMALL]
    status, said, errors = run("distill.py", *words, cwd=cwd)
    assert status == 0, errors
    return cwd, words, said


def test_the_job_ends_with_a_student_and_a_report(job):
    cwd, _, said = job
    run = cwd / "runs" / "job"
    assert said.splitlines()[-1] == f"report: {Path('runs/job/report.md')}"
    student = keras.models.load_model(run / "model.keras")
    assert student.count_params() - sum(np.prod(w.shape) for w in student.non_trainable_weights) == 93_139
    evaluation = json.loads((run / "evaluation.json").read_text())
    assert set(evaluation["splits"]) == {"val", "public_test", "private_test"}
    assert set(evaluation["beside"]) == {"teacher 1", "teacher 2", "teacher ensemble"}
    report = (run / "report.md").read_text()
    for needed in ("Macro-F1", "PrivateTest", "93,139", "figures/confusion.png", "figures/training.png"):
        assert needed.lower() in report.lower(), needed
    assert (run / "figures" / "mistakes.png").exists()


def test_teachers_are_introduced_before_they_teach(job):
    cwd, _, said = job
    lines = [line for line in said.splitlines() if line.startswith("teacher ")]
    files = [f"runs/job/teachers/member-{number}/model.keras" for number in (1, 2)]
    accuracies = json.loads((cwd / "runs" / "job" / "evaluation.json").read_text())["beside"]
    for line, file, name in zip(lines, files, ("teacher 1", "teacher 2"), strict=True):
        right = accuracies[name]["splits"]["val"]["all"]["accuracy"]
        assert line == f"teacher {file}: {right:.1%} of the validation images right"
    assert said.index(lines[-1]) < said.index("cache: view 1/2")


def test_the_unlabelled_faces_were_distilled(job):
    config = json.loads((job[0] / "runs" / "job" / "config.json").read_text())["config"]
    assert config["alpha"] == 1.0 and len(config["teachers"]) == 2
    shard = next((job[0] / "logits").rglob("view-00000.npz"))
    manifest = json.loads((shard.parent / "manifest.json").read_text())
    teachers = json.loads((job[0] / "runs/job/teachers/member-1/config.json").read_text())["config"]
    assert np.load(shard)["logits"].shape == (manifest["images"], 7)
    assert manifest["images"] > 350 and teachers["data"]["source"] == "fer2013.csv and more.csv unlabelled"


def test_the_same_command_again_is_refused_without_resume_and_short_with_it(job):
    cwd, words, _ = job
    model = (cwd / "runs" / "job" / "model.keras").read_bytes()
    status, _, said = run("distill.py", *words, cwd=cwd)
    assert status == 2 and "a run is there already" in said and said.count("\n") == 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fer_keras.jobs.distillation.cached_logits", lambda *_: pytest.fail("asked for the logits"))
        assert run("distill.py", *words, "--resume", cwd=cwd).status == 0
        assert (cwd / "runs" / "job" / "model.keras").read_bytes() == model
        other = [*words[:2], "--name", "job", "--teacher", cwd / "runs/job/teachers/member-1", *SMALL[:2], "--alpha", 1]
        status, _, said = run("distill.py", *other, "--cached-views", 2, "--ema-epochs", 0, "--resume", cwd=cwd)
    assert status == 2 and "job: cannot go on with other options (data.fingerprint: " in said and "teachers: " in said


def test_the_cache_can_be_verified_and_the_model_shipped(job, faces_csv):
    cwd, _, _ = job
    data = ["--data", faces_csv / "fer2013.csv"]
    teacher = cwd / "runs/job/teachers/member-1"
    half = ["--half"]
    assert run("ship.py", teacher, "drawn-teacher", *data, *half, cwd=cwd).status == 0
    unlabelled = ["--unlabelled", faces_csv / "more.csv"]
    assert run("ship.py", cwd / "runs/job", "drawn-student", *data, *unlabelled, cwd=cwd).status == 0
    card = json.loads((cwd / "saved_models" / "drawn-student" / "card.json").read_text())
    assert [teacher["name"] for teacher in card["recipe"]["teachers"]] == ["drawn-teacher", None]
    shipped = cwd / "saved_models" / "drawn-teacher"
    assert sorted(p.name for p in shipped.glob("[!.]*")) == [
        "calibration.json", "card.json", "card.md", "config.json", "figures", "metrics.csv", "model.keras",
        "sample.json",
    ]  # fmt: skip
    assert not (shipped / "figures" / "mistakes.png").exists(), "the data's faces are not passed on"
    for weight in keras.models.load_model(shipped / "model.keras").get_weights():
        np.testing.assert_array_equal(weight, weight.astype(np.float16).astype(np.float32))
    options = [shipped, *data, "--cache", cwd / "more", "--cached-views", "1"]
    status, _, said = run("cache_logits.py", *options, "--verify", cwd=cwd)
    assert status == 2 and "manifest.json" in said
    assert run("cache_logits.py", *options, cwd=cwd).status == 0
    shard = next((cwd / "more").rglob("view-00000.npz"))
    np.savez(shard, logits=np.load(shard)["logits"] + np.float16(1))
    status, _, said = run("cache_logits.py", *options, "--verify", cwd=cwd)
    assert status == 2 and "differ from the teacher's" in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--data", "nowhere.zip"], "error: nowhere.zip: there is no such file or folder"),
        (["--model", "resnet"], "error: unknown model 'resnet'"),
        (["--teacher", "nowhere.keras"], "error: nowhere.keras: there is no such file"),
        (["--init-from", "nowhere"], "error: nowhere: there is no such file"),
        (
            ["--init-from", str(ROOT / "saved_models" / "separable-25k")],
            "error: separable_25k: expected a relative of ",
        ),
        (["--loss", "l2"], "error: loss 'l2': expected one of "),
        (["--loss", "dist", "--loss-options", "beta=2", "delta=1"], "error: loss 'dist': unknown option 'delta'"),
        (["--alpha", "3"], "error: alpha 3.0: expected a number from 0 to 1"),
        (["--members", "0"], "error: members 0: expected"),
        (
            ["--teacher", "a.keras", "--members", "2"],
            "error: --teacher names saved teachers; --members is for new ones",
        ),
        (
            ["--teacher", "a.keras", "--teacher-epochs", "9"],
            "error: --teacher names saved teachers; --teacher-epochs is",
        ),
        (["--teacher-model", "small-cnn", "resnet"], "error: unknown model 'resnet'"),
    ],
)
def test_a_mistake_is_one_sentence_before_anything_is_trained(words, sentence, faces_csv, tmp_path):
    status, _, said = run("distill.py", "--data", faces_csv / "fer2013.csv", *words, cwd=tmp_path)
    assert status == 2 and said.startswith(sentence) and said.count("\n") == 1
    assert not list(tmp_path.iterdir())
