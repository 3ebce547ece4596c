"""One drawn face: facial actions, identity and pose in, a 48x48 grey picture out.

An expression is drawn as the facial action units (AU) that make it, so that the classes differ as
faces do: by where brows, lids, nose and mouth go, not by a picture of their own.

Reference: Ekman and Friesen, "Facial Action Coding System", 1978.
"""

import math

import numpy as np
from PIL import Image, ImageDraw

from fer_keras.labels import IMAGE_SIZE

OVERSAMPLE = 4
"""Drawn this many times larger, then averaged down: Pillow draws without anti-aliasing."""

CANVAS = IMAGE_SIZE * OVERSAMPLE

_T = np.linspace(-1.0, 1.0, 11)
_BULGE = 1.0 - _T**2
_ANGLES = np.linspace(0.0, 2.0 * math.pi, 24, endpoint=False)
_CIRCLE = np.stack([np.sin(_ANGLES), -np.cos(_ANGLES)], axis=1)


class _Pen:
    """Draws in face units: the origin between eyes and mouth, the chin near (0, 1), y downwards."""

    def __init__(self, face: dict[str, float]) -> None:
        self.image = Image.new("L", (CANVAS, CANVAS), int(face["background"]))
        self._draw = ImageDraw.Draw(self.image)
        size = face["scale"] * CANVAS / 2
        c, s = size * math.cos(face["roll"]), size * math.sin(face["roll"])
        self._matrix = np.array([[c, s], [-s, c]])
        self._offset = (1.0 + np.array([face["shift_x"], face["shift_y"]])) * CANVAS / 2
        self._turn = np.array([face["yaw"], face["pitch"]])
        self._unit = size

    def _place(self, points: np.ndarray) -> list[float]:
        # A turned head moves what stands out of the picture plane (the nose most) and leaves its rim.
        depth = np.sqrt(np.maximum(0.0, 1.0 - (points**2).sum(axis=1, keepdims=True)))
        return ((points + depth * self._turn) @ self._matrix + self._offset).ravel().tolist()

    def area(self, points: np.ndarray, tone: float) -> None:
        self._draw.polygon(self._place(points), fill=_grey(tone))

    def oval(self, x: float, y: float, width: float, height: float, tone: float) -> None:
        self.area(_CIRCLE * (width, height) + (x, y), tone)

    def stroke(self, points: np.ndarray, tone: float, width: float) -> None:
        pixels = max(1, round(width * self._unit))
        self._draw.line(self._place(points), fill=_grey(tone), width=pixels, joint="curve")


def draw_face(face: dict[str, float], action: dict[str, float]) -> np.ndarray:
    """Draw one face without light or noise, uint8 [48, 48].

    `face` is identity and pose, a number for each name in `expressions.FACE_RANGES`; `action` is the intensity, about 0
    to 1, of each of `expressions.ACTION_UNITS`.
    """
    pen = _Pen(face)
    _draw_head(pen, face, action)
    for side in (-1.0, 1.0):
        _draw_eye(pen, face, action, side)
        _draw_brow(pen, face, action, side)
    _draw_nose(pen, face, action)
    _draw_mouth(pen, face, action)
    _draw_extras(pen, face)
    return np.asarray(pen.image.reduce(OVERSAMPLE))


def _grey(tone: float) -> int:
    return int(min(255.0, max(0.0, tone)))


def _curve(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.stack([x, y], axis=1)


def _ring(x: np.ndarray, above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Close the area between two curves over the same x."""
    return np.concatenate([_curve(x, above), _curve(x, below)[::-1]])


def _draw_head(pen: _Pen, face: dict[str, float], action: dict[str, float]) -> None:
    skin, wide = face["skin"], face["face_width"]
    pen.oval(face["clutter_x"], face["clutter_y"], 0.6, 0.9, face["clutter"])
    long_hair = face["hair_length"]
    pen.oval(0.0, -0.28 + 0.3 * long_hair, wide + 0.14, 0.92 + 0.45 * long_hair, face["hair"])
    pen.area(np.array([[-0.4, 0.6], [0.4, 0.6], [0.5, 1.8], [-0.5, 1.8]]), skin * 0.72)
    for side in (-1.0, 1.0):
        pen.oval(side * wide, 0.02, 0.1, 0.2, skin * 0.85)
    x, y = _CIRCLE.T
    below = np.maximum(y, 0.0)
    jaw = 1.0 + 0.14 * action["jaw_drop"]
    outline = _curve(x * wide * (1.0 - face["jaw_taper"] * below**2), np.where(y > 0, y * jaw, y * 0.95))
    pen.area(outline, skin)
    top = face["hairline"]
    arc = np.linspace(-1.0, 1.0, 11) * (wide + 0.02)
    crown = -1.02 * np.sqrt(np.maximum(0.0, 1.0 - (arc / (wide + 0.04)) ** 2)) - 0.03
    fringe = top + face["fringe"] * arc + 0.35 * (arc / wide) ** 4
    pen.area(_ring(arc, np.minimum(crown, fringe), fringe), face["hair"])


def _draw_eye(pen: _Pen, face: dict[str, float], action: dict[str, float], side: float) -> None:
    x0, y0, half, skin = side * face["eye_gap"], face["eye_y"], face["eye_width"], face["skin"]
    squint = 0.5 * action["lid_tighten"] + 0.35 * action["cheek_raise"] + 0.3 * action["nose_wrinkle"]
    upper = face["eye_open"] * max(0.12, 1.0 + 0.75 * action["lid_raise"] - squint)
    lower = 0.7 * face["eye_open"] * max(0.05, 1.0 + 0.2 * action["lid_raise"] - 1.3 * squint)
    x = x0 + half * _T
    above, below = y0 - upper * _BULGE, y0 + lower * _BULGE
    pen.area(_ring(x, above - 0.09 * _BULGE - 0.02, below + 0.07 * _BULGE + 0.02), skin * 0.86)
    pen.area(_ring(x, above, below), min(245.0, skin * 0.5 + 130.0))
    # The lids cut the iris off: each of its points stays between them.
    iris_x = np.clip(x0 + face["gaze"] + 0.085 * _CIRCLE[:, 0], x[0], x[-1])
    bulge = 1.0 - ((iris_x - x0) / half) ** 2
    iris_y = np.clip(y0 - 0.01 + 0.085 * _CIRCLE[:, 1], y0 - upper * bulge, y0 + lower * bulge)
    pen.area(_curve(iris_x, iris_y), face["iris"])
    pen.stroke(_curve(x, above), min(skin, 90.0) * 0.45, 0.035)
    pen.stroke(_curve(x, below), skin * 0.68, 0.018)
    pouch = below + 0.08 + 0.05 * _BULGE - 0.05 * action["cheek_raise"]
    pen.stroke(_curve(x, pouch), skin * (0.92 - 0.25 * action["cheek_raise"]), 0.02)


def _draw_brow(pen: _Pen, face: dict[str, float], action: dict[str, float], side: float) -> None:
    lowered, wrinkled = action["brow_lower"], action["nose_wrinkle"]
    rest = face["eye_y"] - face["brow_height"]
    inner = rest - 0.17 * action["inner_brow_raise"] + 0.13 * lowered + 0.05 * wrinkled + face["brow_tilt"]
    outer = rest + 0.05 - 0.15 * action["outer_brow_raise"] + 0.03 * lowered - face["brow_tilt"]
    middle = 0.5 * (inner + outer) - face["brow_arch"] - 0.05 * action["outer_brow_raise"] + 0.03 * lowered
    start = face["eye_gap"] - 0.22 - 0.05 * lowered
    x = side * (start + 0.24 * (_T + 1.0))
    y = 0.5 * (inner + outer) + 0.5 * (outer - inner) * _T + (middle - 0.5 * (inner + outer)) * _BULGE
    thick = face["brow_thick"] * (1.0 - 0.35 * _T)
    pen.area(_ring(x, y - thick, y + thick), face["brow"] * face["skin"])
    if lowered > 0.25:
        frown = _curve(np.full(2, side * 0.06), np.array([inner - 0.08, inner + 0.1]))
        pen.stroke(frown, face["skin"] * (1.0 - 0.3 * lowered), 0.03)


def _draw_nose(pen: _Pen, face: dict[str, float], action: dict[str, float]) -> None:
    skin, wide, wrinkled = face["skin"], face["nose_width"], action["nose_wrinkle"]
    tip = face["nose_y"] - 0.05 * wrinkled
    bridge = np.array([[-0.05, -0.2], [0.05, -0.2], [0.6 * wide, tip], [-0.6 * wide, tip]])
    pen.area(bridge, min(250.0, skin * 1.05))
    pen.oval(0.0, tip, wide, 0.08, skin * 0.93)
    pen.oval(0.0, tip - 0.03, 0.6 * wide, 0.06, min(250.0, skin * 1.06))
    fold = max(action["cheek_raise"], wrinkled, 0.8 * action["corner_pull"], 0.7 * action["lip_raise"])
    for side in (-1.0, 1.0):
        pen.oval(side * 0.5 * wide, tip + 0.045, 0.3 * wide, 0.025, skin * 0.4)
        depth = min(0.45, 0.05 + face["wrinkles"] + 0.3 * fold)
        bend = np.array([[1.05 * wide, tip], [0.26, tip + 0.1], [0.36 + 0.06 * fold, face["mouth_y"]]])
        pen.stroke(bend * (side, 1.0), skin * (1.0 - depth), 0.03)
        if wrinkled > 0.2:
            for row in (-0.14, -0.06, 0.02):
                crease = np.array([[0.02, row], [0.1, row - 0.04], [0.15, row + 0.03]]) * (side, 1.0)
                pen.stroke(crease, skin * (1.0 - 0.42 * wrinkled), 0.025)


def _draw_mouth(pen: _Pen, face: dict[str, float], action: dict[str, float]) -> None:
    skin, tight = face["skin"], action["lip_tighten"]
    stretch = 0.28 * action["corner_pull"] + 0.3 * action["lip_stretch"] - 0.22 * tight
    half = face["mouth_width"] * (1.0 + stretch - 0.2 * action["jaw_drop"])
    centre = face["mouth_y"] + 0.05 * action["corner_pull"] - 0.05 * action["corner_depress"]
    corner = face["mouth_y"] - face["mouth_rest"] - 0.13 * action["corner_pull"] + 0.13 * action["corner_depress"]
    middle = corner + (centre - corner) * _BULGE
    x = half * _T
    up = middle - (0.03 * action["lips_part"] + 0.07 * action["lip_raise"]) * _BULGE
    down = 0.11 * action["lips_part"] + 0.3 * action["jaw_drop"] + 0.06 * action["lip_depress"]
    down = middle + down * (1.0 - _T**4)
    lip = face["lip"] * max(0.25, 1.0 - 0.7 * tight)
    full = lip * np.sqrt(_BULGE)
    pen.area(_ring(x, up - full, down + 1.3 * full), skin * face["lip_tone"])
    pen.stroke(_curve(x, middle), skin * 0.4, 0.025)
    pen.area(_ring(x, up, down), min(45.0, skin * 0.4))
    if np.max(down - up) > 0.07:
        teeth = up + np.minimum(0.55 * (down - up), 0.09)
        pen.area(_ring(0.9 * x, up, teeth), face["teeth"])
    shadow = down[5] + 1.3 * lip + 0.07
    pen.stroke(np.array([[-0.12, shadow], [0.12, shadow]]), skin * 0.84, 0.04)


def _draw_extras(pen: _Pen, face: dict[str, float]) -> None:
    if face["glasses"] > 0.85:
        y, tone = face["eye_y"] + 0.02, face["frame"]
        for side in (-1.0, 1.0):
            rim = _CIRCLE * (0.25, 0.2) + (side * face["eye_gap"], y)
            pen.stroke(np.concatenate([rim, rim[:1]]), tone, 0.035)
            ends = np.array([[face["eye_gap"] + 0.25, y], [face["face_width"], y - 0.05]])
            pen.stroke(ends * (side, 1.0), tone, 0.035)
        pen.stroke(np.array([[-0.13, y - 0.03], [0.13, y - 0.03]]), tone, 0.035)
    if face["moustache"] > 0.92:
        x = 0.26 * _T
        y = 0.5 * (face["nose_y"] + face["mouth_y"]) + 0.02
        pen.area(_ring(x, y - 0.03 * _BULGE, y + 0.05 + 0.03 * _T**2), face["hair"])
    if face["hand"] > 0.96:
        pen.oval(face["hand_x"], face["hand_y"], 0.32, 0.44, face["skin"] * 0.6)
        pen.oval(face["hand_x"], face["hand_y"], 0.28, 0.4, face["skin"] * 0.95)
