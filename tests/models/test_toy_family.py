"""A family of somebody's own needs its description and one call; the package stays as it is."""

import keras_tuner
import pytest

from fer_keras.errors import FerKerasError
from fer_keras.models import FAMILIES, PRESETS, build, from_preset
from fer_keras.models.blocks import classify, pixels
from fer_keras.models.budget import activation_memory, fit_to_budget, multiply_adds, parameters
from fer_keras.models.family import Family, SearchPlan, WidthPlan
from fer_keras.models.registry import register_family, register_preset
from fer_keras.models.specification import layer
from tuner.search_space import declare, defaults, searchable, solve_options


def toy(widths=(8, 12), *, kernel_size=3, num_classes):
    """Convolutions of stride 2 with group normalisation, of which no rule knows, and SELU."""
    x = pixels()
    for number, width in enumerate(widths, 1):
        x = layer("Conv2D", x, filters=width, kernel_size=kernel_size, strides=2, padding="same", name=f"conv{number}")
        x = layer("GroupNormalization", x, groups=1, name=f"norm{number}")
        x = layer("Activation", x, activation="selu", name=f"act{number}")
    return classify(x, num_classes)


def plan(values):
    proportions = tuple(values["growth"] ** stage for stage in range(values["stages"]))
    return WidthPlan(proportions, lambda widths: {"widths": widths, "kernel_size": 5})


TOY = Family(
    "toy", "toy CNN", toy, ("widths",), colour="#123456", marker="v",
    search=SearchPlan({"stages": ((2, 3), 3), "growth": ((1.0, 2.0), 2.0)}, plan),
)  # fmt: skip


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    for table, name in ((FAMILIES, "toy"), (PRESETS, "reference-toy"), (PRESETS, "toy-wide")):
        monkeypatch.setitem(table, name, None)  # so that it goes again
        del table[name]
    register_family(TOY)


def test_it_is_built_and_counted():
    model = build("toy", num_classes=3)
    assert model.name == "toy" and model.output_shape == (None, 3)
    by_hand = (9 * 1 + 1) * 8 + 2 * 8 + (9 * 8 + 1) * 12 + 2 * 12 + 13 * 3
    assert TOY.parameters(num_classes=3) == parameters(model) == by_hand
    by_hand = 24**2 * 9 * 8 + 12**2 * 9 * 8 * 12 + 12 * 3
    assert TOY.multiply_adds(num_classes=3) == multiply_adds(model) == by_hand
    assert activation_memory(model) > 0


def test_a_toy_family_has_presets():
    assert from_preset("reference-toy").name == "reference_toy"
    register_preset("toy-wide", "toy", widths=(20, 30))
    assert parameters(from_preset("toy-wide")) == TOY.parameters(widths=(20, 30))
    with pytest.raises(FerKerasError, match=r"cannot build a toy with .*width"):
        register_preset("toy-odd", "toy", width=3)


def test_its_widths_are_fitted_to_a_budget():
    options = fit_to_budget("toy", 5_000, num_classes=3, kernel_size=5)
    assert options["kernel_size"] == 5
    assert 0.97 * 5_000 <= parameters(build("toy", num_classes=3, **options)) <= 5_000


def test_a_toy_family_is_searched():
    assert searchable()[-1] == "toy"
    hp = keras_tuner.HyperParameters()
    assert declare(hp, "toy") == defaults("toy") == {"stages": 3, "growth": 2.0}
    assert set(hp.values) == {"toy_stages", "toy_growth"}
    for values in ({"stages": 2, "growth": 1.0}, defaults("toy")):
        options = solve_options("toy", 9_000, values, num_classes=4)
        model = build("toy", num_classes=4, **options)
        assert len(options["widths"]) == values["stages"] and model.get_layer("conv1").kernel_size == (5, 5)
        assert 0.97 * 9_000 <= parameters(model) <= 9_000
