"""Answers drawn into a picture: a box about each face, and its label."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from fer_keras.errors import FerKerasError
from fer_keras.faces.expressions import Box
from fer_keras.files import replacing

COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")
"""Okabe and Ito's, which colour-blind readers tell apart; the first is for photos, and faces of a video take turns."""

_LINE = 1 / 250
_TEXT = 1 / 35
_SHADE = 32
_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


class Mark(NamedTuple):
    """What is drawn about a face: its box, the words at it, their colour."""

    box: Box
    text: str
    colour: str = COLOURS[0]


def draw_marks(picture: Image.Image, marks: Iterable[Mark]) -> Image.Image:
    """Return an RGB copy of a picture with marks in it, as thick and large as its size asks."""
    drawn = picture.convert("RGB")
    if drawn is picture:
        drawn = picture.copy()
    draw = ImageDraw.Draw(drawn)
    longer = max(drawn.size)
    line, font = max(1, round(_LINE * longer)), ImageFont.load_default(max(10, round(_TEXT * longer)))
    for (x, y, width, height), text, colour in marks:
        draw.rectangle((x, y, x + width, y + height), outline=colour, width=line)
        left, _, right, bottom = draw.textbbox((0, 0), text, font=font)
        start = min(max(0, x), max(0, drawn.width - right)), max(0, y - bottom - line)
        draw.rectangle((start[0] + left - line, start[1], start[0] + right + line, start[1] + bottom + line), colour)
        draw.text((start[0], start[1]), text, fill="white", font=font)
    return drawn


def montage(pictures: Sequence[Image.Image], columns: int, side: int) -> Image.Image:
    """Return pictures as one, in rows of `columns` on grey, each at most `side` pixels wide and high."""
    small = [picture.copy() for picture in pictures]
    for picture in small:
        picture.thumbnail((side, side))
    rows = [small[at : at + columns] for at in range(0, len(small), columns)]
    heights = [max(picture.height for picture in row) for row in rows]
    width = max(sum(picture.width for picture in row) for row in rows)
    whole = Image.new("RGB", (width, sum(heights)), (_SHADE, _SHADE, _SHADE))
    top = 0
    for row, height in zip(rows, heights, strict=True):
        left = 0
        for picture in row:
            whole.paste(picture, (left, top))
            left += picture.width
        top += height
    return whole


def require_picture_name(path: Path) -> None:
    """Check that a picture can be written to `path`.

    Raises:
        FerKerasError: it ends otherwise than in .png, .jpg, .jpeg or .webp.
    """
    if path.suffix.lower() not in _FORMATS:
        raise FerKerasError(f"{path}: expected a name that ends in {', '.join(_FORMATS)}")


def save_picture(picture: Image.Image, path: Path) -> None:
    """Write a picture in the format of its name's ending, whole or not at all.

    Raises:
        FerKerasError: as `require_picture_name`.
    """
    require_picture_name(path)
    with replacing(path) as partial:
        picture.save(partial, _FORMATS[path.suffix.lower()], quality=92)
