"""Every exported file says what it takes and gives, and the classes of its model, and runs as before."""

import json
import subprocess
import sys
import zipfile

import flatbuffers
import keras
import numpy as np
import onnx
import pytest
import tensorflow as tf
from command import ROOT

import fer_keras
from fer_keras.data.synthetic import draw_faces
from fer_keras.evaluation.evaluate import predict_logits
from fer_keras.export import litert
from fer_keras.export.flatbuffer import read
from fer_keras.export.formats import FORMATS, ExportInputs
from fer_keras.export.metadata import INPUT, OUTPUT
from fer_keras.export.runtimes import RUNTIMES
from fer_keras.files import write_json
from fer_keras.jobs.exporting import export_model
from fer_keras.models.load import load_model

CLASSES = ("calm", "tense", "asleep")
FACES = draw_faces(np.arange(7), seed=3)
LITERT = [entry.file for entry in FORMATS.values() if entry.runtime == "litert"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("three")
    inputs = keras.Input((48, 48, 1))
    pooled = keras.layers.AveragePooling2D(6)(keras.layers.Rescaling(1 / 64, offset=-2.0)(inputs))
    keras.utils.set_random_seed(0)
    keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(pooled))).save(folder / "model.keras")
    write_json(folder / "config.json", {"config": {"data": {"classes": CLASSES}}})
    export_model(folder)
    (folder / "config.json").unlink()
    return folder


def metadata(file, name):
    model = read(file)
    buffer = next(entry.buffer for entry in model.metadata if entry.name == name.encode())
    return bytes(model.buffers[buffer].data)


class Fields:
    """A table of a FlatBuffer, read by the numbers of its fields in metadata_schema.fbs."""

    def __init__(self, table):
        self.table = table

    def _place(self, number):
        return self.table.Offset(4 + 2 * number)

    def text(self, number):
        place = self._place(number)
        return self.table.String(self.table.Pos + place).decode() if place else None

    def number(self, number, flags):
        return self.table.Get(flags, self.table.Pos + self._place(number))

    def inner(self, number):
        place = self.table.Indirect(self.table.Pos + self._place(number))
        return Fields(flatbuffers.table.Table(self.table.Bytes, place))

    def first(self, number):
        place = self.table.Indirect(self.table.Vector(self._place(number)))
        return Fields(flatbuffers.table.Table(self.table.Bytes, place))

    def floats(self, number):
        start, flags = self.table.Vector(self._place(number)), flatbuffers.number_types.Float32Flags
        return [self.table.Get(flags, start + 4 * n) for n in range(self.table.VectorLen(self._place(number)))]


def root(buffer):
    assert buffer[4:8] == b"M001"
    return Fields(flatbuffers.table.Table(buffer, flatbuffers.encode.Get(flatbuffers.packer.uoffset, buffer, 0)))


def test_the_standard_metadata_of_a_litert_file(folder):
    uint8, uint32 = flatbuffers.number_types.Uint8Flags, flatbuffers.number_types.Uint32Flags
    inputs = ExportInputs("three", CLASSES, FACES, temperature=1.25, license="Apache-2.0")
    litert.save_float32(load_model(folder), folder / "named.tflite", inputs)
    file = (folder / "named.tflite").read_bytes()
    model = root(metadata(file, "TFLITE_METADATA"))
    assert (model.text(0), model.text(5), model.text(7)) == ("three", "Apache-2.0", "1.0.0")
    assert model.text(1).endswith("calm, tense, asleep")
    graph = model.first(3)
    images, logits = graph.first(2), graph.first(3)
    assert (images.text(0), images.text(1), logits.text(0)) == ("images", INPUT, "logits")
    assert logits.text(1) == f"{OUTPUT}, calibrated where logits are divided by 1.25"
    content = images.inner(3)
    assert content.number(0, uint8) == 2, "an image"
    properties = content.inner(1)
    assert properties.number(0, uint8) == 2, "grey"
    assert [properties.inner(1).number(side, uint32) for side in (0, 1)] == [48, 48]
    assert (images.inner(5).floats(0), images.inner(5).floats(1)) == ([255.0], [0.0])
    normalisation = images.first(4)
    assert normalisation.number(0, uint8) == 1
    assert (normalisation.inner(1).floats(0), normalisation.inner(1).floats(1)) == ([0.0], [1.0])
    labels = logits.first(6)
    assert labels.text(0) == "labels.txt" and labels.number(2, uint8) == 2, "of an axis"
    with zipfile.ZipFile(folder / "named.tflite") as archive:
        assert archive.read("labels.txt").decode().split() == list(CLASSES)
    assert json.loads(metadata(file, "fer_keras.json")) == {
        "name": "three", "classes": list(CLASSES), "images": INPUT, "logits": OUTPUT, "temperature": 1.25,
        "license": "Apache-2.0",
    }  # fmt: skip


@pytest.mark.parametrize("name", LITERT)
def test_a_litert_file_alone_names_its_classes(folder, name):
    classifier = fer_keras.load(folder / name)
    assert classifier.classes == CLASSES and not classifier.classes_note
    expected = predict_logits(load_model(folder), FACES)
    assert [answer.label for answer in classifier.answers(FACES)] == [CLASSES[n] for n in expected.argmax(axis=1)]
    facts = json.loads(metadata((folder / name).read_bytes(), "fer_keras.json"))
    assert facts["classes"] == list(CLASSES) and "temperature" not in facts and "license" not in facts


@pytest.mark.parametrize("kind", ["float32", "int8"])
def test_one_face_at_a_time_gives_the_same_answers(folder, kind):
    from ai_edge_litert.interpreter import Interpreter

    single = Interpreter(str(folder / f"model_{kind}_1.tflite"))
    single.allocate_tensors()
    for details in single.get_input_details(), single.get_output_details():
        assert list(details[0]["shape_signature"]) == list(details[0]["shape"]) and details[0]["shape"][0] == 1
    with pytest.raises(RuntimeError, match="unknown dimension"):
        single.resize_tensor_input(0, (2, 48, 48, 1), strict=True)
    both = [RUNTIMES["litert"](str(folder / f"model_{kind}{end}.tflite"))[0](FACES) for end in ("", "_1")]
    np.testing.assert_allclose(both[1], both[0], atol=1e-6 if kind == "float32" else 0)


def test_the_other_formats_name_them_too(folder):
    model = onnx.load(folder / "model.onnx")
    facts = {entry.key: entry.value for entry in model.metadata_props}
    assert facts == {
        "name": folder.name, "classes": json.dumps(list(CLASSES)), "images": INPUT, "logits": OUTPUT,
    }  # fmt: skip
    (images,), (logits,) = model.graph.input, model.graph.output
    sides = [[d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim] for v in (images, logits)]
    assert sides == [["batch", 48, 48, 1], ["batch", 3]]
    answers = tf.saved_model.load(folder / "1").signatures["serving_default"](images=tf.constant(FACES))
    assert [name.decode() for name in answers["classes"][0].numpy()] == list(CLASSES)
    formats = json.loads((folder / "exports.json").read_text())["formats"]
    assert list(formats) == list(FORMATS)
    assert all(facts["classes"] == list(CLASSES) for facts in formats.values())


def test_what_reads_exports_needs_neither_tensorflow_nor_keras():
    code = (
        "import sys; sys.modules['tensorflow'] = sys.modules['keras'] = None\n"
        "import fer_keras.export.record, fer_keras.export.classes, fer_keras.export.runtimes"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
