"""The losses of distillation, as Keras losses: a value an image, then the weighted mean over the batch."""

import keras
import tensorflow as tf

from fer_keras.labels import NUM_CLASSES


@keras.saving.register_keras_serializable(package="fer_keras")
class LabelCrossEntropy(keras.losses.Loss):
    """Cross-entropy of logits [B, 7] with sparse labels [B]; an unlabelled image (-1) costs nothing.

    Args:
        label_smoothing: share of the target spread over all classes (arXiv 1512.00567). Defaults to 0.
    """

    def __init__(self, label_smoothing: float = 0.0, name: str = "label_cross_entropy", **kwargs: object) -> None:
        super().__init__(name=name, **kwargs)
        self.label_smoothing = label_smoothing

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Return float32 [B]."""
        labels = tf.reshape(tf.cast(y_true, tf.int32), [-1])
        targets = tf.one_hot(labels, NUM_CLASSES)  # a row of zeros for -1
        labelled = tf.reduce_sum(targets, -1, keepdims=True)
        targets = targets * (1.0 - self.label_smoothing) + labelled * self.label_smoothing / NUM_CLASSES
        return -tf.reduce_sum(targets * tf.nn.log_softmax(tf.cast(y_pred, tf.float32)), -1)

    def get_config(self) -> dict:
        """Return what the constructor takes."""
        return {**super().get_config(), "label_smoothing": self.label_smoothing}


def softened_probabilities(teacher_logits: tf.Tensor, temperature: float) -> tf.Tensor:
    """Return the ensemble's opinion: the mean of its members' softmax(logits / T).

    Args:
        teacher_logits: [B, M, 7], any float dtype.
        temperature: T.

    Returns:
        float32 [B, 7].
    """
    return tf.reduce_mean(tf.nn.softmax(tf.cast(teacher_logits, tf.float32) / temperature), axis=1)


@keras.saving.register_keras_serializable(package="fer_keras")
class SoftenedKL(keras.losses.Loss):
    """T^2 KL(teacher || student) between softened class probabilities.

    The teacher's are the mean over its M members of softmax(teacher / T), the student's softmax(student / T).
    The factor T^2 keeps the gradient's size as T changes.

    Reference: Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", 2015,
    arXiv 1503.02531.

    Args:
        temperature: T. Defaults to 2.5.
    """

    def __init__(self, temperature: float = 2.5, name: str = "softened_kl", **kwargs: object) -> None:
        super().__init__(name=name, **kwargs)
        self.temperature = temperature

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Return float32 [B] from the teacher's logits [B, M, 7] and the student's [B, 7]."""
        teacher = softened_probabilities(y_true, self.temperature)
        student = tf.nn.log_softmax(tf.cast(y_pred, tf.float32) / self.temperature)
        divergence = tf.reduce_sum(tf.math.xlogy(teacher, teacher) - teacher * student, -1)
        return self.temperature**2 * divergence

    def get_config(self) -> dict:
        """Return what the constructor takes."""
        return {**super().get_config(), "temperature": self.temperature}
