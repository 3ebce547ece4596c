"""What is said of a family of networks, all in one record."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fer_keras.labels import FER2013
from fer_keras.models.specification import Layer, cost_of, to_model

if TYPE_CHECKING:
    import keras

Choices = tuple[tuple[int | float, ...], int | float]
"""The values of a hyperparameter and its default. All are exact as 32-bit floats, which is what KerasTuner sends."""


Widths = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class WidthPlan:
    """A network but for its widths.

    Attributes:
        proportions: relative widths of the stages, in the order of the network.
        options: the width of each stage -> options of the family.
    """

    proportions: tuple[float, ...]
    options: Callable[[Widths], dict[str, Any]]


@dataclass(frozen=True, eq=False)
class SearchPlan:
    """How the tuner searches a family.

    Attributes:
        hyperparameters: each one's name -> its values and its default.
        plan: a value for each hyperparameter -> the network but for its widths.
        starts: what a search tries first after the defaults, each by how it differs from them.
    """

    hyperparameters: Mapping[str, Choices]
    plan: Callable[[Mapping[str, Any]], WidthPlan]
    starts: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, eq=False)
class Family:
    """An architecture with free widths.

    Attributes:
        name: as options and files call it, such as `mobilenet`.
        title: as tables and figures call it, such as `MobileNet`.
        describe: options of the family, num_classes=C -> the layer of the logits [N, C], which is not built; see
            `fer_keras.models.specification`.
        width_options: the options that hold widths, which are solved for a budget.
        colour: of its points in figures, `#rrggbb`.
        marker: of its points, as Matplotlib calls it.
        search: how the tuner searches it; None where it does not.
    """

    name: str
    title: str
    describe: Callable[..., Layer]
    width_options: tuple[str, ...]
    colour: str = "#666666"
    marker: str = "o"
    search: SearchPlan | None = None

    def build(self, *, num_classes: int = len(FER2013), name: str | None = None, **options: Any) -> "keras.Model":
        """Return a functional model from grey values 0..255 [N, 48, 48, 1] to logits [N, C], freshly initialised."""
        return to_model(self.describe(num_classes=num_classes, **options), name or self.name)

    def parameters(self, *, num_classes: int = len(FER2013), **options: Any) -> int:
        """Count the trainable parameters of what `build` gives with the same options, without building it."""
        return cost_of(self.describe(num_classes=num_classes, **options))[0]

    def multiply_adds(self, *, num_classes: int = len(FER2013), **options: Any) -> int:
        """Count the multiply-adds of one image through it, as `budget.multiply_adds`, without building it."""
        return cost_of(self.describe(num_classes=num_classes, **options))[1]
