"""What several losses compute."""

from keras import KerasTensor, ops

TINY = 1e-8
"""Keeps logarithms and quotients finite."""


def kl(p: KerasTensor, log_q: KerasTensor) -> KerasTensor:
    """KL(p || q) along the last axis; a class that p finds impossible costs nothing."""
    impossible = ops.equal(p, 0.0)  # not p > 0: what is no number must not pass for nothing
    log_p = ops.log(ops.where(impossible, 1.0, p))
    return ops.sum(ops.where(impossible, 0.0, p * (log_p - ops.where(impossible, 0.0, log_q))), -1)
