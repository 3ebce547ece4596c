"""Networks as plain data: layers that are described, counted and then built.

A family describes its network with `layer`, much as in Keras's functional style. What a description costs is known
without building it, in well under a millisecond, as a search over widths needs, and without Keras, which takes seconds
to import.

    def tiny(widths: Sequence[int] = (8,), *, num_classes: int) -> Layer:
        x = layer("Conv2D", pixels(), filters=widths[0], kernel_size=3, strides=2, name="conv")
        x = layer("GlobalAveragePooling2D", x, name="pool")
        return layer("Dense", x, units=num_classes, name="logits")
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any

from fer_keras.errors import FerKerasError

if TYPE_CHECKING:
    import keras

Shape = tuple[int, ...]
"""Of one image's tensor: without the batch."""

Cost = tuple[Shape, int, int]
"""The shape that a layer gives, its trainable parameters, and its multiply-adds for one image."""

Kind = str | type

_in_order = itertools.count()


@dataclass(eq=False, slots=True)
class Layer:
    """A layer that is not built yet, and the tensor that it gives.

    Attributes:
        kind: of layer: a name in `keras.layers`, or a class.
        settings: what the class is called with.
        inputs: the layers whose tensors it reads.
        shape: of its tensor, without the batch.
        parameters: how many of its own are trained.
        multiply_adds: for one image; 0 but for convolutions and dense layers.
        number: rises in the order of description, which is the order of building.
    """

    kind: Kind
    settings: Mapping[str, Any]
    inputs: tuple["Layer", ...]
    shape: Shape
    parameters: int
    multiply_adds: int
    number: int = field(default_factory=_in_order.__next__)


def layer(kind: Kind, *inputs: Layer, **settings: Any) -> Layer:
    """Describe a layer of a `kind` (see `Layer`), called with `settings` by name, that reads `inputs`.

    What the common layers cost follows from rules; a layer of another kind, or with settings that the rules do not
    know, is built once, alone, and asked.

    Raises:
        FerKerasError: a convolution or pooling leaves nothing of its input.
    """
    rule = _RULES.get(kind)
    shapes = tuple([source.shape for source in inputs])
    if rule is None or not rule.settings.issuperset(settings):
        cost = _cost_if_built(kind, shapes, _Settings(settings))
    else:
        cost = rule.cost(*shapes, **{name: value for name, value in settings.items() if name in rule.counted})
    shape, parameters, multiply_adds = cost
    if min(shape, default=1) < 1:
        raise FerKerasError(f"{settings.get('name', kind)}: nothing is left of an input of {shapes[0]}")
    return Layer(kind, settings, inputs, shape, parameters, multiply_adds)


def layers_of(output: Layer) -> list[Layer]:
    """Return all layers that `output` depends on, itself too, in the order of description."""
    found, waiting = {output.number: output}, [output]
    while waiting:
        for source in waiting.pop().inputs:
            if source.number not in found:
                found[source.number] = source
                waiting.append(source)
    return [found[number] for number in sorted(found)]


def cost_of(output: Layer) -> tuple[int, int]:
    """Return the trainable parameters and the multiply-adds for one image of the network that ends in `output`."""
    network = layers_of(output)
    return sum([each.parameters for each in network]), sum([each.multiply_adds for each in network])


def to_model(output: Layer, name: str) -> "keras.Model":
    """Build the functional model that ends in `output`, freshly initialised."""
    import keras

    from fer_keras.models import keras_settings

    keras_settings.pin()

    tensors = {}
    for each in layers_of(output):
        built = _class_of(each.kind)(**each.settings)
        sources = [tensors[source.number] for source in each.inputs]
        tensors[each.number] = _called(built, sources) if sources else built.output
        if not sources:
            images = built.output
    return keras.Model(images, tensors[output.number], name=name)


def _class_of(kind: Kind) -> type["keras.layers.Layer"]:
    import keras

    return getattr(keras.layers, kind) if isinstance(kind, str) else kind


def _called(built: "keras.layers.Layer", sources: list["keras.KerasTensor"]) -> "keras.KerasTensor":
    return built(sources[0] if len(sources) == 1 else sources)


@dataclass(frozen=True)
class _Rule:
    """Shapes and settings -> cost; the settings that it counts with, and those that it may leave aside."""

    cost: Callable[..., Cost]
    counted: frozenset[str] = frozenset()
    settings: frozenset[str] = frozenset()


class _Settings(dict):
    """Settings that a cache can tell apart."""

    def __hash__(self) -> int:
        return hash(repr(sorted(self.items(), key=lambda item: item[0])))


@cache
def _cost_if_built(kind: Kind, shapes: tuple[Shape, ...], settings: _Settings) -> Cost:
    import keras

    from fer_keras.models.budget import multiply_adds, parameters

    inputs = [keras.Input(shape) for shape in shapes]
    built = _class_of(kind)(**settings)
    output = _called(built, inputs)
    return tuple(output.shape[1:]), parameters(built), multiply_adds(keras.Model(inputs, output))


def _same(shape: Shape, *_: Shape) -> Cost:
    return shape, 0, 0


def _side(side: int, window: int, stride: int, padding: str) -> int:
    return -(-side // stride) if padding == "same" else (side - window) // stride + 1


def _convolution(
    shape: Shape, filters: int, kernel_size: int, strides: int = 1, padding: str = "valid", use_bias: bool = True
) -> Cost:
    height, width, channels = shape
    height, width = _side(height, kernel_size, strides, padding), _side(width, kernel_size, strides, padding)
    kernel = kernel_size * kernel_size * channels * filters
    return (height, width, filters), kernel + filters * use_bias, height * width * kernel


def _depthwise(shape: Shape, kernel_size: int, strides: int = 1, padding: str = "valid", use_bias: bool = True) -> Cost:
    height, width, channels = shape
    height, width = _side(height, kernel_size, strides, padding), _side(width, kernel_size, strides, padding)
    kernel = kernel_size * kernel_size * channels
    return (height, width, channels), kernel + channels * use_bias, height * width * kernel


def _separable(
    shape: Shape, filters: int, kernel_size: int, strides: int = 1, padding: str = "valid", use_bias: bool = True
) -> Cost:
    between, depthwise, first_step = _depthwise(shape, kernel_size, strides, padding, False)
    result, pointwise, second_step = _convolution(between, filters, 1, use_bias=use_bias)
    return result, depthwise + pointwise, first_step + second_step


def _pooling(shape: Shape, pool_size: int = 2) -> Cost:
    return (shape[0] // pool_size, shape[1] // pool_size, shape[2]), 0, 0


def _dense(shape: Shape, units: int, use_bias: bool = True) -> Cost:
    kernel = shape[-1] * units
    return (*shape[:-1], units), kernel + units * use_bias, prod(shape[:-1]) * kernel


def _rule(cost: Callable[..., Cost], counted: str = "", aside: str = "") -> _Rule:
    return _Rule(cost, frozenset(counted.split()), frozenset(f"{counted} {aside} name dtype".split()))


_WINDOW = "kernel_size strides padding use_bias"
_RULES: dict[str, _Rule] = {
    "InputLayer": _rule(_same, "shape"),
    "Rescaling": _rule(_same, aside="scale offset"),
    "ReLU": _rule(_same),
    "LeakyReLU": _rule(_same, aside="negative_slope"),
    "Activation": _rule(_same, aside="activation"),
    "Dropout": _rule(_same, aside="rate"),
    "SpatialDropout2D": _rule(_same, aside="rate"),
    "Add": _rule(_same),
    "BatchNormalization": _rule(lambda shape: (shape, 2 * shape[-1], 0), aside="momentum epsilon"),
    "Conv2D": _rule(_convolution, f"filters {_WINDOW}", "activation"),
    "DepthwiseConv2D": _rule(_depthwise, _WINDOW, "activation"),
    "SeparableConv2D": _rule(_separable, f"filters {_WINDOW}", "activation"),
    "MaxPooling2D": _rule(_pooling, "pool_size"),
    "AveragePooling2D": _rule(_pooling, "pool_size"),
    "Flatten": _rule(lambda shape: ((prod(shape),), 0, 0)),
    "GlobalAveragePooling2D": _rule(lambda shape: (shape[-1:], 0, 0)),
    "Dense": _rule(_dense, "units use_bias", "activation"),
}
