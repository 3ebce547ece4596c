"""The shape of a network: how wide it is, how deep, and how much of the picture its last map sees."""

import keras
from keras import layers

_WINDOWS = (
    layers.Conv2D,
    layers.DepthwiseConv2D,
    layers.SeparableConv2D,
    layers.MaxPooling2D,
    layers.AveragePooling2D,
)


def mixing_widths(model: keras.Model) -> list[int]:
    """Return the output channels of every convolution that mixes channels, in order: full, pointwise or separable.

    Depthwise convolutions mix none. Those beside the way of the pixels are left out: projections of shortcuts, and
    squeeze-and-excitation, whose maps have one place.
    """
    return [
        layer.filters
        for layer in model.layers
        if isinstance(layer, layers.Conv2D | layers.SeparableConv2D)
        and not layer.name.endswith("_shortcut")
        and layer.output.shape[1] > 1
    ]


def receptive_field(model: keras.Model) -> int:
    """Return the side, in pixels, of the square that one place of the last map before pooling or flattening sees.

    Each window of side k after strides of product j adds (k - 1) j; where ways join, the widest counts.

    Reference: Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks", Distill, 2019.
    """
    seen: dict[int, tuple[int, int]] = {}
    widest = 1
    for layer in model.layers:
        if isinstance(layer, layers.InputLayer):
            seen[id(layer.output)] = (1, 1)
            continue
        inputs = layer.input if isinstance(layer.input, list) else [layer.input]
        side, jump = (max(values) for values in zip(*(seen[id(tensor)] for tensor in inputs), strict=True))
        if isinstance(layer, _WINDOWS):
            size, stride = (
                (layer.pool_size, layer.strides) if hasattr(layer, "pool_size") else (layer.kernel_size, layer.strides)
            )
            side, jump = side + (size[0] - 1) * jump, jump * stride[0]
        seen[id(layer.output)] = (side, jump)
        if len(layer.output.shape) == 4 and layer.output.shape[1] > 1:
            widest = max(widest, side)
    return widest
