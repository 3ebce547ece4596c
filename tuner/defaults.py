"""What a search does unless told otherwise; without TensorFlow, so that a script can show it before that starts."""

FAMILIES = ("cnn", "separable", "mobilenet")
BUDGETS = (5_000, 10_000, 25_000, 50_000, 100_000, 200_000, 400_000)
CONTROL_BUDGETS = (5_000, 25_000, 100_000)

TRIALS, EPOCHS = 12, 12
"""Short ones for each family and budget, and their epochs."""

FINAL_EPOCHS, SEEDS = 80, 2
MAX_FAILURES = 5

MAX_MULTIPLY_ADDS = 25_000_000
"""About 3.5 times the reference MobileNet's; a candidate beyond would train for hours."""
