"""What a run restores, records and refuses."""

import fcntl
import json
import shutil
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
from small_run import CONFIG, OPTIONS, data, run

from fer_keras.config import FitConfig
from fer_keras.distill.ensemble import teacher_fingerprint
from fer_keras.errors import FerKerasError
from fer_keras.models import build
from fer_keras.models.fast_layers import for_training
from fer_keras.training.ancestor import ancestor_facts
from fer_keras.training.checkpoint import Checkpoint, restore
from fer_keras.training.digests import write_digests
from fer_keras.training.optimizer import batch_norm_momentum, make_optimizer
from fer_keras.training.run import Run

VALIDATED = {"val_accuracy": 0.25}


class Validated(keras.callbacks.Callback):
    """Stands for validation in a fit that has none."""

    def on_epoch_end(self, epoch, logs=None):
        logs.update(VALIDATED)


def trainer(rng):
    keras.utils.set_random_seed(int(rng.integers(1000)))
    model = for_training(build("separable", widths=(4, 8), strides=(4, 4), dropouts=(0.1,)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(make_optimizer(FitConfig(epochs=4), 3), loss, jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    return model


def run_in(folder):
    return Run(folder, CONFIG, resume=True)


def slots(model):
    """Every variable of the optimizer by its path below the optimizer's own, numbered, name."""
    return {v.path.split("/", 1)[1]: keras.ops.convert_to_numpy(v) for v in model.optimizer.variables}


def test_right_after_a_restore_everything_is_equal_bit_for_bit(tmp_path, rng):
    images, labels = rng.integers(0, 256, (96, 48, 48, 1)).astype(np.uint8), np.arange(96) % 7
    first = run_in(tmp_path)
    model = trainer(rng)
    model.fit(images, labels, epochs=2, verbose=0, callbacks=[Validated(), Checkpoint(model, first)])
    # fit() ends by putting the averages into the weights; what was saved is the state before.
    saved = slots(model)
    other = trainer(rng)
    second = run_in(tmp_path)
    restore(other, second)
    again = second.progress
    assert vars(again) == vars(first.progress)
    assert (again.epoch, again.best_epoch, again.best) == (2, 0, 0.25), "the first of equals is kept"
    assert [row["epoch"] for row in again.history] == [0, 1]
    assert int(other.optimizer.iterations) == 6
    assert float(other.optimizer.learning_rate) == float(model.optimizer.learning_rate)
    restored = slots(other)
    assert restored.keys() == saved.keys()
    for name, array in saved.items():
        np.testing.assert_array_equal(restored[name], array, err_msg=name)
    assert any("velocity" in path for path in saved) and any("average" in path for path in saved)


def test_weights_are_restored_as_they_were_in_training_not_as_averages(tmp_path, rng):
    images, labels = rng.integers(0, 256, (96, 48, 48, 1)).astype(np.uint8), np.arange(96) % 7
    model, seen = trainer(rng), []
    note = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(model.get_weights()))
    callbacks = [keras.callbacks.SwapEMAWeights(), note, Validated(), Checkpoint(model, run_in(tmp_path))]
    model.fit(images, labels, epochs=2, verbose=0, validation_data=(images, labels), callbacks=callbacks)
    other = trainer(rng)
    restore(other, run_in(tmp_path))
    for restored, wanted in zip(other.get_weights(), seen[-1], strict=True):
        np.testing.assert_array_equal(restored, wanted)
    assert any((a != b).any() for a, b in zip(other.get_weights(), model.get_weights(), strict=True))


def test_what_is_published_is_what_the_checkpoint_holds_whenever_a_kill_came(tmp_path, rng):
    images, labels = rng.integers(0, 256, (32, 48, 48, 1)).astype(np.uint8), np.arange(32) % 7
    model = trainer(rng)
    model.fit(images, labels, epochs=2, verbose=0, callbacks=[Validated(), Checkpoint(model, run_in(tmp_path))])
    whole = {name: (tmp_path / name).read_bytes() for name in ("model.keras", "metrics.csv")}
    (tmp_path / "model.keras").write_bytes(b"of another epoch")
    (tmp_path / "metrics.csv").unlink()
    run_in(tmp_path).publish()
    assert {name: (tmp_path / name).read_bytes() for name in whole} == whole
    assert sorted(path.name for path in (tmp_path / "checkpoint").iterdir()) == ["epoch-00001", "epoch-00002"]


def test_the_newest_checkpoint_stays_and_the_one_before_whatever_a_kill_left(tmp_path, rng):
    images, labels = rng.integers(0, 256, (32, 48, 48, 1)).astype(np.uint8), np.arange(32) % 7
    model, run = trainer(rng), run_in(tmp_path)
    assert run.progress.epoch == 0
    (tmp_path / "checkpoint" / "epoch-00000").mkdir(parents=True)
    model.fit(images, labels, epochs=2, verbose=0, callbacks=[Validated(), Checkpoint(model, run)])
    assert sorted(path.name for path in (tmp_path / "checkpoint").iterdir()) == ["epoch-00001", "epoch-00002"]
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    other.compile("adam", "mse")
    other.optimizer.build(other.trainable_variables)
    with pytest.raises(FerKerasError, match=r"epoch-00002: is not of this network \(.*\); a run goes on with several"):
        restore(other, run_in(tmp_path))


def test_a_run_goes_on_from_the_checkpoint_before_a_damaged_one(tmp_path, rng, capsys):
    images, labels = rng.integers(0, 256, (32, 48, 48, 1)).astype(np.uint8), np.arange(32) % 7
    model = trainer(rng)
    model.fit(images, labels, epochs=2, verbose=0, callbacks=[Validated(), Checkpoint(model, run_in(tmp_path))])
    newest = tmp_path / "checkpoint" / "epoch-00002"
    flip(newest / "state.weights.h5")
    going_on = run_in(tmp_path)
    assert going_on.progress.epoch == 1 and len(going_on.progress.history) == 1
    with going_on.claimed({}):
        assert not newest.exists(), "or the next checkpoint of that name would give way to it"
        assert len(pd.read_csv(tmp_path / "metrics.csv")) == 1
        restore(trainer(rng), going_on)
    said = capsys.readouterr().out
    assert said.count("damaged") == 1
    assert f"note: {newest / 'state.weights.h5'}: damaged (its SHA-256" in said and "from epoch-00001" in said


def test_logits_that_go_while_they_are_learned_from_are_a_sentence(tmp_path, monkeypatch):
    def gone(self, view):
        raise FerKerasError("logits/view-00000.npz: this view is not cached")

    monkeypatch.setattr("small_run.MadeUpLogits.view", gone)
    with pytest.raises(FerKerasError, match=r"^logits/view-00000.npz: this view is not cached$"):
        run(tmp_path, False)


def test_auto_precision_is_what_it_was_where_the_run_began(finished, tmp_path, monkeypatch):
    assert run_in(finished).precision == "float32"
    auto = replace(CONFIG, fit=replace(CONFIG.fit, precision="auto", epochs=1))
    seen = []
    monkeypatch.setattr("fer_keras.training.loop._fit", lambda trainer, *_: seen.append(trainer.student))
    for here in ("mixed_bfloat16", "float32"):
        monkeypatch.setattr("fer_keras.training.run.resolve_precision", lambda asked, here=here: here)
        run(tmp_path / "run", here == "float32", auto)
    assert [{layer.compute_dtype for layer in network.layers} & {"bfloat16"} for network in seen] == 2 * [{"bfloat16"}]


def test_a_loss_that_is_not_finite_ends_the_run_and_keeps_the_last_whole_epoch(tmp_path, rng):
    model, run = trainer(rng), run_in(tmp_path)
    images, labels = rng.integers(0, 256, (32, 48, 48, 1)).astype(np.uint8), np.arange(32) % 7
    model.fit(images, labels, verbose=0, callbacks=[Validated(), Checkpoint(model, run)])
    broken = Checkpoint(model, run)
    broken.set_model(model)
    with pytest.raises(FerKerasError, match="the loss of epoch 2 is nan; try a lower learning rate"):
        broken.on_epoch_end(1, {"loss": float("nan"), **VALIDATED})
    assert [path.name for path in (tmp_path / "checkpoint").iterdir()] == ["epoch-00001"]


def test_the_schedule_warms_up_and_ends_at_zero():
    rate = make_optimizer(FitConfig(epochs=10, learning_rate=0.5, warmup_epochs=1), 20)._learning_rate
    np.testing.assert_allclose([float(rate(s)) for s in (0, 10, 20, 200)], [0.005, 0.2525, 0.5, 0], atol=1e-6)
    assert float(rate(110)) == pytest.approx(0.25, abs=1e-6)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "run"
    run(folder, False)
    return folder


def test_a_run_leaves_what_a_reader_needs(finished):
    table = pd.read_csv(finished / "metrics.csv")
    assert table.epoch.tolist() == list(range(6))
    wanted = {"loss", "label_loss", "distillation_loss", "agreement", "accuracy", "macro_f1", "learning_rate"}
    wanted |= {"val_loss", "val_accuracy", "val_macro_f1", "seconds"}
    assert wanted <= set(table.columns)
    assert not {"val_distillation_loss", "val_agreement"} & set(table.columns), "validation has no teacher"
    np.testing.assert_allclose(table.loss, 0.9 * table.distillation_loss + 0.1 * table.label_loss, rtol=1e-4)
    config = json.loads((finished / "config.json").read_text())
    assert config["config"]["fit"]["epochs"] == 6 and config["environment"]["keras"] == keras.__version__
    assert config["environment"]["precision"] == "float32"


def test_tensorboard_has_scalars_a_sheet_of_views_and_the_confusion_matrix(finished):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tags = {}
    for part in ("train", "validation", "images"):
        events = EventAccumulator(str(finished / "tensorboard" / part), size_guidance={"tensors": 0})
        events.Reload()
        tags[part] = {tag: len(events.Tensors(tag)) for tag in events.Tags()["tensors"]}
    assert tags["train"]["epoch_label_loss"] == tags["train"]["epoch_distillation_loss"] == 6
    assert {"epoch_agreement", "epoch_learning_rate", "epoch_macro_f1", "epoch_accuracy"} <= tags["train"].keys()
    assert {"epoch_accuracy", "epoch_macro_f1", "epoch_loss"} <= tags["validation"].keys()
    assert tags["images"] == {"views": 1, "confusion": 2}, "of the fifth epoch and the last"


def test_the_model_kept_is_the_best_by_validation(finished):
    val = data().split("val")
    model = keras.models.load_model(finished / "model.keras")
    accuracy = (model(val.images).numpy().argmax(-1) == val.labels).mean()
    assert accuracy == pytest.approx(pd.read_csv(finished / "metrics.csv").val_accuracy.max(), abs=1e-6)


def test_a_run_starts_from_another_ones_weights(finished, tmp_path):
    still = replace(CONFIG.fit, epochs=1, learning_rate=1e-9, seed=7)
    other = OPTIONS | {"widths": (4, 8, 16)}
    for options, equal in ((OPTIONS, 13), (other, 7)):
        folder = tmp_path / str(equal)
        run(folder, False, replace(CONFIG, options=options, init_from=str(finished), fit=still))
        weights = zip(
            *(keras.models.load_model(f / "model.keras").trainable_weights for f in (folder, finished)), strict=True
        )
        same = [mine.shape == its.shape and np.allclose(mine, its, atol=1e-5) for mine, its in weights]
        assert same == [i < equal for i in range(13)]
        told, its_own = (json.loads((f / "config.json").read_text()) for f in (folder, finished))
        assert "ancestor" not in its_own and told["ancestor"] == {
            "fingerprint": teacher_fingerprint(keras.models.load_model(finished / "model.keras")),
            "config": its_own["config"],
            "epochs": CONFIG.fit.epochs,
            "seconds": pytest.approx(pd.read_csv(finished / "metrics.csv").seconds.sum()),
            "best_validation_accuracy": pd.read_csv(finished / "metrics.csv").val_accuracy.max(),
        }
        run(folder, True, replace(CONFIG, options=options, init_from=str(finished), fit=still))
    facts = ancestor_facts(str(folder / "model.keras"))
    assert (facts["epochs"], facts["config"]["fit"]["learning_rate"], facts["ancestor"]) == (1, 1e-9, told["ancestor"])
    shutil.copy(folder / "model.keras", tmp_path)
    assert ancestor_facts(str(tmp_path)) == {"fingerprint": facts["fingerprint"]}, "a model alone, without its run"


def test_a_run_is_not_overwritten(finished):
    before = (finished / "metrics.csv").read_bytes()
    with pytest.raises(FerKerasError, match="a run is there already"):
        run(finished, False)
    assert (finished / "metrics.csv").read_bytes() == before


def test_a_run_that_ended_is_left_as_it_is(finished):
    before = (finished / "model.keras").read_bytes()
    assert run(finished, True) == finished / "model.keras"
    assert (finished / "model.keras").read_bytes() == before


def test_what_a_kill_left_unpublished_is_published_by_the_next_start(finished, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    for name in ("model.keras", "metrics.csv"):
        (folder / name).unlink()
    run(folder, True)
    for name in ("model.keras", "metrics.csv"):
        assert (folder / name).read_bytes() == (finished / name).read_bytes()


def test_going_on_with_other_options_is_refused(finished):
    with pytest.raises(FerKerasError, match=r"temperature: 2\.5, now 4\.0"):
        run(finished, True, replace(CONFIG, temperature=4.0))


def test_a_run_from_before_an_option_existed_goes_on_with_its_default(finished):
    path = finished / "config.json"
    written = json.loads(path.read_text())
    older = json.loads(path.read_text())
    del older["config"]["mixup"], older["config"]["fit"]["label_smoothing"]
    path.write_text(json.dumps(older))
    try:
        Run(finished, CONFIG, resume=True).check_resumable()
        with pytest.raises(FerKerasError, match=r"mixup: 0\.0, now 0\.5"):
            Run(finished, replace(CONFIG, mixup=0.5), resume=True).check_resumable()
        with pytest.raises(FerKerasError, match=r"fit.label_smoothing: 0\.0, now 0\.1"):
            smoother = replace(CONFIG, fit=replace(CONFIG.fit, label_smoothing=0.1))
            Run(finished, smoother, resume=True).check_resumable()
    finally:
        path.write_text(json.dumps(written, indent=2))


def test_two_processes_cannot_be_at_one_run(finished):
    with (finished / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(FerKerasError, match="another process is at this run"):
            run(finished, True)


def test_moving_statistics_reach_back_a_quarter_of_an_epoch(tmp_path, monkeypatch):
    assert batch_norm_momentum(400) == pytest.approx(0.99)
    assert batch_norm_momentum(10) == 0.95, "20 steps at least"
    fitted = []
    monkeypatch.setattr("fer_keras.training.loop._fit", lambda trainer, *_: fitted.append(trainer.student))
    run(tmp_path, False, replace(CONFIG, fit=replace(CONFIG.fit, batch_size=2)))
    steps = -(-len(data().split("train")) // 2)
    assert steps > 80 and fitted[0].get_layer("stem_bn").momentum == pytest.approx(1 - 4 / steps)


@pytest.fixture
def damaged(finished, tmp_path):
    """A run that has an epoch to go, to damage."""
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    checkpoint = next((folder / "checkpoint").iterdir())
    progress = json.loads((checkpoint / "progress.json").read_text())
    (checkpoint / "progress.json").write_text(json.dumps({**progress, "epoch": 5}))
    write_digests(checkpoint)
    return checkpoint


def cut(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flip(file):
    """Change a byte in the middle: the archive's list of files stays whole."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    file.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("state.weights.h5", cut),
        ("state.weights.h5", flip),
        ("state.weights.h5", lambda file: file.write_bytes(b"no HDF5")),
        ("progress.json", cut),
        ("progress.json", lambda file: file.write_text("[1, 2]")),
        ("progress.json", lambda file: file.write_text('{"epoch": 5, "mood": 1}')),
        ("progress.json", lambda file: file.write_text('{"epoch": "five"}')),
        ("progress.json", lambda file: file.unlink()),
        ("model.keras", cut),
        ("model.keras", flip),
        ("model.keras", lambda file: file.unlink()),
        ("digests.json", cut),
        ("digests.json", lambda file: file.write_text("[]")),
        ("digests.json", lambda file: file.write_text("{}")),
        ("digests.json", lambda file: file.unlink()),
    ],
)
def test_a_damaged_checkpoint_is_a_sentence_and_replaces_nothing(damaged, name, damage):
    folder = damaged.parents[1]
    published = (folder / "model.keras").read_bytes()
    damage(damaged / name)
    advice = rf"{damaged / name}: damaged \(.+\); delete {folder / 'checkpoint'} to train this run again from its first"
    with pytest.raises(FerKerasError, match=advice) as raised:
        run(folder, True)
    assert "\n" not in str(raised.value)
    assert (folder / "model.keras").read_bytes() == published
