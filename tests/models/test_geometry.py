"""Receptive fields and widths against numbers made by hand."""

import pytest

from fer_keras.models import build, from_preset
from fer_keras.models.geometry import mixing_widths, receptive_field


def test_the_reference_cnn():
    model = from_preset("reference-cnn")
    assert mixing_widths(model) == [64, 64, 128, 128, 256, 256]
    # 4x4: 4; 3x3 at stride 2: 8; pool: 10; 3x3 twice at 4: 26; pool: 30; 3x3 twice at 8: 62; pool: 70
    assert receptive_field(model) == 70


def test_the_reference_mobilenet():
    model = from_preset("reference-mobilenet")
    assert mixing_widths(model) == [32, 32, 64, 64, 100, 120, 480]
    # 3x3 stride 2: 3; four 3x3 at 2: 19 (the last strides); one at 4 strides: 27; one at 8: 43
    assert receptive_field(model) == 43


@pytest.mark.parametrize(("residual", "field"), [(False, 15), (True, 15)])
def test_shortcuts_change_no_receptive_field(residual, field):
    model = build("separable", widths=(8, 8, 8, 8), strides=(2, 1, 1, 1), dropouts=(), residual=residual)
    assert receptive_field(model) == field and mixing_widths(model) == [8, 8, 8, 8]


def test_what_is_beside_the_way_counts_for_nothing():
    options = {"widths": (8, 16), "strides": (2, 2), "dropouts": ()}
    plain, excited = build("mobilenet", **options), build("mobilenet", squeeze_excite=0.25, **options)
    assert mixing_widths(excited) == mixing_widths(plain) == [8, 16]
    assert receptive_field(excited) == receptive_field(plain) == 7
    residual = build("residual", widths=(4, 8), depths=(1, 1))
    assert mixing_widths(residual) == [4, 4, 4, 8, 8]
    assert receptive_field(residual) == 3 + 4 + 2 + 4
