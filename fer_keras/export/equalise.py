"""Makes the channels between the two halves of a separable convolution more equally wide, for 8-bit integers.

A tensor of activations has one scale for all its channels, which the widest one decides; the narrow ones are left with
a few of the 256 levels. Between a depthwise and a pointwise convolution nothing is but a sum, so a channel can be
multiplied by any number there and divided by it after: the network stays what it is.

Half way to equal widths, on a logarithmic scale, makes the smallest error in the logits: noise in the pointwise
kernel grows with the way. References: Nagel et al., "Data-free quantization through weight equalization and bias
correction", 2019, arXiv 1906.04721, section 4.1; Xiao et al., "SmoothQuant", 2022, arXiv 2211.10438, for half way.
"""

import keras
import numpy as np

_QUANTILE = 0.9995
"""Of a channel's magnitudes: what stands for its width. The largest one is a single pixel of a single face."""
_NARROWEST = 1e-3
"""Of the widest channel: a dead channel is not blown up beyond that."""
_CHUNK = 64


def equalised(model: keras.Model, faces: np.ndarray) -> keras.Model:
    """Return a copy of a model that computes the same, its separable convolutions more equally wide inside.

    Args:
        model: maps images [N, H, W, C] to anything.
        faces: float32 or uint8 [N, H, W, C], whose activations are looked at.
    """
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    layers = [layer for layer in copy.layers if isinstance(layer, keras.layers.SeparableConv2D)]
    if not layers:
        return copy
    inside = keras.Model(copy.input, [_depthwise_half(layer) for layer in layers])
    widths: list[list[np.ndarray]] = [[] for _ in layers]
    for start in range(0, len(faces), _CHUNK):
        chunk = inside(faces[start : start + _CHUNK].astype(np.float32), training=False)
        for seen, maps in zip(widths, keras.tree.flatten(chunk), strict=True):
            magnitudes = np.abs(keras.ops.convert_to_numpy(maps)).reshape(-1, maps.shape[-1])
            seen.append(np.quantile(magnitudes, _QUANTILE, axis=0))
    for layer, seen in zip(layers, widths, strict=True):
        factors = _factors(np.mean(seen, axis=0))
        layer.depthwise_kernel.assign(layer.depthwise_kernel * factors.reshape(layer.depthwise_kernel.shape[2:]))
        layer.pointwise_kernel.assign(layer.pointwise_kernel / factors[:, np.newaxis])
    return copy


def _depthwise_half(layer: keras.layers.SeparableConv2D) -> keras.KerasTensor:
    return keras.ops.depthwise_conv(
        layer.input, layer.depthwise_kernel, layer.strides, layer.padding, layer.data_format, layer.dilation_rate
    )


def _factors(widths: np.ndarray) -> np.ndarray:
    """What each channel is multiplied by: float32 [C], 1 for all where nothing comes through."""
    if not widths.max() > 0:
        return np.ones_like(widths, np.float32)
    widths = np.maximum(widths, _NARROWEST * widths.max())
    return np.sqrt(widths.mean() / widths).astype(np.float32)
