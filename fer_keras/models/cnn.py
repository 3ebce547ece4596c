"""The general CNN: stages of two full convolutions and a pooling, then dense layers."""

from collections.abc import Mapping, Sequence
from typing import Any

from fer_keras.models.blocks import BN_MOMENTUM, LEAKY_SLOPE, conv_block, pixels
from fer_keras.models.family import Choices, Family, SearchPlan, WidthPlan
from fer_keras.models.specification import Layer, layer
from fer_keras.models.stages import GROWTH, by_halves, grown

WIDTHS = (64, 128, 256)
DEPTH = 2
DENSE_WIDTHS = (1024, 512)
FIRST_KERNEL = 4


def cnn(
    widths: Sequence[int] = WIDTHS,
    dense_widths: Sequence[int] = DENSE_WIDTHS,
    *,
    num_classes: int,
    depths: Sequence[int] | None = None,
    stem_stride: int = 2,
    dropout: float = 0.25,
    dense_dropout: float = 0.5,
    residual: bool = False,
) -> Layer:
    """A CNN of logits.

    Reference: the course report's general CNN, which the defaults give exactly (4,038,279 parameters with seven
    classes).

    Args:
        widths: channels of each stage (conv-BN-LeakyReLU, as often as its depth, then max-pool 2).
            Defaults to (64, 128, 256).
        dense_widths: units of each hidden dense layer; () for none. Defaults to (1024, 512).
        num_classes: C.
        depths: convolutions of each stage; None for two each. Defaults to None.
        stem_stride: stride of the very first convolution, 4x4. Defaults to 2.
        dropout: rate of the spatial dropout after each stage. Defaults to 0.25.
        dense_dropout: rate of the dropout after each hidden dense layer. Defaults to 0.5.
        residual: add a convolution's input to its output where both have the same shape. Defaults to False.

    Returns:
        The layer of the logits [N, C] for grey values 0..255 [N, 48, 48, 1].
    """
    x = pixels()
    depths = (DEPTH,) * len(widths) if depths is None else depths
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True), 1):
        for number in range(1, depth + 1):
            first = {"kernel_size": FIRST_KERNEL, "stride": stem_stride} if stage == number == 1 else {}
            x = conv_block(x, width, f"stage{stage}_{number}", residual=residual, **first)
        x = layer("MaxPooling2D", x, pool_size=2, name=f"stage{stage}_pool")
        x = layer("SpatialDropout2D", x, rate=dropout, name=f"stage{stage}_dropout")
    x = layer("Flatten", x, name="flatten")
    for number, width in enumerate(dense_widths, 1):
        x = layer("Dense", x, units=width, name=f"dense{number}")
        x = layer("BatchNormalization", x, momentum=BN_MOMENTUM, name=f"dense{number}_bn")
        x = layer("LeakyReLU", x, negative_slope=LEAKY_SLOPE, name=f"dense{number}_act")
        x = layer("Dropout", x, rate=dense_dropout, name=f"dense{number}_dropout")
    return layer("Dense", x, units=num_classes, name="logits")


SPACE: dict[str, Choices] = {
    "stem_stride": ((1, 2), 2),
    "depth_early": ((1, 2, 3), 2),
    "depth_late": ((1, 2, 3), 2),
    "growth_early": (GROWTH, 2.0),
    "growth_late": (GROWTH, 1.5),
    "dense": ((0.0, 0.5, 1.0, 2.0), 0.0),
    "residual": ((0, 1), 1),
    "dropout": ((0.0, 0.125, 0.25), 0.0),
}
"""`dense` is the hidden dense layer's width over the last stage's, 0 for no such layer."""


def cnn_plan(values: Mapping[str, Any]) -> WidthPlan:
    """Three stages after a stem of stride 2, four after one of stride 1: the last map is 3x3 either way."""
    stages = 3 if values["stem_stride"] == 2 else 4
    proportions = grown(values, stages)
    dense = (proportions[-1] * values["dense"],) if values["dense"] else ()
    fixed = {
        "depths": tuple(by_halves(values, "depth", stages)),
        "stem_stride": values["stem_stride"],
        "residual": bool(values["residual"]),
        "dropout": values["dropout"],
        "dense_dropout": 2 * values["dropout"],  # as in the reference, which has 0.25 and 0.5
    }
    return WidthPlan(
        (*proportions, *dense), lambda widths: {"widths": widths[:stages], "dense_widths": widths[stages:], **fixed}
    )


FAMILY = Family(
    "cnn",
    "general CNN",
    cnn,
    ("widths", "dense_widths"),
    colour="#0072B2",
    marker="o",
    search=SearchPlan(SPACE, cnn_plan, starts=({"dense": 1.0},)),  # the defaults have no dense layer
)
