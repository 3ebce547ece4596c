"""Facial-expression classifiers small enough for any device, distilled from large ones.

    classifier = fer_keras.load()
    for answer in classifier.predict(["face.png"]):
        print(answer.label, answer.confidence)

The command `fer-keras` does the rest; `fer-keras --help` lists what.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fer_keras.errors import FerKerasError
    from fer_keras.predict import Classifier, list_models, load
    from fer_keras.probabilities import Prediction, Predictions

__version__ = "0.1.0"

DEFAULT_MODEL = "separable-93k"
"""What `load()` takes: the most accurate student."""
TINY_MODEL = "separable-25k"
"""The smallest one; the wheel has both."""

__all__ = ["Classifier", "FerKerasError", "Prediction", "Predictions", "list_models", "load"]


def __getattr__(name: str) -> Any:
    """Import what users call once they do: importing fer_keras alone takes no time."""
    if name not in __all__:
        raise AttributeError(f"module 'fer_keras' has no attribute {name!r}")
    from fer_keras import predict

    return getattr(predict, name)


def __dir__() -> list[str]:
    """Name also what is not imported yet, for `help` and completion."""
    return sorted({*globals(), *__all__})
