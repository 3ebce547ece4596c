"""What a search can be told; without KerasTuner, so that a command can show it before TensorFlow starts."""

from dataclasses import dataclass

from fer_keras.config.schema import Bounded, bounded
from fer_keras.errors import FerKerasError

SHORT_EPOCHS = 12
"""Of a short trial, unless a search is told otherwise."""


@dataclass(frozen=True)
class SearchOptions(Bounded):
    """What is searched, and for how long.

    Attributes:
        families: of students.
        budgets: the most trainable parameters, each a point of the frontier.
        trials: short trials for each family and budget.
        final_epochs: of the full schedule; with --config by default that recipe's.
        seeds: how many times the best of each family and budget is trained on it.
        control_budgets: where the same is trained on labels alone too; by default those of these among the budgets.
        max_multiply_adds: of any candidate; the reference MobileNet has 7 million.
        unlimited_budgets: where candidates may have more.
        max_failures: so many failed trials in a row end the search.

    Raises:
        FerKerasError: a number is out of its range, or there is no family or no budget.
    """

    families: tuple[str, ...] = ("cnn", "separable", "mobilenet")
    budgets: tuple[int, ...] = (5_000, 10_000, 25_000, 50_000, 100_000, 200_000, 400_000)
    trials: int = bounded(12, 1, 10_000)
    final_epochs: int = bounded(80, 1, 100_000)
    seeds: int = bounded(2, 1, 100)
    control_budgets: tuple[int, ...] = (5_000, 25_000, 100_000)
    max_multiply_adds: int = 25_000_000
    unlimited_budgets: tuple[int, ...] = ()
    max_failures: int = bounded(5, 1, 10_000)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.cells:
            raise FerKerasError("families and budgets: expected at least one of each")

    @property
    def cells(self) -> list[tuple[str, int]]:
        """Each family with each budget: the points of the frontier, small ones first."""
        return [(family, budget) for budget in self.budgets for family in self.families]
