"""`fer_keras.data.augment.apply_views` and `fer_keras.data.mixup.mix` in JAX, to compile into a training step.

A GPU may contract a multiplication and an addition into one rounding, so a grey value may differ by one.
"""

import jax
import jax.numpy as jnp

from fer_keras.labels import IMAGE_SIZE


def apply_views(images: jax.Array, parameters: jax.Array) -> jax.Array:
    """Make the views that `parameters` describe.

    Args:
        images: uint8 [N, 48, 48, 1].
        parameters: float32 [N, 15] from `fer_keras.data.random_streams.view_parameters`.

    Returns:
        float32 [N, 48, 48, 1], whole numbers 0..255.
    """
    x = jax.vmap(_transformed)(images[..., 0].astype(jnp.float32), parameters[:, :8])
    gain, offset, top, left, bottom, right, grey = (column[:, None, None] for column in parameters[:, 8:].T)
    x = x * gain + offset
    row, column = jnp.meshgrid(_POSITIONS, _POSITIONS, indexing="ij")
    erased = (row >= top) & (row < bottom) & (column >= left) & (column < right)
    x = jnp.where(erased, grey, x)
    return jnp.round(jnp.clip(x, 0.0, 255.0))[..., None]


def mix(images: jax.Array, others: jax.Array, share: jax.Array) -> jax.Array:
    """Return share * images + (1 - share) * others, rounded: float32 [N, 48, 48, 1] twice, [N] -> the same."""
    weight = share[:, None, None, None]
    return jnp.round(weight * images + (1.0 - weight) * others)


_POSITIONS = jnp.arange(IMAGE_SIZE, dtype=jnp.float32)


def _transformed(image: jax.Array, transform: jax.Array) -> jax.Array:
    """Bilinear samples of an image [48, 48] at transformed positions; beyond an edge the edge's value."""
    a, b, c, d, e, f, g, h = transform
    y, x = jnp.meshgrid(_POSITIONS, _POSITIONS, indexing="ij")
    scale = g * x + h * y + 1.0
    last = IMAGE_SIZE - 1
    column = jnp.clip((a * x + b * y + c) / scale, 0, last)
    row = jnp.clip((d * x + e * y + f) / scale, 0, last)
    left, top = jnp.floor(column), jnp.floor(row)
    to_right, to_bottom = column - left, row - top
    left, top = left.astype(jnp.int32), top.astype(jnp.int32)
    right, bottom = jnp.minimum(left + 1, last), jnp.minimum(top + 1, last)
    upper = (1.0 - to_right) * image[top, left] + to_right * image[top, right]
    lower = (1.0 - to_right) * image[bottom, left] + to_right * image[bottom, right]
    return (1.0 - to_bottom) * upper + to_bottom * lower
