"""What a run leaves, and what it is fitted with."""

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
from fer_keras.training.ancestor import ancestor_facts
from fer_keras.training.optimizer import batch_norm_momentum, make_optimizer
from fer_keras.training.run import Run


def test_a_run_leaves_what_a_reader_needs(finished):
    table = pd.read_csv(finished / "metrics.csv")
    assert table.epoch.tolist() == list(range(6))
    columns = {"loss", "label_loss", "distillation_loss", "agreement", "accuracy", "macro_f1", "learning_rate"}
    columns |= {"val_loss", "val_accuracy", "val_macro_f1", "seconds"}
    assert columns <= set(table.columns)
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


def test_logits_that_go_while_they_are_learned_from_are_a_sentence(tmp_path, monkeypatch):
    def gone(self, view):
        raise FerKerasError("logits/view-00000.npz: this view is not cached")

    monkeypatch.setattr("small_run.MadeUpLogits.view", gone)
    with pytest.raises(FerKerasError, match=r"^logits/view-00000.npz: this view is not cached$"):
        run(tmp_path, False)


def test_auto_precision_is_what_it_was_where_the_run_began(finished, tmp_path, monkeypatch):
    assert Run(finished, CONFIG, resume=True).precision == "float32"
    auto = replace(CONFIG, fit=replace(CONFIG.fit, precision="auto", epochs=1))
    networks = []
    monkeypatch.setattr("fer_keras.training.loop._fit", lambda trainer, *_: networks.append(trainer.student))
    for best in ("mixed_bfloat16", "float32"):
        monkeypatch.setattr("fer_keras.training.run.resolve_precision", lambda asked, best=best: best)
        run(tmp_path / "run", best == "float32", auto)
    dtypes = [{layer.compute_dtype for layer in network.layers} for network in networks]
    assert [of_layers & {"bfloat16"} for of_layers in dtypes] == 2 * [{"bfloat16"}]


def test_the_schedule_warms_up_and_ends_at_zero():
    rate = make_optimizer(FitConfig(epochs=10, learning_rate=0.5, warmup_epochs=1), 20)._learning_rate
    np.testing.assert_allclose([float(rate(s)) for s in (0, 10, 20, 200)], [0.005, 0.2525, 0.5, 0], atol=1e-6)
    assert float(rate(110)) == pytest.approx(0.25, abs=1e-6)


def test_a_run_starts_from_another_ones_weights_where_they_fit(finished, tmp_path):
    folder, fit = tmp_path / "wider", replace(CONFIG.fit, epochs=1, learning_rate=1e-9, seed=7)
    wider = replace(CONFIG, options=OPTIONS | {"widths": (4, 8, 16)}, init_from=str(finished), fit=fit)
    run(folder, False, wider)
    child, parent = (keras.models.load_model(path / "model.keras") for path in (folder, finished))
    weights = zip(child.trainable_weights, parent.trainable_weights, strict=True)
    same = [ours.shape == theirs.shape and np.allclose(ours, theirs, atol=1e-5) for ours, theirs in weights]
    assert same == 7 * [True] + 6 * [False]
    history = pd.read_csv(finished / "metrics.csv")
    recorded, of_parent = (json.loads((path / "config.json").read_text()) for path in (folder, finished))
    assert "ancestor" not in of_parent and recorded["ancestor"] == {
        "fingerprint": teacher_fingerprint(parent),
        "config": of_parent["config"],
        "epochs": CONFIG.fit.epochs,
        "seconds": pytest.approx(history.seconds.sum()),
        "best_validation_accuracy": history.val_accuracy.max(),
    }
    run(folder, True, wider)  # goes on, though the run itself has weights now
    facts = ancestor_facts(str(folder / "model.keras"))
    assert (facts["epochs"], facts["config"]["fit"]["learning_rate"]) == (1, 1e-9)
    assert facts["ancestor"] == recorded["ancestor"]
    shutil.copy(folder / "model.keras", tmp_path)
    assert ancestor_facts(str(tmp_path)) == {"fingerprint": facts["fingerprint"]}, "a model alone, without its run"


def test_moving_statistics_reach_back_a_quarter_of_an_epoch(tmp_path, monkeypatch):
    assert batch_norm_momentum(400) == pytest.approx(0.99)
    assert batch_norm_momentum(10) == 0.95, "20 steps at least"
    networks = []
    monkeypatch.setattr("fer_keras.training.loop._fit", lambda trainer, *_: networks.append(trainer.student))
    run(tmp_path, False, replace(CONFIG, fit=replace(CONFIG.fit, batch_size=2)))
    steps = -(-len(data().split("train")) // 2)
    assert steps > 80 and networks[0].get_layer("stem_bn").momentum == pytest.approx(1 - 4 / steps)
