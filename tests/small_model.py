"""A small model of seven classes with a temperature and a LiteRT file, as scripts/export.py leaves them."""

import keras
import numpy as np

from fer_keras.data.synthetic import draw_faces
from fer_keras.evaluation.calibration import write_calibration
from fer_keras.evaluation.evaluate import predict_logits
from fer_keras.export import litert, record
from fer_keras.export.formats import LITERT_FLOAT32
from fer_keras.files import write_json
from fer_keras.labels import FER2013

FACES = draw_faces(np.arange(7), seed=4)


def linear_model(outputs, activation=None, seed=0):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((48, 48, 1))
    pooled = keras.layers.AveragePooling2D(6)(keras.layers.Rescaling(1 / 64, offset=-2.0)(inputs))
    return keras.Model(inputs, keras.layers.Dense(outputs, activation)(keras.layers.Flatten()(pooled)))


def facts_of(file):
    """What exports.json says of a file that is there."""
    return {
        "file": file.name, **record.artifact_facts(file), "kept": True, "faces": 1, "faces_source": "made up",
        "largest_probability_difference": 0.0, "agreement": 1.0, "accuracy": None, "keras_accuracy": None,
        "made_with": {}, "run_with": {},
    }  # fmt: skip


def save_small_model(folder):
    folder.mkdir(parents=True)
    model, file = linear_model(7), folder / "model.keras"
    model.save(file)
    write_json(folder / "config.json", {"config": {"data": {"classes": FER2013.classes}}})
    litert.save_float32(model, folder / LITERT_FLOAT32.file)
    record.record_export(folder, file, LITERT_FLOAT32.key, facts_of(folder / LITERT_FLOAT32.file))
    logits = predict_logits(model, FACES)
    splits = {"val": (logits, np.roll(logits.argmax(axis=1), 1))}
    write_calibration(file, splits, "made up", FER2013.classes)
