"""The loss of labels."""

import keras
from keras import KerasTensor, ops


@keras.saving.register_keras_serializable(package="fer_keras")
class LabelCrossEntropy(keras.losses.Loss):
    """Cross-entropy of logits [B, C] with soft targets [B, C]; an unlabelled image, a row of zeros, costs nothing.

    Of mixed images it is so the mix of both labels' cross-entropies by their shares (mixup, arXiv 1710.09412).

    Args:
        label_smoothing: share of the target spread over all classes (arXiv 1512.00567). Defaults to 0.
    """

    def __init__(self, label_smoothing: float = 0.0, name: str = "label_cross_entropy", **kwargs: object) -> None:
        super().__init__(name=name, **kwargs)
        self.label_smoothing = label_smoothing

    def call(self, y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        """Return float32 [B]."""
        targets = ops.cast(y_true, "float32")
        labelled = ops.sum(targets, -1, keepdims=True)
        targets = targets * (1.0 - self.label_smoothing) + labelled * self.label_smoothing / targets.shape[-1]
        return -ops.sum(targets * ops.log_softmax(ops.cast(y_pred, "float32")), -1)

    def get_config(self) -> dict:
        """Return what the constructor takes."""
        return {**super().get_config(), "label_smoothing": self.label_smoothing}
