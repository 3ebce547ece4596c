"""Training on an accelerator through Keras's JAX backend: the same runs as `fer_keras.training`, several side by side.

TensorFlow is not imported here, so a machine with JAX alone will do.
"""
