"""The seven expressions in FER2013's own order, and the size of its images.

Reference: Goodfellow et al., "Challenges in Representation Learning: A report on three machine
learning contests", 2013, arXiv 1307.0414.
"""

CLASSES: tuple[str, ...] = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
NUM_CLASSES: int = len(CLASSES)

IMAGE_SIZE: int = 48
IMAGE_SHAPE: tuple[int, int, int] = (IMAGE_SIZE, IMAGE_SIZE, 1)

UNLABELLED: int = -1
"""The label of an image that has none; such images can be distilled, not scored."""

CLASS_ALIASES: dict[str, int] = {
    **{name: number for number, name in enumerate(CLASSES)},
    "anger": 0,
    "disgusted": 1,
    "fearful": 2,
    "surprised": 5,
}
"""Class names as archives of this field spell them (lower case) -> FER2013's label number."""
