"""A small search on drawn faces: what its ledger says is what happened."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from command import ROOT
from small_search import BASE, FEW, instant_training, ledger_of, run

from fer_keras.errors import FerKerasError
from fer_keras.files import locked
from fer_keras.models import FAMILIES, build
from fer_keras.models.budget import parameters
from fer_keras.training.run import read_config
from tuner.baselines import baselines, read_milliseconds
from tuner.latency import baseline_files, float32_file, measure


@pytest.fixture(scope="module")
def finished(tmp_path_factory, made):
    folder = tmp_path_factory.mktemp("search") / "small"
    run(folder, made, families=("cnn",), trials=1)
    return folder


def test_a_row_for_every_trial(finished):
    ledger = ledger_of(finished)
    assert list(ledger["trial"]) == ["0000", "0001", "0002"]
    assert list(ledger["stage"]) == ["search", "final", "control"]
    assert (ledger["status"] == "completed").all() and ledger["error"].isna().all()
    assert ledger["parameters"].between(0.97 * 3_000, 3_000).all()
    assert list(ledger["epochs"]) == [1, 2, 2] and list(ledger["alpha"]) == [0.9, 0.9, 0.0]
    assert ledger["config_hash"].nunique() == 3 and (ledger["seconds"] > 0).all()
    for row in ledger.itertuples():
        options = json.loads(row.options)
        assert row.widths.split() == [str(width) for width in (*options["widths"], *options["dense_widths"])]
        assert row.multiply_adds == FAMILIES[row.family].multiply_adds(**options)
        recipe = read_config((finished / row.model).parent)["config"]
        assert recipe["options"] == options and recipe["fit"]["epochs"] == row.epochs


def test_what_is_published_goes_on_elsewhere(finished, made, tmp_path, monkeypatch):
    """A clone has no checkpoints, no TensorBoard and no short trials' models; none of them is needed."""

    def git(*words, cwd):
        identity = ("-c", "user.name=test", "-c", "user.email=test@localhost")
        subprocess.run(["git", *identity, *words], cwd=cwd, check=True, capture_output=True)

    published, clone = tmp_path / "published", tmp_path / "clone"
    shutil.copytree(finished, published / "saved_models" / "frontier")
    shutil.copyfile(Path(__file__).parents[2] / ".gitignore", published / ".gitignore")
    for words in (["init"], ["add", "."], ["commit", "-m", "search"]):
        git(*words, cwd=published)
    git("clone", str(published), str(clone), cwd=tmp_path)
    folder = clone / "saved_models" / "frontier"
    kinds = {path.name for path in folder.rglob("*") if path.is_dir()}
    assert not kinds & {"checkpoint", "tensorboard", "hparams"} and len([*folder.rglob("model.keras")]) == 1
    assert len([*folder.rglob("hits.npz")]) == 2, "of the full schedule and of its control"
    before = ledger_of(folder)
    monkeypatch.setattr("tuner.hypermodel.train_student", instant_training)
    run(folder, made, families=("cnn",), trials=2)
    after = ledger_of(folder)
    pd.testing.assert_frame_equal(after[: len(before)], before)
    assert after["stage"].tolist()[3] == "search" and len(after) in (4, 6)  # six where the new trial is the best


def test_milliseconds_are_measured_without_the_models(finished, tmp_path):
    folder = tmp_path / "s"
    shutil.copytree(finished, folder)
    for file in folder.rglob("model.keras"):
        file.unlink()
    measure(folder, {"ours": float32_file(build("cnn", widths=(4,), dense_widths=()))}, rounds=1)
    milliseconds = ledger_of(folder)["milliseconds"]
    assert milliseconds.isna().tolist() == [True, False, True] and 0 < milliseconds[1] < 1_000
    others = read_milliseconds(folder)
    assert list(others) == ["ours"] and 0 < others["ours"] < 1_000


def test_milliseconds_of_a_part_of_a_search_are_refused(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "s")
    before = (tmp_path / "s" / "ledger.csv").read_bytes()
    (tmp_path / "s" / "trial_0002" / "row.json").unlink()
    with pytest.raises(FerKerasError, match=r"trial_0002/row.json is not there"):
        measure(tmp_path / "s")
    assert (tmp_path / "s" / "ledger.csv").read_bytes() == before


def test_baselines_are_measured_that_the_figures_show(tmp_path, monkeypatch):
    student = ROOT / "saved_models" / "separable-25k"
    shutil.copytree(student, tmp_path / "separable-25k", ignore=shutil.ignore_patterns("1", "figures"))
    monkeypatch.setattr("tuner.latency.float32_file", parameters)
    shutil.copytree(ROOT / "saved_models" / "measurements", tmp_path / "measurements")
    measured = baseline_files(tmp_path)
    shown = {model.title: model.parameters for model in baselines(tmp_path)}
    ours = {"course report: general CNN", "course report: MobileNet student", "separable-25k"}
    assert {*measured} - {"mini_XCEPTION"} == ours
    assert {title: measured[title] for title in ours} == {title: shown[title] for title in ours}


def test_the_search_never_sees_public_test(finished):
    ledger = ledger_of(finished)
    assert ledger["public_test_accuracy"].isna().tolist() == [True, False, False]
    assert ledger["options"].nunique() == 1


def test_accuracies_are_those_of_the_models(finished, made):
    for row in ledger_of(finished).itertuples():
        model = keras.models.load_model(finished / row.model)
        for split, said in (("val", row.val_accuracy), ("public_test", row.public_test_accuracy)):
            data = made.data.split(split)
            hits = model(data.images).numpy().argmax(-1) == data.labels
            if not np.isnan(said):
                assert said == pytest.approx(hits.mean(), abs=1e-6)
                stored = (finished / row.model).with_name("hits.npz")
                if stored.exists():
                    np.testing.assert_array_equal(np.load(stored)[split], hits)


def test_models_of_the_full_schedule_are_kept_small(finished):
    sizes = [(finished / model).stat().st_size for model in ledger_of(finished)["model"]]
    assert sizes[1] < sizes[0] / 3 and sizes[2] < sizes[0] / 3


def test_the_same_search_again_trains_nothing(finished, made, monkeypatch):
    before = (finished / "ledger.csv").read_bytes()
    monkeypatch.setattr("tuner.hypermodel.train_student", lambda *_, **__: pytest.fail("trained again"))
    run(finished, made, families=("cnn",), trials=1)
    assert (finished / "ledger.csv").read_bytes() == before


def test_the_chief_of_a_finished_search_does_not_wait_for_workers(finished, made, tmp_path, monkeypatch):
    folder = tmp_path / "small"
    shutil.copytree(finished, folder)
    role = {"KERASTUNER_TUNER_ID": "chief", "KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": "0"}
    for name, value in role.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("waited"))
    run(folder, made, families=("cnn",), trials=1)
    assert (folder / "done").exists() and ledger_of(folder).equals(ledger_of(finished))
    # A worker that comes after it, and calls the data otherwise, does not wait either.
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "worker-1")
    monkeypatch.setattr("tuner.tuner.chief_address", lambda: "127.0.0.1:1")
    elsewhere = replace(BASE, data=replace(BASE.data, source="a copy"))
    run(folder, made, families=("cnn",), trials=1, base=elsewhere)


def test_a_search_from_before_an_option_existed_goes_on(finished, made, monkeypatch):
    settings_file = finished / "search.json"
    settings = json.loads(settings_file.read_text())
    assert settings["base"].pop("mixup") == 0.0 and settings["base"]["fit"].pop("label_smoothing") == 0.0
    settings_file.write_text(json.dumps(settings))
    monkeypatch.setattr("tuner.hypermodel.train_student", lambda *_, **__: pytest.fail("trained again"))
    run(finished, made, families=("cnn",), trials=1)
    assert json.loads(settings_file.read_text())["base"]["mixup"] == 0.0


def test_another_search_in_the_folder_is_refused(finished, made):
    with pytest.raises(FerKerasError, match=r"small: cannot go on with other options \(base.temperature: 2.5, now 4.0"):
        run(finished, made, families=("cnn",), base=replace(BASE, temperature=4.0))
    with pytest.raises(FerKerasError, match=r"final_epochs: 2, now 3"):
        run(finished, made, families=("cnn",), final_epochs=3)


def test_tensorboard_has_the_trials(finished):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams import plugin_data_pb2

    events = EventAccumulator(str(finished / "trial_0001" / "hparams"), size_guidance={"tensors": 0})
    events.Reload()
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    shown = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
    assert shown["stage"].string_value == "final" and shown["budget"].number_value == 3_000
    assert shown["cnn_stem_stride"].number_value in (1, 2)
    accuracy = float(tf.make_ndarray(events.Tensors("val_accuracy")[0].tensor_proto))
    assert accuracy == pytest.approx(ledger_of(finished)["val_accuracy"][1])


def test_one_process_at_a_time(tmp_path, made):
    held = locked(tmp_path / "s" / "locks" / "chief", wait=False)
    with held, pytest.raises(FerKerasError, match="another process is at this run"):
        run(tmp_path / "s", made, **FEW)
