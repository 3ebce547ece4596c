"""Costs counted from options are those of the model that is built."""

import pytest

from fer_keras.models import FAMILIES, PRESETS, build
from fer_keras.models.budget import multiply_adds, parameters

CASES = [
    *((preset.family, dict(preset.options)) for preset in PRESETS.values()),
    ("cnn", {"widths": (5, 7, 9, 11), "depths": (1, 2, 1, 3), "stem_stride": 1, "dense_widths": ()}),
    ("cnn", {"widths": (5, 7, 9), "depths": (1, 2, 1), "dense_widths": (13,)}),
    ("mobilenet", {"widths": (5, 7, 9), "strides": (1, 2, 2), "dropouts": (), "squeeze_excite": 0.25}),
    ("separable", {"widths": (5, 5, 9), "strides": (1, 1, 2), "dropouts": (), "residual": True}),
]


@pytest.mark.parametrize(("family", "options"), CASES)
def test_counts_need_no_model(family, options):
    model = build(family, **options)
    assert FAMILIES[family].parameters(**options) == parameters(model)
    assert FAMILIES[family].multiply_adds(**options) == multiply_adds(model)
