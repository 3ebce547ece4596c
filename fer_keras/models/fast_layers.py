"""Layers that train faster on a CPU, and the way from stock layers to them and back.

Models are built and shipped with stock layers; only training uses these. Keras 3's BatchNormalization on TensorFlow
computes the moments in one pass and normalises in a second, where the fused kernel does both in one. Its Dropout
draws a 32-bit float for every value, where a byte does. Together they were 40% of a MobileNet's step. The fused kernel
has vector instructions only for whole vectors of channels; other widths, which a search has, take a path of our own.
"""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from fer_keras.models.convert_layers import convert_layers
from fer_keras.models.precision import resolve_precision

_VECTOR = 8
"""Floats that an AVX2 register holds."""


def _normalise_by_rows(
    x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Batch normalisation whose every pass is over rows of W x C values, long enough for vector instructions.

    A training step's two passes take a quarter of the fused kernel's time with 14 channels at 24x24, and 1.4 times it
    with 16. Reference: Ioffe and Szegedy, 2015, arXiv 1502.03167, section 3.

    Args:
        x: float32 [N, H, W, C].
        gamma: float32 [C].
        beta: float32 [C].
        epsilon: added to the variance.

    Returns:
        The normalised values [N, H, W, C], the mean [C] and the unbiased variance [C]; only the first has gradients.
    """
    width, channels = x.shape[2], x.shape[3]

    def sums(rows: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(tf.reshape(tf.reduce_sum(rows, 0), [width, channels]), 0)

    @tf.custom_gradient
    def normalise(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> tuple[tuple[tf.Tensor, ...], Callable]:
        rows = _rows(x)
        count = tf.cast(tf.size(x) // channels, tf.float32)
        mean = sums(rows) / count
        variance = sums(tf.square(rows - tf.tile(mean, [width]))) / count
        slope, intercept = _line(mean, variance, gamma, beta, epsilon)

        def gradients(upstream: tf.Tensor, *_: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            up = _rows(upstream)
            by_beta = sums(up)
            deviation = tf.sqrt(variance + epsilon)
            by_gamma = (sums(up * rows) - mean * by_beta) / deviation
            # d/dx = slope (up - mean(up) - normalised mean(up normalised)), as a sum of up, x and a constant.
            of_x = -slope * by_gamma / (count * deviation)
            constant = -slope * by_beta / count - of_x * mean
            by_x = up * tf.tile(slope, [width]) + rows * tf.tile(of_x, [width]) + tf.tile(constant, [width])
            return tf.reshape(by_x, tf.shape(x)), by_gamma, by_beta

        outputs = (_affine_by_rows(x, slope, intercept), mean, variance * count / tf.maximum(count - 1.0, 1.0))
        return outputs, gradients

    return normalise(x, gamma, beta)


def _line(
    mean: tf.Tensor, variance: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Slope and intercept [C] of a batch normalisation with known moments."""
    slope = gamma * tf.math.rsqrt(variance + epsilon)
    return slope, beta - mean * slope


def _affine_by_rows(x: tf.Tensor, slope: tf.Tensor, intercept: tf.Tensor) -> tf.Tensor:
    width = x.shape[2]
    return tf.reshape(_rows(x) * tf.tile(slope, [width]) + tf.tile(intercept, [width]), tf.shape(x))


def _rows(x: tf.Tensor) -> tf.Tensor:
    """[N, H, W, C] -> [N H, W C]."""
    return tf.reshape(x, [-1, x.shape[2] * x.shape[3]])


@keras.saving.register_keras_serializable(package="fer_keras")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` over [N, H, W, C] by TensorFlow's fused kernel, or by rows where that is slow.

    It takes the stock layer's weights as they are. Like the kernel, it feeds the unbiased variance (n/(n-1))
    to the moving average. Inputs of another rank take the stock path.
    """

    def call(self, inputs: tf.Tensor, training: bool | None = None, mask: Any = None) -> tf.Tensor:
        """Return the normalised `inputs`, in their dtype."""
        if len(inputs.shape) != 4:
            return super().call(inputs, training=training, mask=mask)
        training = bool(training) and self.trainable
        x = tf.cast(inputs, self.compute_dtype)
        gamma, beta, *moments = (
            tf.convert_to_tensor(weight) for weight in (self.gamma, self.beta, self.moving_mean, self.moving_variance)
        )
        if x.dtype == tf.float32 and x.shape[-1] % _VECTOR:
            if training:
                outputs, mean, variance = _normalise_by_rows(x, gamma, beta, self.epsilon)
            else:
                outputs = _affine_by_rows(x, *_line(*moments, gamma, beta, self.epsilon))
        else:
            empty = tf.zeros([0], tf.float32)  # what the kernel wants where it computes the moments itself
            outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
                x=x,
                scale=gamma,
                offset=beta,
                mean=empty if training else moments[0],
                variance=empty if training else moments[1],
                epsilon=self.epsilon,
                is_training=training,
            )
        if training:
            for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
                moving.assign(moving * self.momentum + batch * (1.0 - self.momentum))
        return outputs


@keras.saving.register_keras_serializable(package="fer_keras")
class ByteDropout(keras.layers.Dropout):
    """`keras.layers.Dropout` that decides by a random byte, four of them from each 32-bit draw.

    The rate is rounded to a multiple of 1/256, and what is kept is scaled by the rounded rate, so the expectation is
    exact. The bits come from the layer's seed generator, as in the stock layer.
    """

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return `inputs` with a share of about `rate` at 0 and the rest scaled up; in inference as they are."""
        dropped = round(256 * self.rate)
        if not training or dropped == 0:
            return inputs
        count = tf.size(inputs)
        words = tf.random.stateless_uniform(
            [(count + 3) // 4],
            tf.convert_to_tensor(self.seed_generator.next()),
            minval=None,
            maxval=None,
            dtype=tf.uint32,
        )
        draws = tf.reshape(tf.reshape(tf.bitcast(words, tf.uint8), [-1])[:count], tf.shape(inputs))
        kept = tf.cast(draws >= dropped, inputs.dtype)
        return inputs * (kept * (256 / (256 - dropped)))


FAST: dict[type, type] = {
    keras.layers.BatchNormalization: FusedBatchNormalization,
    keras.layers.Dropout: ByteDropout,
}
"""Stock layer -> the fast one, with the same weights and configuration."""


@keras.saving.register_keras_serializable(package="fer_keras")
class SynchronizedBatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` over the images of all hosts that learn together, not only of this one."""

    def __init__(self, **config: Any) -> None:
        super().__init__(**{**config, "synchronized": True})

    def get_config(self) -> dict[str, Any]:
        """Return what the stock layer takes."""
        return {**super().get_config(), "synchronized": False}


SPREAD: dict[type, type] = {
    keras.layers.BatchNormalization: SynchronizedBatchNormalization,
    keras.layers.Dropout: ByteDropout,
}
"""As `FAST`, for several hosts: no kernel is both fused and synchronised."""


def for_training(
    model: keras.Model,
    precision: str = "float32",
    replacements: Mapping[type, type] = FAST,
    bn_momentum: float | None = None,
) -> keras.Model:
    """Return a copy of `model`, weights included, with fast layers.

    Args:
        model: a functional model of stock layers whose last layer gives the logits.
        precision: `float32`, `mixed_bfloat16` for all but the logits, which stay float32, or `auto`.
        replacements: stock layer -> the fast one.
        bn_momentum: of every batch normalisation's moving statistics; None keeps each layer's own.
    """
    return convert_layers(model, replacements, resolve_precision(precision), bn_momentum)


def for_shipping(model: keras.Model) -> keras.Model:
    """Return a float32 copy of `model`, weights included, that loads with stock Keras alone."""
    return convert_layers(model, {fast: stock for stock, fast in [*FAST.items(), *SPREAD.items()]})
