"""What a search does unless told otherwise; without TensorFlow, so that a script can show it before that starts."""

from collections.abc import Sequence

from fer_keras.errors import FerKerasError

FAMILIES = ("cnn", "separable", "mobilenet")
BUDGETS = (5_000, 10_000, 25_000, 50_000, 100_000, 200_000, 400_000)
CONTROL_BUDGETS = (5_000, 25_000, 100_000)

TRIALS, EPOCHS = 12, 12
"""Short ones for each family and budget, and their epochs."""

FINAL_EPOCHS, SEEDS = 60, 2
MAX_FAILURES = 5

MAX_MULTIPLY_ADDS = 25_000_000
"""About 3.5 times the reference MobileNet's; a candidate beyond would train for hours."""


def control_budgets(asked: Sequence[int] | None, budgets: Sequence[int]) -> tuple[int, ...]:
    """Return the budgets of the controls.

    Args:
        asked: for them; None for the usual ones, as far as they are among `budgets`.
        budgets: of the search.

    Raises:
        FerKerasError: one that was asked for is none of the search's.
    """
    if asked is None:
        return tuple(budget for budget in CONTROL_BUDGETS if budget in budgets)
    for budget in asked:
        if budget not in budgets:
            raise FerKerasError(
                f"--control-budgets {budget}: expected some of --budgets {', '.join(map(str, budgets))}"
            )
    return tuple(asked)
