"""Convolutions of small networks as what an accelerator does well: sums of shifted images, and matrix products.

The library's kernels for depthwise convolution are slow at learning, and of many networks side by side every
convolution would become a grouped one. Weights and results are those of the stock layers.
"""

import itertools
from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp
import keras


@keras.saving.register_keras_serializable(package="fer_keras")
class ShiftedDepthwiseConv2D(keras.layers.DepthwiseConv2D):
    """`keras.layers.DepthwiseConv2D` as a sum of shifted images."""

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return the convolution [N, H', W', C] of `inputs` [N, H, W, C]."""
        if not _is_plain(self):
            return super().call(inputs)
        return _depthwise(inputs, jnp.asarray(self.kernel), self.strides)


@keras.saving.register_keras_serializable(package="fer_keras")
class ShiftedSeparableConv2D(keras.layers.SeparableConv2D):
    """`keras.layers.SeparableConv2D` as a sum of shifted images and a matrix product."""

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return the convolution [N, H', W', W] of `inputs` [N, H, W, C]."""
        if not _is_plain(self):
            return super().call(inputs)
        x = _depthwise(inputs, jnp.asarray(self.depthwise_kernel), self.strides)
        return x @ jnp.asarray(self.pointwise_kernel)[0, 0]


@keras.saving.register_keras_serializable(package="fer_keras")
class MatrixConv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D`, a matrix product where the kernel is 1x1 or the input has one channel."""

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return the convolution [N, H', W', W] of `inputs` [N, H, W, C]."""
        kernel = jnp.asarray(self.kernel)
        if not _is_plain(self):
            return super().call(inputs)
        if kernel.shape[:2] == (1, 1) and self.strides == (1, 1):
            return inputs @ kernel[0, 0]
        if kernel.shape[2] == 1:
            patches = jnp.concatenate([*_shifted(inputs, kernel.shape[:2], self.strides)], axis=-1)
            return patches @ kernel.reshape(-1, kernel.shape[-1])
        return super().call(inputs)


ACCELERATED: dict[type, type] = {
    keras.layers.Conv2D: MatrixConv2D,
    keras.layers.DepthwiseConv2D: ShiftedDepthwiseConv2D,
    keras.layers.SeparableConv2D: ShiftedSeparableConv2D,
}
"""Stock layer -> the one here, for `fer_keras.models.convert_layers.convert_layers`."""


def _depthwise(x: jax.Array, kernel: jax.Array, strides: tuple[int, int]) -> jax.Array:
    taps = kernel.reshape(-1, kernel.shape[2])
    return sum(shifted * tap for shifted, tap in zip(_shifted(x, kernel.shape[:2], strides), taps, strict=True))


def _shifted(x: jax.Array, size: Sequence[int], strides: tuple[int, int]) -> Iterator[jax.Array]:
    """The images [N, H', W', C] that the taps of a kernel see with padding `same`, row by row of the kernel."""
    height, width = x.shape[1:3]
    out = [-(-length // stride) for length, stride in zip((height, width), strides, strict=True)]
    padding = [
        max((count - 1) * stride + taps - length, 0)
        for count, stride, taps, length in zip(out, strides, size, (height, width), strict=True)
    ]
    before = [total // 2 for total in padding]
    x = jnp.pad(x, [(0, 0), *((low, total - low) for low, total in zip(before, padding, strict=True)), (0, 0)])
    for row, column in itertools.product(range(size[0]), range(size[1])):
        rows = slice(row, row + (out[0] - 1) * strides[0] + 1, strides[0])
        columns = slice(column, column + (out[1] - 1) * strides[1] + 1, strides[1])
        yield x[:, rows, columns]


def _is_plain(layer: keras.layers.Layer) -> bool:
    """Whether a convolution is as in our blocks; any other is left to the library."""
    depth = getattr(layer, "depth_multiplier", 1), getattr(layer, "groups", 1), *layer.dilation_rate
    linear = layer.activation is keras.activations.linear and not layer.use_bias
    return linear and layer.padding == "same" and set(depth) == {1}
