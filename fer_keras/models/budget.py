"""What a model costs, and widths that fit a budget of parameters exactly from below."""

import inspect
import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from fer_keras.errors import FerKerasError
from fer_keras.models.registry import family

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
        sources = [alias[id(tensor)] for tensor in _inputs(layer)]
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


def _inputs(layer: layers.Layer) -> list[keras.KerasTensor]:
    if isinstance(layer, layers.InputLayer):
        return []
    return layer.input if isinstance(layer.input, list) else [layer.input]


def fit_to_budget(family_name: str, budget: int, **options: Any) -> dict[str, Any]:
    """Scale the widths of a family so that its parameters fill `budget` exactly from below.

    All widths are multiplied by the largest common factor that fits; what is left is then spent one channel
    at a time, each on the width that leaves the least. Nothing is built.

    Args:
        family_name: one of `FAMILIES`.
        budget: the most trainable parameters allowed.
        **options: options of the family's builder; widths among them give the proportions.

    Returns:
        `options` with every width option set; no single channel can be added within the budget.

    Raises:
        FerKerasError: there is no such family, or the budget is too small for widths of 1.
    """
    chosen = family(family_name)
    signature = inspect.signature(chosen.build).parameters
    base = {name: tuple(options.get(name, signature[name].default)) for name in chosen.width_options}

    def scaled(factor: float) -> dict[str, tuple[int, ...]]:
        return {name: tuple(max(1, int(w * factor)) for w in widths) for name, widths in base.items()}

    def count(widths: dict[str, tuple[int, ...]]) -> int:
        return chosen.parameters(**{**options, **widths})

    if count(scaled(0.0)) > budget:
        raise FerKerasError(
            f"a {family_name} has at least {count(scaled(0.0)):,} parameters; a budget of {budget:,} is too small"
        )
    low, high = 0.0, 1.0
    while count(scaled(high)) <= budget:
        low, high = high, 2 * high
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if count(scaled(middle)) <= budget else (low, middle)
    widths = scaled(low)
    while fitting := [wider for wider in _one_channel_wider(widths) if count(wider) <= budget]:
        widths = max(fitting, key=count)
    return {**options, **widths}


def _one_channel_wider(widths: dict[str, Sequence[int]]) -> list[dict[str, tuple[int, ...]]]:
    return [
        {**widths, name: (*values[:place], values[place] + 1, *values[place + 1 :])}
        for name, values in widths.items()
        for place in range(len(values))
    ]
