"""What the tests ask of Keras on JAX, in a process of its own: python on_jax.py FOLDER."""

import json
import shutil
import sys
from collections import defaultdict
from pathlib import Path

import keras
import numpy as np
import pytest
from command import run
from fit_options import FACES, FIT, LANES, config_of, images_of

from fer_keras import cli
from fer_keras.accelerator import runs, side_by_side
from fer_keras.accelerator.layers import ACCELERATED
from fer_keras.config import to_dict
from fer_keras.distill.ensemble import teacher_fingerprint
from fer_keras.models.load import load_model

LAYERS = {
    "pointwise": (keras.layers.Conv2D, {"filters": 5, "kernel_size": 1, "use_bias": False}, 4),
    "of one channel": (keras.layers.Conv2D, {"filters": 5, "kernel_size": 3, "strides": 2, "use_bias": False}, 1),
    "plain": (keras.layers.Conv2D, {"filters": 5, "kernel_size": 3}, 4),
    "depthwise with bias": (keras.layers.DepthwiseConv2D, {"kernel_size": 3}, 4),
    "depthwise": (keras.layers.DepthwiseConv2D, {"kernel_size": 3, "strides": 1, "use_bias": False}, 4),
    "depthwise, stride 2": (keras.layers.DepthwiseConv2D, {"kernel_size": 3, "strides": 2, "use_bias": False}, 4),
    "separable": (keras.layers.SeparableConv2D, {"filters": 5, "kernel_size": 3, "strides": 2, "use_bias": False}, 4),
}
"""What it is -> the stock layer, its options, the channels that it sees."""


def furthest_outputs() -> dict[str, float]:
    """How far each of our layers is from the stock one, on images of an odd and an even side."""
    rng = np.random.default_rng(0)
    found = {}
    for name, (stock, options, channels) in LAYERS.items():
        images = rng.normal(size=(2, 9, 12, channels)).astype(np.float32)
        theirs, ours = (kind(padding="same", **options) for kind in (stock, ACCELERATED[stock]))
        expected = np.asarray(theirs(images))
        ours.build(images.shape)
        ours.set_weights(theirs.get_weights())
        found[name] = float(np.abs(np.asarray(ours(images)) - expected).max())
    return found


class StopError(Exception):
    """Raised where a kill would come."""


def fit(folder: Path, stop_after: int | None = None) -> dict[str, list[int]]:
    """Fit all lanes, or stop after an epoch; return the epochs that each stack has done, by its first lane."""
    train, val, data = images_of()
    teacher = load_model(folder.parent / "teacher.keras")
    fingerprint = teacher_fingerprint(teacher)
    configs = {folder / name: config_of(name, data, fingerprint) for name in LANES}
    epochs = defaultdict(list)

    class Listens(runs._Reporter):
        def __call__(self, rows):
            epochs[self._name].append(int(rows[0]["epoch"]))
            if self._name.startswith("mixed") and epochs[self._name][-1] + 1 == stop_after:
                raise StopError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "_Reporter", Listens)
        patch.setattr(
            "fer_keras.training.network.from_preset", lambda *_, **__: load_model(folder.parent / "start.keras")
        )
        patch.setattr(side_by_side, "STATE_SECONDS", 0)
        runs.fit_runs(configs, train, val, {fingerprint: teacher})
    return epochs


def recipes_of_scripts(folder: Path) -> dict[str, dict]:
    """What the scripts would fit, as folder -> config."""
    recipes = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "fit_runs", lambda configs, *_: recipes.update(configs))
        patch.setattr(cli, "load_data", lambda _: FACES)
        teacher = folder / "teacher.keras"
        learns = ["--model", "residual-10", "residual-18", "--seeds", 4, 5, "--mixup", 0.3, "--epochs", 7]
        run("accelerate.py", *learns, "--runs", folder / "labels")
        run("accelerate.py", "--teacher", teacher, "--name", "mine", "--batch-size", 32, "--runs", folder / "distilled")
        of_study = ["--teacher", teacher, "--assistant", folder / "start.keras", "--seeds", 1, "--runs", folder]
        run("ablate.py", "--accelerator", *of_study, "--epochs", 40)
        short = run("ablate.py", "--accelerator", *of_study, "--epochs", 32)
    assert short.status and "arms 'baseline' and '32 views' are the same in 32 epochs" in short.err
    return {str(path.relative_to(folder)): to_dict(config) for path, config in recipes.items()}


def main(folder: Path) -> None:
    """Leave outputs.json, recipes.json, epochs.json, whole/ and resumed/ in `folder`."""
    (folder / "recipes.json").write_text(json.dumps(recipes_of_scripts(folder)))
    (folder / "outputs.json").write_text(json.dumps(furthest_outputs()))
    epochs = [fit(folder / "whole")]
    with pytest.raises(StopError):
        fit(folder / "resumed", stop_after=FIT.epochs - 1)
    # As after a kill between one run's last checkpoint and another's: they are no longer as far.
    shutil.copytree(folder / "whole" / "dist", folder / "resumed" / "dist", dirs_exist_ok=True)
    (folder / "resumed" / "dist" / "model.keras").unlink()
    epochs.append(fit(folder / "resumed"))
    epochs.append(fit(folder / "resumed"))
    (folder / "epochs.json").write_text(json.dumps(epochs))
    # Keras itself imports TensorFlow where it is installed; of ours nothing may.
    assert not [name for name, module in sys.modules.items() if name.startswith("fer_keras") and hasattr(module, "tf")]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
