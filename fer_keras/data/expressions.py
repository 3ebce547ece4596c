"""What drawn faces are made of: what each expression does, and within what ranges faces differ otherwise.

References: Ekman and Friesen, "Facial Action Coding System", 1978, and its EMFACS table of the actions of each emotion.
"""

import math

CLASS_SHARES: tuple[float, ...] = (0.14, 0.07, 0.14, 0.21, 0.16, 0.13, 0.15)
"""Share of each class, in the order of `FER2013`'s: FER2013's order of sizes, but milder."""

ACTION_UNITS: tuple[str, ...] = (
    "inner_brow_raise",  # AU1
    "outer_brow_raise",  # AU2
    "brow_lower",  # AU4
    "lid_raise",  # AU5
    "cheek_raise",  # AU6
    "lid_tighten",  # AU7
    "nose_wrinkle",  # AU9
    "lip_raise",  # AU10
    "corner_pull",  # AU12
    "corner_depress",  # AU15
    "lip_depress",  # AU16
    "lip_stretch",  # AU20
    "lip_tighten",  # AU23
    "lips_part",  # AU25
    "jaw_drop",  # AU26
)

EXPRESSION_ACTIONS: dict[str, dict[str, float]] = {
    "angry": {"brow_lower": 1.0, "lid_raise": 0.4, "lid_tighten": 0.6, "lip_tighten": 0.9},
    "disgust": {
        "nose_wrinkle": 1.0, "lip_raise": 0.7, "corner_depress": 0.6, "lip_depress": 0.5, "brow_lower": 0.3,
    },
    "fear": {
        "inner_brow_raise": 0.9, "outer_brow_raise": 0.4, "brow_lower": 0.5, "lid_raise": 0.8,
        "lip_stretch": 0.9, "lips_part": 0.5, "jaw_drop": 0.3,
    },
    "happy": {"cheek_raise": 0.8, "corner_pull": 1.0, "lips_part": 0.5},
    "sad": {"inner_brow_raise": 0.8, "brow_lower": 0.4, "corner_depress": 1.0},
    "surprise": {
        "inner_brow_raise": 0.9, "outer_brow_raise": 1.0, "lid_raise": 0.8, "lips_part": 0.4, "jaw_drop": 0.9,
    },
    "neutral": {},
    "contempt": {"corner_pull": 0.5, "lid_tighten": 0.7, "lip_tighten": 0.6},
}  # fmt: skip
"""Mean intensity of each action in each expression, FER2013's and FER+'s eighth; an action that is not named is 0."""

FACE_RANGES: dict[str, tuple[float, float]] = {
    # identity
    "skin": (110.0, 220.0), "hair": (15.0, 150.0), "background": (10.0, 245.0),
    "face_width": (0.68, 0.84), "jaw_taper": (0.1, 0.45), "hairline": (-0.85, -0.6), "fringe": (-0.2, 0.2),
    "hair_length": (-0.3, 1.0), "eye_gap": (0.31, 0.4), "eye_y": (-0.2, -0.08), "eye_width": (0.15, 0.2),
    "eye_open": (0.07, 0.12), "gaze": (-0.05, 0.05), "iris": (15.0, 85.0), "brow_height": (0.22, 0.34),
    "brow_tilt": (-0.025, 0.025), "brow_arch": (0.0, 0.06), "brow_thick": (0.022, 0.06), "brow": (0.2, 0.6),
    "nose_width": (0.1, 0.17), "nose_y": (0.17, 0.28), "mouth_y": (0.5, 0.6), "mouth_width": (0.25, 0.35),
    "mouth_rest": (-0.02, 0.02), "lip": (0.03, 0.06), "lip_tone": (0.55, 0.85), "teeth": (170.0, 250.0),
    "wrinkles": (0.0, 0.1),
    # what may be in the way
    "glasses": (0.0, 1.0), "frame": (10.0, 120.0), "moustache": (0.0, 1.0), "hand": (0.0, 1.0),
    "hand_x": (-0.7, 0.7), "hand_y": (0.2, 0.9), "clutter_x": (-1.2, 1.2), "clutter_y": (-1.2, 1.2),
    "clutter": (10.0, 245.0),
    # pose
    "roll": (-0.14, 0.14), "yaw": (-0.16, 0.16), "pitch": (-0.08, 0.08), "scale": (0.9, 1.06),
    "shift_x": (-0.05, 0.05), "shift_y": (-0.1, 0.0),
    # light and camera
    "light_angle": (0.0, 2.0 * math.pi), "light": (0.0, 0.4), "roundness": (0.0, 0.5),
    "gamma": (0.7, 1.4), "contrast": (0.7, 1.15), "brightness": (-25.0, 25.0), "blur": (0.0, 0.7),
    "noise": (1.0, 9.0),
}  # fmt: skip
"""Range of each number that makes a face other than its expression; all are drawn uniformly."""
