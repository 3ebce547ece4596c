"""Tell the expression of faces.

    python scripts/predict.py face.png more_faces/ archive.zip
    python scripts/predict.py separable-25k test.csv --csv --course > answers.csv

Half a second for a few faces with an exported model, else several while TensorFlow starts.
"""

from fer_keras.__main__ import start

if __name__ == "__main__":
    start("predict")
