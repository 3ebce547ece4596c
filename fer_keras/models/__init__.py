"""The families of classifiers, their presets and their budgets."""

from fer_keras.models.registry import FAMILIES, PRESETS, build, from_preset

__all__ = ["FAMILIES", "PRESETS", "build", "from_preset"]
