"""Every candidate is inside its budget and uses it."""

import itertools
import random

import keras
import numpy as np
import pytest
from small_search import search_in

from fer_keras.errors import FerKerasError
from fer_keras.models import FAMILIES, build
from fer_keras.models.budget import multiply_adds, parameters
from fer_keras.models.widths import MIN_WIDTH, solve_widths
from tuner.options import SearchOptions
from tuner.search_space import defaults, search_plan, searchable, solve_options
from tuner.settings import Candidate


def some_values(family, count):
    space = search_plan(family).hyperparameters
    every = [*itertools.product(*(values for values, _ in space.values()))]
    return [dict(zip(space, values, strict=True)) for values in random.Random(5).sample(every, count)]


@pytest.mark.parametrize("budget", SearchOptions.budgets)
@pytest.mark.parametrize("family", searchable())
def test_budgets_are_met_and_used(family, budget):
    for values in [defaults(family), *some_values(family, 25)]:
        options = solve_options(family, budget, values)
        assert 0.97 * budget <= FAMILIES[family].parameters(**options) <= budget, values
        assert FAMILIES[family].multiply_adds(**options) <= SearchOptions.max_multiply_adds, values
        assert min(options["widths"]) >= MIN_WIDTH


@pytest.mark.parametrize("family", searchable())
def test_what_is_built_costs_what_was_solved(family):
    for values in some_values(family, 3):
        options = solve_options(family, 12_000, values)
        model = build(family, **options)
        assert parameters(model) == FAMILIES[family].parameters(**options)
        assert multiply_adds(model) == FAMILIES[family].multiply_adds(**options)
        assert model.output_shape == (None, 7)


def test_a_chain_is_what_its_hyperparameters_say():
    values = {**defaults("mobilenet"), "last_size": 3, "depth_early": 3, "depth_late": 2, "growth_late": 2.0}
    options = solve_options("mobilenet", 100_000, {**values, "dropout": 0.125})
    stages = [options["widths"][start:end] for start, end in ((0, 4), (4, 7), (7, 9), (9, 11))]
    assert all(len(set(stage)) == 1 for stage in stages), "the blocks of a stage share its width"
    first, second, third, fourth = (stage[0] for stage in stages)
    np.testing.assert_allclose([second / first, third / second, fourth / third], [1.5, 1.5, 2.0], rtol=0.1)
    assert options["strides"] == (2, 1, 1, 1, 2, 1, 1, 2, 1, 2, 1)
    assert options["dropouts"] == (0.125,) * 10
    added = [layer for layer in build("mobilenet", **options).layers if isinstance(layer, keras.layers.Add)]
    assert len(added) == 3 + 2 + 1 + 1, "every block but those that change the shape has a shortcut"


def test_the_middle_one_of_three_stages_is_early():
    options = solve_options("separable", 25_000, {**defaults("separable"), "depth_early": 4, "residual": 0})
    assert options["strides"] == (2, 1, 1, 1, 1, 2, 1, 1, 1, 2, 1)
    first, second, third = (options["widths"][place] for place in (0, 5, 9))
    np.testing.assert_allclose([second / first, third / second], [1.5, 1.25], rtol=0.05)
    assert not any(isinstance(layer, keras.layers.Add) for layer in build("separable", **options).layers)


def test_a_cnn_is_what_its_hyperparameters_say():
    values = {**defaults("cnn"), "stem_stride": 1, "depth_early": 3, "growth_early": 2.0, "growth_late": 1.0}
    options = solve_options("cnn", 100_000, {**values, "dense": 2.0, "dropout": 0.25})
    assert options["depths"] == (3, 3, 2, 2) and options["stem_stride"] == 1
    widths = np.array([*options["widths"], *options["dense_widths"]])
    np.testing.assert_allclose(widths[1:] / widths[:-1], [2, 2, 1, 2], rtol=0.1)
    assert options["dropout"] == 0.25 and options["dense_dropout"] == 0.5
    model = build("cnn", **options)
    assert model.get_layer("flatten").output.shape[-1] == 9 * options["widths"][-1]
    added = {layer.name for layer in model.layers if isinstance(layer, keras.layers.Add)}
    assert {"stage1_2_add", "stage1_3_add", "stage2_3_add", "stage4_2_add"} <= added and "stage2_1_add" not in added


def test_too_many_multiply_adds_move_width_to_later_stages():
    def narrow(limit):
        options = solve_options("separable", 200_000, {**defaults("separable"), "stem_stride": 1}, limit)
        return options, FAMILIES["separable"].multiply_adds(**options)

    free, cost = narrow(10**9)
    bound, bound_cost = narrow(cost // 2)
    assert cost // 4 < bound_cost <= cost // 2
    assert bound["widths"][0] < free["widths"][0] and bound["widths"][-1] > free["widths"][-1]
    assert FAMILIES["separable"].parameters(**bound) >= 0.97 * 200_000


def test_widths_are_those_solved_by_hand():
    # 10 a + b parameters and 1 : 2, so 12 a = 120 is the answer; of 121, what is left goes to the nearest widths.
    def cost(widths):
        return 10 * widths[0] + widths[1], widths[0]

    assert solve_widths((1.0, 2.0), cost, 120) == (10, 20)
    assert solve_widths((1.0, 2.0), cost, 120, 8)[0] <= 8


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: solve_options("cnn", 100, defaults("cnn")), "cnn: a budget of 100 parameters is too small"),
        (lambda: solve_options("cnn", 400_000, defaults("cnn"), 10**5), "no widths use 97% of 400,000 parameters"),
        (lambda: defaults("vit"), "unknown family 'vit', expected some of cnn, separable, mobilenet"),
    ],
)
def test_what_cannot_be_solved_is_refused(call, sentence):
    with pytest.raises(FerKerasError, match=sentence):
        call()


@pytest.mark.parametrize("family", searchable())
def test_more_classes_leave_less_for_the_rest(family):
    values = defaults(family)
    few, many = (solve_options(family, 25_000, values, num_classes=count) for count in (2, 100))
    assert few["widths"] != many["widths"]
    assert 0.97 * 25_000 <= parameters(build(family, num_classes=100, **many)) <= 25_000


def test_values_survive_32_bit_floats():
    spaces = (search_plan(family).hyperparameters for family in searchable())
    for values, default in itertools.chain.from_iterable(space.values() for space in spaces):
        assert default in values and all(float(np.float32(value)) == value for value in values)


def test_widths_are_whole_vectors_where_they_fill_the_budget_near_the_proportions():
    def solved(budget, *proportions):
        return solve_widths(proportions, lambda widths: (sum(widths), 0), budget)

    assert solved(122, 1.0, 2.0) == (40, 80)  # 40.67 and 81.33 wanted
    assert solved(60, 1.0, 2.0) == (20, 40)  # 24 and 40 are too many, 16 and 40 too few
    assert solved(33, 1.0, 9.0) == (4, 29)  # 8 and 24 would fill it too, but twice the proportions apart


def test_a_budget_without_a_limit_has_networks_beyond_it(tmp_path):
    options = {"budgets": (50_000, 100_000), "control_budgets": (), "max_multiply_adds": 4_000_000}
    search = search_in(tmp_path, unlimited_budgets=(100_000,), **options)
    bound, free = (
        FAMILIES["separable"].multiply_adds(
            **Candidate("search", "separable", budget, 0, defaults("separable")).options(search)
        )
        for budget in search.budgets
    )
    assert bound <= 4_000_000 < free
    assert free == FAMILIES["separable"].multiply_adds(
        **solve_options("separable", 100_000, defaults("separable"), None)
    )
