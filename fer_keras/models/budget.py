"""What a built model costs, and a family's options for a budget of parameters.

What a network costs that is not built: `Family.parameters` and `Family.multiply_adds`.
"""

import itertools
import math
from inspect import signature
from typing import Any

import keras
from keras import layers

from fer_keras.labels import FER2013
from fer_keras.models.family import WidthPlan, Widths
from fer_keras.models.registry import family
from fer_keras.models.widths import fit_plan

FLOAT_BYTES = 4

# Layers that a runtime folds into the one before, or that do nothing when it predicts: no tensor of their own.
_IN_PLACE = (
    layers.BatchNormalization,
    layers.ReLU,
    layers.LeakyReLU,
    layers.Activation,
    layers.Dropout,
    layers.SpatialDropout2D,
    layers.Flatten,
    layers.Rescaling,
)


def parameters(model: layers.Layer) -> int:
    """Return the number of trainable parameters of `model`, or of one layer."""
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def multiply_adds(model: keras.Model) -> int:
    """Return the multiply-adds of one image through the convolutions and dense layers of `model`.

    Batch normalisation is not counted, since it folds into the convolution before it. Models inside the model, such
    as an ensemble's members, are.
    """
    return sum(_layer_multiply_adds(layer) for layer in model.layers)


def _layer_multiply_adds(layer: layers.Layer) -> int:
    if isinstance(layer, keras.Model):
        return multiply_adds(layer)
    if isinstance(layer, layers.Dense):
        return math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:-1])
    if isinstance(layer, layers.SeparableConv2D):
        kernels = math.prod(layer.depthwise_kernel.shape) + math.prod(layer.pointwise_kernel.shape)
        return kernels * math.prod(layer.output.shape[1:3])
    # A grouped convolution's kernel [kh, kw, in/groups, out] and a depthwise one's [kh, kw, in, multiplier]
    # hold exactly the weights that one output position uses.
    if isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D):
        return math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:3])
    return 0


def activation_memory(model: keras.Model) -> int:
    """Return the peak bytes of float32 activations while one image passes through `model`.

    A tensor lives from the layer that makes it to the last layer that reads it; batch normalisation,
    activations, dropout and reshapes work in place. The weights are not counted. Of an ensemble it is that of its
    largest member.
    """
    members = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    if members:
        return max(map(activation_memory, members))
    steps, last_use, alias = [], {}, {}
    for layer in model.layers:
        inputs = [] if isinstance(layer, layers.InputLayer) else keras.tree.flatten(layer.input)
        sources = [alias[id(tensor)] for tensor in inputs]
        target = id(layer.output)
        alias[target] = sources[0] if sources and isinstance(layer, _IN_PLACE) else target
        step = len(steps)
        for tensor in [*sources, alias[target]]:
            last_use[tensor] = step
        steps.append((alias[target], FLOAT_BYTES * math.prod(layer.output.shape[1:])))
    live, peak = {}, 0
    for step, (tensor, size) in enumerate(steps):
        live[tensor] = max(live.get(tensor, 0), size)
        peak = max(peak, sum(live.values()))
        live = {tensor: size for tensor, size in live.items() if last_use[tensor] > step}
    return peak


def fit_to_budget(
    family_name: str,
    budget: int,
    max_multiply_adds: int | None = None,
    *,
    num_classes: int = len(FER2013),
    **options: Any,
) -> dict[str, Any]:
    """Scale the widths of a family until its parameters fill `budget` from below; see `widths.solve_widths`.

    Args:
        family_name: one of `FAMILIES`.
        budget: the most trainable parameters.
        max_multiply_adds: the most for one image. Defaults to no limit.
        num_classes: C. Defaults to FER2013's.
        **options: those of the family; widths among them give the proportions, and equal neighbours stay equal, as
            shortcuts need.

    Returns:
        `options` with every width option set.

    Raises:
        FerKerasError: there is no such family, or there are no such widths.
    """
    chosen = family(family_name)
    described = signature(chosen.describe).parameters
    base = {name: tuple(options.get(name, described[name].default)) for name in chosen.width_options}

    runs = {name: [(width, len([*run])) for width, run in itertools.groupby(widths)] for name, widths in base.items()}

    def widened(widths: Widths) -> dict[str, Any]:
        rest = iter(widths)
        solved = {name: tuple(w for _, count in run for w in (next(rest),) * count) for name, run in runs.items()}
        return {**options, **solved}

    plan = WidthPlan(tuple(float(width) for run in runs.values() for width, _ in run), widened)
    return fit_plan(family_name, plan, budget, max_multiply_adds, num_classes=num_classes)
