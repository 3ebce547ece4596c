"""Two heads on one body: FER2013's seven labels, then FER+'s eight shares of votes, in one row of logits [B, 15]."""

import keras
from keras import ops

HEADS = (slice(0, 7), slice(7, 15))


@keras.saving.register_keras_serializable(package="fer_keras")
class HeadsCrossEntropy(keras.losses.Loss):
    """The sum over the heads of the cross-entropy with soft targets; a row of zeros costs nothing."""

    def __init__(self, label_smoothing: float = 0.0, name: str = "heads_cross_entropy", **kwargs: object) -> None:
        super().__init__(name=name, **kwargs)
        self.label_smoothing = label_smoothing

    def call(self, y_true, y_pred):  # noqa: ANN001, ANN201
        """Return float32 [B] from [B, 15] twice; the labels are smoothed, the votes are soft already."""
        total = 0.0
        for head, smoothing in zip(HEADS, (self.label_smoothing, 0.0), strict=True):
            targets = ops.cast(y_true[:, head], "float32")
            mass = ops.sum(targets, -1, keepdims=True)
            targets = targets * (1.0 - smoothing) + mass * smoothing / targets.shape[-1]
            total = total - ops.sum(targets * ops.log_softmax(ops.cast(y_pred[:, head], "float32")), -1)
        return total


@keras.saving.register_keras_serializable(package="fer_keras")
class HeadAccuracy(keras.metrics.Mean):
    """Accuracy of one head, or with `head` None the mean of both, over the images that have a target there."""

    def __init__(self, head: int = 0, name: str = "head_accuracy", **kwargs: object) -> None:
        super().__init__(name=name, **kwargs)
        self.head = head

    def update_state(self, y_true, y_pred, sample_weight=None):  # noqa: ANN001, ANN201
        """Count a batch."""
        head = HEADS[self.head]
        targets, logits = y_true[:, head], y_pred[:, head]
        right = ops.equal(ops.argmax(targets, -1), ops.argmax(logits, -1))
        return super().update_state(right, ops.cast(ops.sum(targets, -1) > 0, "float32"))

    def get_config(self):  # noqa: ANN201
        """Return what the constructor takes."""
        return {"head": self.head, "name": self.name, "dtype": self.dtype}
