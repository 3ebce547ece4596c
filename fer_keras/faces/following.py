"""The expressions of the faces of a video, followed and smoothed from frame to frame."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from fer_keras.faces.crop import crop_of
from fer_keras.faces.expressions import averaging, box_in, faces_of_crops
from fer_keras.faces.finder import FaceFinder
from fer_keras.faces.smoothing import TIME_CONSTANT, Smoother
from fer_keras.faces.tracking import TrackedFace, Tracker
from fer_keras.predict import Classifier, Prediction
from fer_keras.probabilities import softmax


@dataclass(frozen=True, eq=False)
class FollowedFace:
    """A face in a frame.

    Attributes:
        number: its id.
        prediction: the smoothed answer, with the box of its crop.
    """

    number: int
    prediction: Prediction


class FaceFollower:
    """Answers the faces of one frame after the other.

    Args:
        classifier: of faces.
        finder: of faces.
        smoothing: time constant in seconds; 0 answers each frame by itself.
        detect_every: the detector looks at every such frame; in the others the faces go on as they moved.
        max_faces: at most so many faces, the largest when they come; None for all.
    """

    def __init__(
        self,
        classifier: Classifier,
        finder: FaceFinder,
        *,
        smoothing: float = TIME_CONSTANT,
        detect_every: int = 1,
        max_faces: int | None = None,
    ) -> None:
        self._classifier, self._finder = averaging(classifier), finder
        self._smoother, self._tracker = Smoother(smoothing), Tracker()
        self._detect_every, self._max_faces = detect_every, max_faces
        self._frames = 0
        self._before: set[int] = set()

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the probabilities."""
        return self._classifier.classes

    def follow(self, picture: Image.Image, seconds: float) -> list[FollowedFace]:
        """Return the faces of the next frame, upright, at a time that grows from call to call, in the order of ids."""
        if self._frames % self._detect_every == 0:
            tracked = self._tracker.update(self._finder.find(picture), seconds)
        else:
            tracked = self._tracker.expected(seconds)
        self._frames += 1
        tracked = self._chosen(tracked)
        crops = [crop_of(track.face) for track in tracked]
        logits = self._classifier.logits(faces_of_crops(picture, crops))
        scaled = softmax(logits / (self._classifier.temperature or 1.0))
        both = np.stack([softmax(logits), scaled], axis=1)
        return [
            FollowedFace(track.number, self._answer(track.number, seconds, values, box_in(crop, picture.size)))
            for track, crop, values in zip(tracked, crops, both, strict=True)
        ]

    def _chosen(self, tracked: list[TrackedFace]) -> list[TrackedFace]:
        """Of all faces as many as are wanted, by id: those of the frame before, then the largest."""
        first = sorted(tracked, key=lambda track: (track.number not in self._before, -track.face.box[2]))
        chosen = sorted(first[: self._max_faces], key=lambda track: track.number)
        self._before = {track.number for track in chosen}
        return chosen

    def _answer(self, number: int, seconds: float, values: np.ndarray, box: tuple[int, int, int, int]) -> Prediction:
        """Smooth the probabilities and the calibrated ones, float32 [2, C], of a face."""
        probabilities, scaled = self._smoother.add(number, seconds, values)
        best = int(probabilities.argmax())
        classes, calibrated = self._classifier.classes, self._classifier.calibrated
        return Prediction(
            classes[best], best, float(scaled[best]), calibrated, probabilities, classes, str(number), box
        )
