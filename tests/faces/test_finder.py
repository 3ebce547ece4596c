"""Small faces are found in tiles, each face once."""

import numpy as np
import pytest
from drawn_video import HAPPY, scene
from PIL import Image
from portrait import FACE, PORTRAIT

from fer_keras.faces.finder import FaceFinder, _is_whole, _tiles


@pytest.fixture(scope="module")
def head():
    x, y, width, height = FACE
    return Image.open(PORTRAIT).convert("RGB").crop((x - 60, y - 60, x + width + 60, y + height + 60)).resize((84, 84))


def test_a_face_of_five_percent_is_found_in_tiles_alone(head):
    photo = scene((head, 1000, 600), size=(1280, 886))
    assert FaceFinder(tiles=False).find(photo) == []
    (face,) = FaceFinder().find(photo)
    assert abs(face.points[2][0] - 1034) < 8 and abs(face.box[2] - 53) < 12


def test_a_face_on_the_border_of_tiles_is_found_once(head):
    photo = scene(*((head, x, 300) for x in (342, 854)), size=(1280, 886))
    assert len(FaceFinder().find(photo)) == 2


@pytest.mark.parametrize("size", [(1280, 886), (640, 2000), (4000, 3000), (700, 100)])
def test_tiles_cover_the_picture(size):
    covered = np.zeros(size[::-1], bool)
    for left, top, right, bottom in _tiles(*size):
        assert 0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]
        covered[top:bottom, left:right] = True
    assert covered.all()


def test_only_a_box_cut_by_the_tile_is_not_whole():
    tile, size = (100, 0, 200, 100), (400, 100)
    assert _is_whole(np.array([10, 50, 30, 60]), tile, size)  # beyond the bottom of the picture
    assert not _is_whole(np.array([-2, 10, 30, 30]), tile, size)
    assert not _is_whole(np.array([80, 10, 30, 30]), tile, size)


def test_a_near_face_is_found_once_by_both_networks():
    assert len(FaceFinder().find(scene((HAPPY, 100, 60)))) == 1
