"""Which floats this machine computes in best."""

from pathlib import Path

import keras


def resolve_precision(precision: str) -> str:
    """Return what `auto` stands for on this machine under Keras's backend; another precision as it is."""
    if precision != "auto":
        return precision
    return "mixed_bfloat16" if has_bfloat16() else "float32"


def has_bfloat16() -> bool:
    """Tell whether Keras's backend computes in bfloat16 here.

    Accelerators do, and under TensorFlow processors with instructions for it.
    """
    if keras.backend.backend() == "jax":
        import jax

        return jax.default_backend() != "cpu"
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU")) or _processor_has_bfloat16()


def _processor_has_bfloat16() -> bool:
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:  # not Linux
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags
