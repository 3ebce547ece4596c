"""Readers: every source format in, one `FaceData` out."""

from fer_keras.data.face_data import FaceData
from fer_keras.data.source import load_faces

__all__ = ["FaceData", "load_faces"]
