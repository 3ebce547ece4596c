"""What a user's keras.json says changes no network of ours."""

import json
import os
import subprocess
import sys

from command import ROOT

from fer_keras import __main__ as commands

PROGRAM = """
from fer_keras.models import from_preset
from fer_keras.models.budget import parameters
model = from_preset("separable-25k")
print(parameters(model), model.input_shape, model.dtype_policy.name, *sorted({v.dtype for v in model.variables}))
"""


def answer(tmp_path, config, **environment):
    (tmp_path / "keras.json").write_text(json.dumps(config))
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"PATH": "", "HOME": str(tmp_path), "KERAS_HOME": str(tmp_path), "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
    )


def test_the_network_is_the_same(tmp_path):
    config = {"image_data_format": "channels_first", "floatx": "float16", "epsilon": 0.1}
    done = answer(tmp_path, {"backend": "tensorflow", **config})
    assert done.stdout == "24279 (None, 48, 48, 1) float32 float32\n", done.stderr[-2000:]


def test_a_backend_that_we_do_not_compute_with_is_a_sentence(tmp_path):
    done = answer(tmp_path, {"backend": "numpy"})
    sentence = "Keras computes with numpy, expected KERAS_BACKEND=tensorflow, or jax"
    assert done.stderr.splitlines()[-1].startswith("fer_keras.errors.FerKerasError: ") and sentence in done.stderr


def test_commands_compute_with_tensorflow_whatever_it_says(monkeypatch):
    seen = []
    monkeypatch.setenv("KERAS_BACKEND", "numpy")
    monkeypatch.setattr(commands, "run", lambda main, **_: seen.append(os.environ["KERAS_BACKEND"]))
    commands.start("evaluate")
    assert seen == ["tensorflow"]
