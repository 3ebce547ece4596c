"""A toy model of FER+'s eight classes, exported as shipped ones are: it knows drawn faces by their brightness."""

import json

import keras
import numpy as np

from fer_keras.data.synthetic import drawn_faces
from fer_keras.data.votes import with_votes
from fer_keras.evaluation.metrics import majorities, score
from fer_keras.export.formats import ExportInputs
from fer_keras.export.litert import save_float32_single, save_int8_single
from fer_keras.files import CALIBRATION_FILE
from fer_keras.labels import FERPLUS

NAME = "crowd-toy"
TEMPERATURE = 1.5
_POOL = 4


def save_crowd_model(folder):
    """Write the files of a model that the page is built from."""
    drawn = drawn_faces(600, seed=4, ambiguous=0.3)
    data = with_votes(drawn, drawn.votes)
    train, test = data.split("train"), data.split("public_test")
    inputs = keras.Input((48, 48, 1))
    pooled = keras.layers.AveragePooling2D(_POOL)(keras.layers.Rescaling(1 / 255)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(len(FERPLUS), name="scores")(keras.layers.Flatten()(pooled)))
    _solve(model, train)
    folder.mkdir(parents=True)
    facts = ExportInputs(NAME, FERPLUS.classes, train.images[:4], train.images[:256], TEMPERATURE)
    save_float32_single(model, folder / "model_float32_1.tflite", facts)
    save_int8_single(model, folder / "model_int8_1.tflite", facts)
    scores = score(model.predict(test.images, verbose=0), *majorities(test)).to_dict()
    card = {
        "classes": FERPLUS.classes,
        "size": {"parameters": model.count_params()},
        "scores": {"splits": {"public_test": {"all": scores}}},
    }
    (folder / "card.json").write_text(json.dumps(card))
    (folder / CALIBRATION_FILE).write_text(json.dumps({"temperature": TEMPERATURE}))
    return model


def _solve(model, data):
    """Least squares of what people saw, ten times over, that a softmax becomes sure."""
    pooled = data.images.reshape(-1, 48 // _POOL, _POOL, 48 // _POOL, _POOL).mean(axis=(2, 4)).reshape(len(data), -1)
    pooled = np.hstack([pooled / 255, np.ones((len(pooled), 1))])
    ridge = np.linalg.solve(pooled.T @ pooled + np.eye(pooled.shape[1]), pooled.T @ data.targets)
    model.get_layer("scores").set_weights([10 * ridge[:-1], 10 * ridge[-1]])
