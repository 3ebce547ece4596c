"""Logits and probabilities of a model, whichever of them it gives."""

from collections.abc import Callable

import numpy as np

from fer_keras.labels import IMAGE_SHAPE

_PROBE_IMAGES = 8
_STEPS = 0.02
"""How far from 1 a sum of probabilities may be: a softmax in 8 bits gives multiples of 1/256."""


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return float32 probabilities of float32 logits [N, C]."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    return powers / powers.sum(axis=1, keepdims=True)


def logits_of(probabilities: np.ndarray) -> np.ndarray:
    """Return the logarithm of float32 probabilities [N, C], finite also of 0: logits of the same prediction."""
    return np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))


def gives_probabilities(forward: Callable[[np.ndarray], np.ndarray]) -> bool:
    """Tell whether what a model gives has gone through a softmax already, by its answers to random pixels.

    Args:
        forward: uint8 [N, 48, 48, 1] -> float32 [N, C].
    """
    outputs = forward(np.random.default_rng(0).integers(0, 256, (_PROBE_IMAGES, *IMAGE_SHAPE), np.uint8))
    return bool(outputs.min() >= 0.0 and np.allclose(outputs.sum(axis=1), 1.0, atol=_STEPS))


def as_logits(forward: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """Return a model that gives logits or probabilities as one of logits.

    Args:
        forward: uint8 [N, 48, 48, 1] -> float32 [N, C].
    """
    return (lambda images: logits_of(forward(images))) if gives_probabilities(forward) else forward
