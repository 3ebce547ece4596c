"""What a model's card.json holds, as types; reading one checks it against them."""

from typing import Any, Literal, NotRequired, TypedDict

from fer_keras.export.record import Calibration, Exports, Pair


class Size(TypedDict):
    """Of `fer_keras.evaluation.results.ModelSize`."""

    parameters: int
    multiply_adds: int | None
    activation_memory: int | None
    file_bytes: int | None


class Score(TypedDict):
    """Of `fer_keras.evaluation.metrics.SplitScore`."""

    count: int
    accuracy: float
    accuracy_interval: Pair
    macro_f1: float
    macro_f1_interval: Pair
    per_class_recall: list[float | None]
    calibration_error: float
    nll: float
    confusion: list[list[int]]


class SplitScores(TypedDict):
    """Of `fer_keras.evaluation.results.SplitResult`."""

    all: Score
    without_copies: Score | None
    copies: int | None


class Scores(TypedDict):
    """Of `fer_keras.evaluation.results.Evaluation`, but for the size."""

    data: str
    drawn: bool
    classes: list[str]
    splits: dict[str, SplitScores]


class Teacher(TypedDict):
    """The name is None where no saved model has the fingerprint."""

    name: str | None
    fingerprint: str


class Fit(TypedDict):
    """What a card reads of the schedule in a config.json."""

    epochs: int
    learning_rate: NotRequired[float]


class Config(TypedDict):
    """What a card reads of the recipe in a config.json."""

    model: str
    data: dict[str, Any]
    fit: Fit


class Ancestor(TypedDict):
    """The network whose weights a run began with; see `fer_keras.training.ancestor.ancestor_facts`."""

    fingerprint: str
    config: NotRequired[Config]
    epochs: NotRequired[int]
    seconds: NotRequired[float]
    best_validation_accuracy: NotRequired[float]
    ancestor: NotRequired["Ancestor"]


class Recipe(TypedDict):
    """How a model was trained; `config` and `environment` are those of its config.json."""

    teachers: list[Teacher]
    epochs: int
    best_epoch: int
    best_validation_accuracy: float
    seconds: float
    config: Config
    environment: dict[str, Any]
    ancestor: NotRequired[Ancestor]


class Member(TypedDict):
    """What an ensemble's card says of a member."""

    name: str
    kind: Literal["teacher", "student"]
    fingerprint: str
    architecture: str
    size: Size
    teachers: list[Teacher]
    epochs: int
    seconds: float
    device: str | None
    scores: Scores


class AuditedSplit(TypedDict):
    """Of `fer_keras.data.audit.SplitAudit`, what a card tells."""

    name: str
    images: int
    class_counts: dict[str, int]
    constant: int
    surplus_copies_not_constant: int
    copies_of_train: int | None


class Audit(TypedDict):
    """Of `fer_keras.data.audit.AuditReport`, what a card tells."""

    splits: list[AuditedSplit]
    conflict_groups: int
    conflict_images: int


class DataFacts(TypedDict):
    """The data, and those fitted to."""

    fingerprint: str
    validation_images: int
    unlabelled_images: NotRequired[int]
    unlabelled_images_at_hand: NotRequired[int]
    audit: Audit


class Card(TypedDict):
    """A model's card; an ensemble's has `members`, `mirrored` and `beside`, that of a model the rest."""

    name: str
    kind: Literal["ensemble", "teacher", "student"]
    classes: list[str]
    size: Size
    intended_use: list[str]
    limits: list[str]
    scores: Scores
    fingerprint: str | None
    data: DataFacts
    figures: dict[str, str]
    reproduce: str
    evaluate: str
    scored_with: dict[str, str]
    architecture: NotRequired[str]
    model_sha256: NotRequired[str]
    fingerprint_as_trained: NotRequired[str]
    recipe: NotRequired[Recipe]
    calibration: NotRequired[Calibration]
    exports: NotRequired[Exports]
    members: NotRequired[list[str]]
    mirrored: NotRequired[bool]
    beside: NotRequired[list[Member]]
