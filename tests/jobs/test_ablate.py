"""A small study on drawn faces: every arm trained once, told what it says, compared with what it says."""

import shutil
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
from small_search import instant_training

from fer_keras.config import StudentConfig
from fer_keras.data.synthetic import drawn_faces
from fer_keras.distill.losses import DISTILLATION_LOSSES
from fer_keras.distill.teachers import Teacher
from fer_keras.errors import FerKerasError
from fer_keras.files import locked
from fer_keras.jobs import ablation
from fer_keras.jobs.ablation import Records, run_study, summarise
from fer_keras.jobs.ablation_arms import ARMS, Arm, Study, base_config, run_name
from fer_keras.labels import LabelSet
from fer_keras.models import from_preset
from fer_keras.models.budget import parameters
from fer_keras.models.load import load_model
from fer_keras.training.data import training_data
from fer_keras.training.run import read_config

SOME = (Arm("baseline", "base"), Arm("one teacher", "teachers", {"cached_views": 1, "mixup": 0.5}, teachers="single"))
TINY = {"widths": (4, 8), "strides": (4, 4), "dropouts": ()}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    data, data_config = training_data(drawn_faces(300, seed=8))
    base = base_config(2)
    base = replace(base, options=TINY, fit=replace(base.fit, ema_epochs=0.0))
    teachers = []
    for seed in range(2):
        keras.utils.set_random_seed(seed)
        teachers.append(Teacher(from_preset("reference-separable", **TINY)))
    taught_by = {"ensemble": teachers, "single": teachers[:1]}
    return Study(base, taught_by, data, data_config, folder / "logits", folder / "runs", folder / "out")


@pytest.fixture(scope="module")
def ledger(study):
    return run_study(study, SOME, range(2))


def test_every_arm_has_a_row_for_every_seed(study, ledger):
    assert list(zip(ledger["seed"], ledger["arm"], strict=True)) == [
        (0, "baseline"), (0, "one teacher"), (1, "baseline"), (1, "one teacher"),
    ]  # fmt: skip
    assert list(ledger["teachers"]) == [2, 1, 2, 1] and list(ledger["views"]) == [2, 1, 2, 1]
    assert list(ledger["mixup"]) == [0, 0.5, 0, 0.5] and (ledger["epochs"] == 2).all()
    pd.testing.assert_frame_equal(pd.read_csv(study.out / "ablation.csv"), ledger)


def test_runs_were_told_their_arm_and_scored_by_their_model(study, ledger):
    run = study.folder / "one-teacher-seed1"
    recipe = read_config(run)["config"]
    assert recipe["mixup"] == 0.5 and recipe["fit"]["seed"] == 1 and len(recipe["teachers"]) == 1
    public = study.data.split("public_test")
    guesses = load_model(run)(public.images).numpy().argmax(-1)
    assert ledger["public_test_accuracy"].iloc[3] == pytest.approx((guesses == public.labels).mean())


def test_the_summary_compares_means_over_seeds(study, ledger):
    summary = summarise(study, SOME, range(2)).set_index("arm")
    means = ledger.groupby("arm")["val_accuracy"].mean()
    assert summary.loc["one teacher", "val"] == pytest.approx(means["one teacher"])
    gain = means["one teacher"] - means["baseline"]
    assert summary.loc["one teacher", "val_difference"] == pytest.approx(gain)
    assert summary.loc["one teacher", "question"] == "teachers"


def test_what_is_written_down_is_not_trained_again(study, ledger, tmp_path):
    moved = replace(study, folder=tmp_path / "runs", cache_root=tmp_path / "logits")  # as on another machine
    pd.testing.assert_frame_equal(run_study(moved, SOME, range(2)), ledger)
    assert not moved.folder.exists() and not moved.cache_root.exists()


def test_a_run_that_was_told_something_else_is_trained(study, ledger, tmp_path, monkeypatch):
    monkeypatch.setattr(ablation, "train_student", instant_training)
    out = tmp_path / "out"
    shutil.copytree(study.out, out)
    longer = replace(study, base=replace(study.base, fit=replace(study.base.fit, epochs=1)), out=out)
    again = run_study(replace(longer, folder=tmp_path / "runs"), SOME[:1], range(1))
    assert again["epochs"].tolist() == [1]
    table = pd.read_csv(out / "ablation.csv")
    assert sorted(zip(table["arm"], table["seed"], table["epochs"], strict=True)) == [
        ("baseline", 0, 1), ("baseline", 1, 2), ("one teacher", 0, 2), ("one teacher", 1, 2),
    ]  # fmt: skip


def test_the_arms_answer_the_questions_with_one_change_each():
    names = [arm.name for arm in ARMS]
    assert len(set(names)) == len(names) and all(arm.against in names for arm in ARMS)
    folders = {run_name(arm.name, 0) for arm in ARMS}
    assert len(folders) == len(ARMS) and all(name.replace("-", "").replace(".", "").isalnum() for name in folders)
    base, by_name = base_config(40), {arm.name: arm for arm in ARMS}
    assert 0.97 * 25_000 < parameters(from_preset(base.model, **base.options)) <= 25_000
    for arm in ARMS:
        other = by_name[arm.against]
        mine, theirs = ({**vars(replace(base, **a.changes)), "teachers": a.teachers} for a in (arm, other))
        changed = [key for key in mine if mine[key] != theirs[key]]
        assert len(changed) == (arm.name != arm.against), f"{arm.name} changes {changed}"


def test_every_arm_names_a_loss_that_there_is():
    assert {arm.changes.get("loss", StudentConfig.loss) for arm in ARMS} == set(DISTILLATION_LOSSES)


def test_an_arm_without_its_counterpart_is_refused(study):
    with pytest.raises(FerKerasError, match="compared with 'baseline', which is not among the arms"):
        run_study(study, SOME[1:], range(1))


def test_data_without_images_to_report_on_is_refused_before_training(study, tmp_path):
    bare = replace(study, data=study.data.take(study.data.splits != "public_test"), folder=tmp_path / "runs")
    with pytest.raises(FerKerasError, match="drawn faces: no PublicTest images"):
        run_study(bare, SOME, range(1))
    assert not bare.folder.exists()


def test_targets_of_two_heads_are_refused(study):
    two_heads = LabelSet("own", ("a/1", "a/2", "a/3", "b/1", "b/2", "b/3", "b/4"))
    both = replace(study, data=replace(study.data, label_set=two_heads))
    with pytest.raises(FerKerasError, match="--targets labels: arms are compared by one answer an image"):
        run_study(both, SOME, range(1))


def test_what_the_data_are_called_is_not_what_they_are(study, ledger):
    renamed = replace(study, data_config=replace(study.data_config, source="a copy"))
    assert summarise(renamed, SOME, range(2))["arm"].tolist() == [arm.name for arm in SOME]


def test_arms_that_are_not_whole_are_left_out(study, ledger):
    late, alone = (
        Arm("late", "q", {"alpha": 0.5}),
        Arm("alone", "q", {"cached_views": 1, "mixup": 0.5}, "single", "late"),
    )
    assert summarise(study, [*SOME, late, alone], range(2))["arm"].tolist() == [arm.name for arm in SOME]


def test_a_finished_run_is_scored_without_the_logits(study, ledger, tmp_path):
    elsewhere = replace(study, cache_root=tmp_path / "logits", out=tmp_path / "out")
    pd.testing.assert_frame_equal(run_study(elsewhere, SOME, range(2)), ledger)
    assert not elsewhere.cache_root.exists()


def test_hashes_of_digits_alone_are_texts(study, ledger, tmp_path, monkeypatch):
    shutil.copytree(study.out, tmp_path / "out")
    config = study.config(SOME[0], 0)
    monkeypatch.setattr(ablation, "config_hash", lambda config: "12345678e901")
    table = pd.read_csv(study.out / "ablation.csv").assign(config_sha256="12345678e901")
    table.to_csv(tmp_path / "out" / "ablation.csv", index=False)
    assert Records(tmp_path / "out").row(SOME[0], config)["config_sha256"] == "12345678e901"


def test_predictions_are_kept_for_later_comparisons(study, ledger):
    kept = np.load(study.out / "ablation_predictions.npz")
    assert len(kept.files) == 8 and kept["baseline-seed0/val"].shape == (len(study.data.split("val")),)
    labels = study.data.split("val").labels
    assert ledger["val_accuracy"].iloc[0] == pytest.approx((kept["baseline-seed0/val"] == labels).mean())


def test_arms_that_differ_in_name_only_are_refused(study):
    same = Arm("8 views", "views", {"cached_views": 8})
    with pytest.raises(FerKerasError, match="arms 'baseline' and '8 views' are the same in 2 epochs"):
        run_study(study, [SOME[0], same], range(1))


def test_a_study_is_one_process_at_a_time(study, ledger):
    with locked(study.out, wait=False), pytest.raises(FerKerasError, match="another process"):
        run_study(study, SOME, range(1))


@pytest.mark.parametrize("name", ["ablation.csv", "ablation_predictions.npz"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"a,b\n1,2\n"])
def test_a_damaged_record_is_named_in_a_sentence(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FerKerasError, match=f"{name}: expected the"):
        Records(tmp_path)
