"""The smaller LiteRT file is the larger one."""

import numpy as np
import pytest
from tensorflow.lite.python import schema_py_generated as schema

from fer_keras.data.synthetic import draw_faces
from fer_keras.export import flatbuffer, litert
from fer_keras.jobs.export_subject import writer_inputs
from fer_keras.labels import FER2013
from fer_keras.models import from_preset

FACES = draw_faces(np.arange(21) % 7, seed=6)
INPUTS = writer_inputs("m", FER2013.classes, FACES)


@pytest.fixture(scope="module")
def files():
    """Format -> (what the converter wrote, what becomes of it)."""
    model = from_preset("separable-25k")
    rng = np.random.default_rng(0)  # so that biases are not all zeros, as those of an untrained model are
    model.set_weights([weight + rng.uniform(0, 0.1, weight.shape).astype(np.float32) for weight in model.get_weights()])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(litert, "smaller", lambda file: file)
        whole = {"float32": litert.float32_file(model), "int8": litert.int8_file(model, INPUTS)}
    return {name: (file, flatbuffer.smaller(file)) for name, file in whole.items()}


def interpreter_of(file):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=file, num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


@pytest.mark.parametrize("name", ["float32", "int8"])
def test_the_same_answers_to_the_bit_under_the_same_names(files, name):
    answers = []
    for file in files[name]:
        ask = interpreter_of(file).get_signature_runner("serving_default")
        answers.append(np.concatenate([ask(images=face[np.newaxis])["logits"] for face in FACES]))
    np.testing.assert_array_equal(*answers)
    assert np.ptp(answers[0]) > 0
    whole, smaller = (interpreter_of(file).get_input_details()[0] for file in files[name])
    assert whole["name"] == smaller["name"] and whole["dtype"] == smaller["dtype"] == np.uint8


def test_zero_points_are_stored_once(files):
    whole, smaller = files["int8"]
    assert len(smaller) < 0.75 * len(whole)
    points = {}
    graph = schema.Model.GetRootAs(smaller, 0).Subgraphs(0)
    for number in range(graph.TensorsLength()):
        described = graph.Tensors(number).Quantization()
        if described and described.ZeroPointLength() == 48:
            assert not described.ZeroPointAsNumpy().any()
            place = described._tab.Vector(described._tab.Offset(10))
            points.setdefault(place, []).append(number)
    (numbers,) = points.values()
    assert len(numbers) == 2 * 5 + 5 + 1, "five pointwise kernels and biases, five depthwise kernels, one bias of zeros"


def test_zeros_and_nothing_are_stored_once(files):
    whole, smaller = (schema.ModelT.InitFromObj(schema.Model.GetRootAs(file, 0)) for file in files["int8"])
    zeros, users = [], []
    for model in (whole, smaller):
        (graph,) = model.subgraphs
        biases = [operator.inputs[2] for operator in graph.operators if len(operator.inputs) == 3]
        found = {n for n in biases if n >= 0 and not np.any(model.buffers[graph.tensors[n].buffer].data)}
        zeros.append(sorted(graph.tensors[number].shape[0] for number in found))
        users.append(sum(number in found for number in biases))
    assert zeros[0] == [16, 32, 32, 32, 48, 48, 48, 48, 48, 56] and zeros[1] == [16, 32, 48, 56]
    assert users == [10, 10], "depthwise convolutions"
    assert [number for number, buffer in enumerate(smaller.buffers) if buffer.data is None] == [0]


def test_weights_begin_where_processors_load_them(files):
    for _, smaller in files.values():
        model = schema.Model.GetRootAs(smaller, 0)
        places = [
            b._tab.Vector(b._tab.Offset(4)) for b in map(model.Buffers, range(model.BuffersLength())) if b.DataLength()
        ]
        assert len(places) > 20 and not any(place % 16 for place in places)
    assert schema.Model.ModelBufferHasIdentifier(smaller, 0)
