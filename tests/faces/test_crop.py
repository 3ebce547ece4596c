"""The crop of a face is FER2013's: about the box that Haar's detector gives, turned upright where it leans."""

import numpy as np
import pytest
from PIL import Image
from portrait import FACE, PORTRAIT, overlap

from fer_keras.faces.crop import Crop, crop_of, cut
from fer_keras.faces.detector import FoundFace
from fer_keras.faces.finder import FaceFinder


def leaning(angle, centre=(100.0, 100.0), side=60.0):
    """A face, turned clockwise by `angle` degrees about the middle between its eyes."""
    r = np.radians(angle)
    turn = np.array([[np.cos(r), np.sin(r)], [-np.sin(r), np.cos(r)]])
    upright = np.array([(-10, 0), (10, 0), (0, 10), (0, 20), (-18, 0), (18, 0)], float)
    return FoundFace(np.array([*np.subtract(centre, side / 2), side, side]), upright @ turn + centre, 0.9)


def test_the_crop_of_the_portrait_is_that_of_the_detector_of_fer2013():
    (face,) = FaceFinder().find(Image.open(PORTRAIT))
    assert overlap(crop_of(face).box, FACE) > 0.9


@pytest.mark.parametrize(("angle", "expected"), [(0, 0), (9, 0), (-9, 0), (11, 1), (-30, -20)])
def test_a_face_that_leans_is_turned_until_it_leans_by_ten_degrees(angle, expected):
    assert crop_of(leaning(angle)).angle == pytest.approx(expected)


def test_never_and_always():
    assert crop_of(leaning(60), level_to=180.0).angle == 0.0
    assert crop_of(leaning(2), level_to=0.0).angle == pytest.approx(2)


def test_the_centre_goes_with_the_face():
    upright, turned = crop_of(leaning(0)), crop_of(leaning(90))
    assert turned.x - 100 == pytest.approx(100 - upright.y) and turned.side == upright.side


def test_a_crop_of_48_pixels_is_cut_as_it_is(rng):
    pixels = rng.integers(0, 256, (100, 120), np.uint8)
    (face,) = cut(Image.fromarray(pixels), Crop(54.0, 44.0, 48.0))
    np.testing.assert_array_equal(face[..., 0], pixels[20:68, 30:78])


def test_beyond_the_picture_its_edge_goes_on():
    pixels = np.tile(np.arange(48, dtype=np.uint8)[:, np.newaxis], (1, 48))
    face = cut(Image.fromarray(pixels), Crop(24.0, 0.0, 48.0))[0, ..., 0]
    assert (face[:24] == 0).all() and (face[24:, 5] == np.arange(24)).all()


def test_squares_of_several_scales_are_cut_about_one_centre(rng):
    picture = Image.fromarray(rng.integers(0, 256, (200, 220), np.uint8))
    crop = Crop(110.0, 95.0, 80.0, 20.0)
    squares = cut(picture, crop, (0.8, 1.2))
    for square, side in zip(squares, (64.0, 96.0), strict=True):
        np.testing.assert_array_equal(square, cut(picture, Crop(110.0, 95.0, side, 20.0))[0])


def test_a_turned_picture_gives_the_upright_crop():
    (face,) = FaceFinder().find(picture := Image.open(PORTRAIT).convert("L"))
    crop = crop_of(face)
    turned = picture.rotate(-25, Image.Resampling.BICUBIC, center=(crop.x, crop.y))
    upright, levelled = (
        cut(image, c)[0].astype(int) for image, c in ((picture, crop), (turned, Crop(crop.x, crop.y, crop.side, 25.0)))
    )
    centre = slice(8, 40)
    assert np.abs(upright - levelled)[centre, centre].mean() < 3
    assert np.abs(upright - cut(turned, crop)[0])[centre, centre].mean() > 15
