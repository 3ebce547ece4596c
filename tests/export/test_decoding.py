"""The served graph makes of a file the pixels that Pillow makes of it."""

import io

import numpy as np
import pytest
from PIL import ExifTags, Image

from fer_keras.data.image import decode_face
from fer_keras.data.synthetic import draw_faces
from fer_keras.export.saved_model import decode_face_in_graph


def encoded(mode, size, kind, seed=0):
    """A drawn face in false colours at `size`, as a file's bytes."""
    faces = draw_faces(np.array([3, 4, 5]), seed=seed)[..., 0]
    image = Image.fromarray(np.moveaxis(faces, 0, -1)).resize(size, Image.Resampling.BICUBIC)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    elif mode != "RGB":
        image = image.convert(mode)
    file = io.BytesIO()
    image.save(file, kind, **({"quality": 95} if kind == "JPEG" else {}))
    return file.getvalue()


@pytest.mark.parametrize(
    ("mode", "size", "kind", "most"),
    [
        ("L", (48, 48), "PNG", 0),
        ("RGB", (48, 48), "PNG", 0),
        ("RGBA", (48, 48), "PNG", 0),
        ("P", (48, 48), "PNG", 0),
        ("LA", (48, 48), "PNG", 0),
        ("I;16", (48, 48), "PNG", 0),
        ("L", (48, 48), "JPEG", 1),
        ("RGB", (48, 48), "JPEG", 2),
        ("L", (200, 160), "PNG", 1),
        ("RGB", (300, 100), "PNG", 1),
        ("L", (20, 31), "PNG", 1),
        ("RGB", (200, 160), "JPEG", 2),
    ],
)
def test_the_same_pixels(mode, size, kind, most):
    data = encoded(mode, size, kind)
    expected, _ = decode_face(data, "it", resize=True)
    found = decode_face_in_graph(data).numpy()
    assert found.shape == (48, 48, 1) and found.dtype == np.float32
    np.testing.assert_array_equal(found, np.rint(found))
    assert np.abs(found[..., 0] - expected).max() <= most


def test_pixels_are_taken_as_stored():
    image = Image.open(io.BytesIO(encoded("L", (48, 48), "PNG")))
    plain, turned, exif = io.BytesIO(), io.BytesIO(), Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    image.save(plain, "JPEG")
    image.save(turned, "JPEG", exif=exif)
    assert plain.getvalue() != turned.getvalue()
    found = [decode_face_in_graph(file.getvalue()).numpy() for file in (plain, turned)]
    np.testing.assert_array_equal(*found)
