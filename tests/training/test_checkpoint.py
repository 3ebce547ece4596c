"""What a checkpoint restores, what of it is published, and what becomes of damage."""

import json
import shutil

import keras
import numpy as np
import pandas as pd
import pytest
from small_run import CONFIG, run

from fer_keras.config import FitConfig
from fer_keras.errors import FerKerasError
from fer_keras.models import build
from fer_keras.models.fast_layers import for_training
from fer_keras.training.checkpoint import Checkpoint, restore
from fer_keras.training.digests import write_digests
from fer_keras.training.optimizer import make_optimizer
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


def fitted(rng, run, count):
    """A small network after two epochs with a checkpoint each."""
    images, labels = rng.integers(0, 256, (count, 48, 48, 1)).astype(np.uint8), np.arange(count) % 7
    model = trainer(rng)
    model.fit(images, labels, epochs=2, verbose=0, callbacks=[Validated(), Checkpoint(model, run)])
    return model


@pytest.fixture(scope="module")
def two_epochs(tmp_path_factory):
    """The folder of a run after two epochs, in which half a checkpoint had appeared after it began."""
    folder = tmp_path_factory.mktemp("two-epochs")
    begun = run_in(folder)
    assert begun.progress.epoch == 0
    (folder / "checkpoint" / "epoch-00000").mkdir(parents=True)
    fitted(np.random.default_rng(0), begun, 32)
    return folder


@pytest.fixture
def copy(two_epochs, tmp_path):
    return shutil.copytree(two_epochs, tmp_path / "copy")


def epochs_of(folder):
    return sorted(path.name for path in (folder / "checkpoint").iterdir())


def slots(model):
    """Every variable of the optimizer by its path below the optimizer's own, numbered, name."""
    return {v.path.split("/", 1)[1]: keras.ops.convert_to_numpy(v) for v in model.optimizer.variables}


def test_right_after_a_restore_everything_is_equal_bit_for_bit(tmp_path, rng):
    first = run_in(tmp_path)
    model = fitted(rng, first, 96)
    # fit() ends by putting the averages into the weights; what was saved is the state before.
    saved = slots(model)
    restored = trainer(rng)
    second = run_in(tmp_path)
    restore(restored, second)
    progress = second.progress
    assert vars(progress) == vars(first.progress)
    assert (progress.epoch, progress.best_epoch, progress.best) == (2, 0, 0.25), "the first of equals is kept"
    assert [row["epoch"] for row in progress.history] == [0, 1]
    assert int(restored.optimizer.iterations) == 6
    assert float(restored.optimizer.learning_rate) == float(model.optimizer.learning_rate)
    assert slots(restored).keys() == saved.keys()
    for name, array in slots(restored).items():
        np.testing.assert_array_equal(array, saved[name], err_msg=name)
    assert any("velocity" in path for path in saved) and any("average" in path for path in saved)


def test_weights_are_restored_as_they_were_in_training_not_as_averages(tmp_path, rng):
    images, labels = rng.integers(0, 256, (96, 48, 48, 1)).astype(np.uint8), np.arange(96) % 7
    model, by_epoch = trainer(rng), []
    note = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: by_epoch.append(model.get_weights()))
    callbacks = [keras.callbacks.SwapEMAWeights(), note, Validated(), Checkpoint(model, run_in(tmp_path))]
    model.fit(images, labels, epochs=2, verbose=0, validation_data=(images, labels), callbacks=callbacks)
    restored = trainer(rng)
    restore(restored, run_in(tmp_path))
    for weights, in_training in zip(restored.get_weights(), by_epoch[-1], strict=True):
        np.testing.assert_array_equal(weights, in_training)
    assert any((a != b).any() for a, b in zip(restored.get_weights(), model.get_weights(), strict=True))


def test_what_is_published_is_what_the_checkpoint_holds_whenever_a_kill_came(copy):
    published = {name: (copy / name).read_bytes() for name in ("model.keras", "metrics.csv")}
    (copy / "model.keras").write_bytes(b"of another epoch")
    (copy / "metrics.csv").unlink()
    run_in(copy).publish()
    assert {name: (copy / name).read_bytes() for name in published} == published
    assert epochs_of(copy) == ["epoch-00001", "epoch-00002"]


def test_the_newest_checkpoint_stays_and_the_one_before_whatever_a_kill_left(two_epochs):
    assert epochs_of(two_epochs) == ["epoch-00001", "epoch-00002"]


def test_the_checkpoint_of_another_network_is_refused(two_epochs):
    stranger = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    stranger.compile("adam", "mse")
    stranger.optimizer.build(stranger.trainable_variables)
    with pytest.raises(FerKerasError, match=r"epoch-00002: is not of this network \(.*\); a run goes on with several"):
        restore(stranger, run_in(two_epochs))


def test_a_run_goes_on_from_the_checkpoint_before_a_damaged_one(copy, rng, capsys):
    newest = copy / "checkpoint" / "epoch-00002"
    flip(newest / "state.weights.h5")
    run = run_in(copy)
    assert run.progress.epoch == 1 and len(run.progress.history) == 1
    with run.claimed({}):
        assert not newest.exists(), "or the next checkpoint of that name would give way to it"
        assert len(pd.read_csv(copy / "metrics.csv")) == 1
        restore(trainer(rng), run)
    out = capsys.readouterr().out
    assert out.count("damaged") == 1
    assert f"note: {newest / 'state.weights.h5'}: damaged (its SHA-256" in out and "from epoch-00001" in out


def test_a_best_model_that_is_damaged_meanwhile_is_not_copied_to_the_next_checkpoint(copy, rng):
    run, model = run_in(copy), trainer(rng)
    assert run.progress.epoch == 2
    flip(copy / "checkpoint" / "epoch-00002" / "model.keras")
    checkpoint = Checkpoint(model, run)
    checkpoint.set_model(model)
    with pytest.raises(FerKerasError, match=r"epoch-00002/model.keras: damaged \(its SHA-256 is another"):
        checkpoint.on_epoch_end(2, {"loss": 1.0, **VALIDATED})
    assert epochs_of(copy) == ["epoch-00001", "epoch-00002"]


def test_a_loss_that_is_not_finite_ends_the_run_and_keeps_the_last_whole_epoch(copy, rng):
    checkpoint = Checkpoint(trainer(rng), run_in(copy))
    with pytest.raises(FerKerasError, match="the loss of epoch 3 is nan; try a lower learning rate"):
        checkpoint.on_epoch_end(2, {"loss": float("nan"), **VALIDATED})
    assert epochs_of(copy) == ["epoch-00001", "epoch-00002"]


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
