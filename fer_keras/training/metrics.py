"""Metrics that Keras does not have."""

from collections.abc import Sequence

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="fer_keras")
class LabelledAccuracy(keras.metrics.Metric):
    """The share of the labelled images whose likeliest class is the one with the largest share of the target.

    An image counts as labelled where its target [C] sums to more than a half: one that is mixed with a labelled one has
    less, if it has no label itself. Of several heads it is the mean of their shares.

    Args:
        heads: the first column of each head and the one after its last. Defaults to one head of all columns.
    """

    def __init__(
        self, heads: Sequence[tuple[int, int | None]] = ((0, None),), name: str = "accuracy", **kwargs: object
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.heads = [slice(*ends) for ends in heads]
        self.right = self.add_weight(shape=(len(self.heads),), initializer="zeros", name="right")
        self.count = self.add_weight(shape=(len(self.heads),), initializer="zeros", name="count")

    def update_state(self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: tf.Tensor | None = None) -> None:
        """Count a batch: targets [B, C], logits [B, C], weights [B] or None."""
        weights = [_labelled_weights(y_true[:, head], sample_weight) for head in self.heads]
        right = [
            tf.cast(tf.argmax(y_true[:, head], -1) == tf.argmax(y_pred[:, head], -1), tf.float32) for head in self.heads
        ]
        self.right.assign_add([tf.reduce_sum(hits * counted) for hits, counted in zip(right, weights, strict=True)])
        self.count.assign_add([tf.reduce_sum(counted) for counted in weights])

    def result(self) -> tf.Tensor:
        """Return the accuracy so far, a scalar float32."""
        return tf.reduce_mean(tf.math.divide_no_nan(tf.convert_to_tensor(self.right), tf.convert_to_tensor(self.count)))

    def get_config(self) -> dict[str, object]:
        """Return what the constructor takes."""
        return {**super().get_config(), "heads": [(head.start, head.stop) for head in self.heads]}


@keras.saving.register_keras_serializable(package="fer_keras")
class MacroF1(keras.metrics.Metric):
    """The unweighted mean of the classes' F1 scores, from logits and soft targets.

    Its state is the confusion matrix `confusion` [C, C] (rows: true, columns: predicted), which the
    callbacks draw. A class that is neither present nor predicted counts 0, as
    scikit-learn's f1_score has it with all labels given.

    Args:
        num_classes: C; of more columns than these, as of several heads, it counts the first.
    """

    def __init__(self, num_classes: int, name: str = "macro_f1", **kwargs: object) -> None:
        super().__init__(name=name, **kwargs)
        self.num_classes = num_classes
        self.confusion = self.add_weight(shape=(num_classes, num_classes), initializer="zeros", name="confusion")

    def update_state(self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: tf.Tensor | None = None) -> None:
        """Count a batch: targets [B, C] (zeros are passed over), logits [B, C], weights [B] or None."""
        y_true, y_pred = y_true[:, : self.num_classes], y_pred[:, : self.num_classes]
        weights = _labelled_weights(y_true, sample_weight)
        labels, guesses = tf.argmax(y_true, -1), tf.argmax(y_pred, -1)
        self.confusion.assign_add(tf.math.confusion_matrix(labels, guesses, self.num_classes, weights, tf.float32))

    def result(self) -> tf.Tensor:
        """Return the macro F1 so far, a scalar float32."""
        confusion = tf.convert_to_tensor(self.confusion)
        hits = tf.linalg.diag_part(confusion)
        total = tf.reduce_sum(confusion, 0) + tf.reduce_sum(confusion, 1)
        return tf.reduce_mean(tf.math.divide_no_nan(2.0 * hits, total))

    def get_config(self) -> dict[str, object]:
        """Return what the constructor takes."""
        return {**super().get_config(), "num_classes": self.num_classes}


def _labelled_weights(targets: tf.Tensor, sample_weight: tf.Tensor | None) -> tf.Tensor:
    """Float32 [B]: the sample weights, or ones, and 0 for an unlabelled image."""
    weights = tf.cast(tf.reduce_sum(tf.cast(targets, tf.float32), -1) > 0.5, tf.float32)
    return weights if sample_weight is None else weights * tf.reshape(tf.cast(sample_weight, tf.float32), [-1])
