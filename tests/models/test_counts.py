"""Costs counted from options are those of the model that is built."""

import subprocess
import sys

import keras
import pytest

from fer_keras.errors import FerKerasError
from fer_keras.models import FAMILIES, PRESETS, build
from fer_keras.models.budget import multiply_adds, parameters
from fer_keras.models.registry import describe
from fer_keras.models.specification import cost_of, layer, to_model

CASES = [
    *((preset.family, dict(preset.options)) for preset in PRESETS.values()),
    ("cnn", {"widths": (5, 7, 9, 11), "depths": (1, 2, 1, 3), "stem_stride": 1, "dense_widths": ()}),
    ("cnn", {"widths": (5, 7, 9), "depths": (1, 2, 1), "dense_widths": (13,)}),
    ("mobilenet", {"widths": (5, 7, 9), "strides": (1, 2, 2), "dropouts": (), "activation": "silu"}),
    ("separable", {"widths": (5, 5, 9), "strides": (1, 1, 2), "dropouts": (), "residual": True}),
]


@pytest.mark.parametrize("num_classes", [2, 7, 8])
@pytest.mark.parametrize(("family", "options"), CASES)
def test_counts_need_no_model(family, options, num_classes):
    model = build(family, num_classes=num_classes, **options)
    assert model.output_shape == (None, num_classes)
    assert FAMILIES[family].parameters(num_classes=num_classes, **options) == parameters(model)
    assert FAMILIES[family].multiply_adds(num_classes=num_classes, **options) == multiply_adds(model)


IMAGES = layer("InputLayer", shape=(11, 10, 6), name="images")
LAYERS = [
    *(
        (kind, {"kernel_size": size, "strides": stride, "padding": padding, "use_bias": use_bias, **filters})
        for kind, filters in (("Conv2D", {"filters": 4}), ("SeparableConv2D", {"filters": 4}), ("DepthwiseConv2D", {}))
        for size, stride in ((1, 1), (3, 1), (3, 2), (4, 2), (4, 3))
        for padding in ("same", "valid")
        for use_bias in (True, False)
    ),
    *((kind, {"pool_size": size}) for kind in ("MaxPooling2D", "AveragePooling2D") for size in (2, 3)),
    ("Dense", {"units": 5, "use_bias": False}),
    *((kind, {}) for kind in ("Flatten", "GlobalAveragePooling2D", "BatchNormalization", "ReLU")),
    # What no rule knows is built alone and asked.
    ("Conv2D", {"filters": 6, "kernel_size": (3, 1), "groups": 2}),
    ("GroupNormalization", {"groups": 3}),
    ("PReLU", {}),
    (keras.layers.MaxPooling2D, {"pool_size": 3, "strides": 1, "padding": "same"}),
]


@pytest.mark.parametrize(("kind", "settings"), LAYERS)
def test_a_described_layer_costs_what_the_built_one_costs(kind, settings):
    described = layer(kind, IMAGES, **settings)
    model = to_model(described, "alone")
    assert model.output_shape[1:] == described.shape
    assert cost_of(described) == (parameters(model), multiply_adds(model))


def test_what_two_layers_read_is_counted_once():
    x = layer("Conv2D", IMAGES, filters=6, kernel_size=1, name="shared")
    output = layer("Add", layer("ReLU", x, name="one_way"), layer("ReLU", x, name="other_way"), name="both")
    assert cost_of(output) == (6 * 6 + 6, 11 * 10 * 6 * 6)
    assert [each.name for each in to_model(output, "net").layers] == [
        "images",
        "shared",
        "one_way",
        "other_way",
        "both",
    ]


def test_a_map_that_is_used_up_is_refused():
    with pytest.raises(FerKerasError, match=r"cannot build a cnn with .*stage5_pool: nothing is left of an input of"):
        describe("cnn", widths=(4,) * 6)


def test_counting_takes_no_keras():
    code = (
        "import sys; from fer_keras.models.registry import FAMILIES;"
        "assert [f.parameters() for f in FAMILIES.values()] == [4_038_279, 92_315, 93_139, 2_777_703];"
        "assert 'keras' not in sys.modules and 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
