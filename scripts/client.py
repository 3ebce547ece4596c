"""Ask a TF Serving for the expression of faces, by gRPC.

    python scripts/client.py separable-93k face.png more_faces/ --server localhost:8500

Seconds, most of them TensorFlow's start.
"""

from fer_keras.__main__ import start

if __name__ == "__main__":
    start("client")
