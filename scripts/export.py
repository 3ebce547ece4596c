"""Export a model for TF Serving, LiteRT and ONNX Runtime, each checked to answer as the Keras model does.

    python scripts/export.py saved_models/separable-93k --data fer2013.zip

Under a minute on 2 cores for a student, a few for a large teacher.
"""

from fer_keras.__main__ import start

if __name__ == "__main__":
    start("export")
