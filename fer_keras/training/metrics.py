"""Metrics that Keras does not have."""

import keras
import tensorflow as tf

from fer_keras.distill.losses import own_labels
from fer_keras.labels import NUM_CLASSES


@keras.saving.register_keras_serializable(package="fer_keras")
class LabelledAccuracy(keras.metrics.SparseCategoricalAccuracy):
    """Accuracy over the labelled images: one with label -1 is passed over."""

    def __init__(self, name: str = "accuracy", **kwargs: object) -> None:
        super().__init__(name=name, **kwargs)

    def update_state(self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: tf.Tensor | None = None) -> None:
        """Count a batch: labels [B] or, of mixed images, [B, 3]; logits [B, 7], weights [B] or None."""
        labels = own_labels(tf.convert_to_tensor(y_true))
        super().update_state(tf.maximum(labels, 0), y_pred, _labelled_weights(labels, sample_weight))


@keras.saving.register_keras_serializable(package="fer_keras")
class MacroF1(keras.metrics.Metric):
    """The unweighted mean of the classes' F1 scores, from logits and sparse labels.

    Its state is the confusion matrix `confusion` [7, 7] (rows: true, columns: predicted), which the
    callbacks draw. A class that is neither present nor predicted counts 0, as
    scikit-learn's f1_score has it with all seven labels given.
    """

    def __init__(self, name: str = "macro_f1", **kwargs: object) -> None:
        super().__init__(name=name, **kwargs)
        self.confusion = self.add_weight(shape=(NUM_CLASSES, NUM_CLASSES), initializer="zeros", name="confusion")

    def update_state(self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: tf.Tensor | None = None) -> None:
        """Count a batch: labels [B] (-1 is passed over) or [B, 3], logits [B, 7], weights [B] or None."""
        labels = own_labels(tf.convert_to_tensor(y_true))
        weights = _labelled_weights(labels, sample_weight)
        counts = tf.math.confusion_matrix(
            tf.maximum(labels, 0), tf.argmax(y_pred, -1), NUM_CLASSES, weights, tf.float32
        )
        self.confusion.assign_add(counts)

    def result(self) -> tf.Tensor:
        """Return the macro F1 so far, a scalar float32."""
        confusion = tf.convert_to_tensor(self.confusion)
        hits = tf.linalg.diag_part(confusion)
        total = tf.reduce_sum(confusion, 0) + tf.reduce_sum(confusion, 1)
        return tf.reduce_mean(tf.math.divide_no_nan(2.0 * hits, total))


def _labelled_weights(labels: tf.Tensor, sample_weight: tf.Tensor | None) -> tf.Tensor:
    """Float32 [B]: the sample weights, or ones, and 0 for an unlabelled image."""
    weights = tf.cast(labels >= 0, tf.float32)
    return weights if sample_weight is None else weights * tf.reshape(tf.cast(sample_weight, tf.float32), [-1])
