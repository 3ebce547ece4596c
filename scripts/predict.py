"""Tell the expression of faces.

    python scripts/predict.py separable-93k face.png more_faces/ archive.zip
    python scripts/predict.py separable-93k test.csv --csv --course > answers.csv

A second for a few faces with an exported model and ai-edge-litert, else several while TensorFlow starts.
"""

from fer_keras.__main__ import start

if __name__ == "__main__":
    start("predict")
