"""Every family and style of block goes through both converters."""

import keras
import numpy as np
import pytest

from fer_keras import models
from fer_keras.data.synthetic import draw_faces
from fer_keras.evaluation.confidence import softmax
from fer_keras.evaluation.evaluate import predict_logits
from fer_keras.export import litert, onnx, runtimes
from fer_keras.jobs.export_subject import writer_inputs
from fer_keras.labels import FER2013

FACES = draw_faces(np.arange(21) % 7, seed=6)
INPUTS = writer_inputs("m", FER2013.classes, FACES)
STYLED = {"residual": True, "activation": "hard_swish"}


@pytest.mark.parametrize(
    ("family", "options"),
    [
        ("cnn", {"widths": (4, 8, 8), "dense_widths": (16,)}),
        ("separable", {"widths": (8, 16, 24), "strides": (2, 2, 2), "dropouts": ()}),
        ("mobilenet", {"widths": (8, 16, 16), "strides": (2, 2, 1), "dropouts": (), **STYLED}),
        ("residual", {"widths": (8, 16), "depths": (1, 1)}),
    ],
)
def test_every_family_answers_the_same_exported(family, options, tmp_path):
    keras.utils.set_random_seed(0)
    model = models.build(family, **options)
    weights, rng = model.get_weights(), np.random.default_rng(0)
    # Untrained logits are all but equal; moved statistics also show a batch normalisation that is folded wrongly.
    model.set_weights([weight * rng.uniform(0.8, 1.6, weight.shape).astype(np.float32) for weight in weights])
    expected = softmax(predict_logits(model, FACES))
    paths = {name: str(tmp_path / f"{name}.file") for name in ("litert_float32", "litert_int8", "onnx")}
    litert.save_float32(model, tmp_path / "litert_float32.file", INPUTS)
    litert.save_int8(model, tmp_path / "litert_int8.file", INPUTS)
    onnx.save_onnx(model, tmp_path / "onnx.file", INPUTS)
    for name, path in paths.items():
        answer, versions = runtimes.RUNTIMES[name.partition("_")[0]](path)
        assert len(versions) == 1
        np.testing.assert_allclose(answer(FACES), expected, atol=0.05 if name == "litert_int8" else 1e-4)
