"""The families and the presets by name. One more is a file of its own and an entry, here or by `register_family`."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from fer_keras.errors import FerKerasError
from fer_keras.labels import FER2013, MAX_CLASSES
from fer_keras.models import cnn, mobilenet, residual, separable
from fer_keras.models.family import Family
from fer_keras.models.presets import PRESETS, Preset
from fer_keras.models.specification import Layer

if TYPE_CHECKING:
    import keras

Entry = TypeVar("Entry")

FAMILIES: dict[str, Family] = {
    entry.name: entry for entry in (cnn.FAMILY, separable.FAMILY, mobilenet.FAMILY, residual.FAMILY)
}


def register_family(family: Family) -> Family:
    """Add a family, or replace the one of its name; the preset `reference-NAME` has its defaults.

    Returns:
        The family itself.
    """
    FAMILIES[family.name] = family
    PRESETS.setdefault(f"reference-{family.name}", Preset(family.name))
    return family


def register_preset(name: str, family_name: str, **options: Any) -> Preset:
    """Add a preset, or replace the one of its name.

    Raises:
        FerKerasError: there is no such family, or an option does not fit it.
    """
    describe(family_name, **options)
    PRESETS[name] = Preset(family_name, options)
    return PRESETS[name]


def family(name: str) -> Family:
    """Return the family called `name`.

    Raises:
        FerKerasError: there is none.
    """
    return _named("family", name, FAMILIES)


def preset(name: str) -> Preset:
    """Return the preset called `name`.

    Raises:
        FerKerasError: there is none.
    """
    return _named("model", name, PRESETS)


def _named(kind: str, name: str, table: Mapping[str, Entry]) -> Entry:
    if name not in table:
        raise FerKerasError(f"unknown {kind} {name!r}, expected one of {', '.join(table)}")
    return table[name]


def describe(family_name: str, *, num_classes: int = len(FER2013), **options: Any) -> Layer:
    """Return the layer of the logits of a network of the family `family_name`, which is not built.

    Raises:
        FerKerasError: there is no such family, or an option does not fit it.
    """
    chosen = family(family_name)
    _check_classes(num_classes)
    with _naming(family_name, options):
        return chosen.describe(num_classes=num_classes, **options)


def build(family_name: str, *, num_classes: int = len(FER2013), **options: Any) -> "keras.Model":
    """Build a model of logits of the family `family_name`.

    Args:
        family_name: one of `FAMILIES`.
        num_classes: C. Defaults to the number of FER2013's.
        **options: those of the family, and `name`, the model's.

    Returns:
        A functional model, freshly initialised, from grey values 0..255 [N, 48, 48, 1] to logits [N, C].

    Raises:
        FerKerasError: there is no such family, or an option does not fit it.
    """
    chosen = family(family_name)
    _check_classes(num_classes)
    with _naming(family_name, options):
        return chosen.build(num_classes=num_classes, **options)


def _check_classes(num_classes: int) -> None:
    if not 2 <= num_classes <= MAX_CLASSES:
        raise FerKerasError(f"num_classes {num_classes}: expected from 2 to {MAX_CLASSES}")


@contextmanager
def _naming(family_name: str, options: Mapping[str, Any]) -> Iterator[None]:
    """Say of what goes wrong inside what was to be built."""
    try:
        yield
    except (TypeError, ValueError, FerKerasError) as error:
        raise FerKerasError(f"cannot build a {family_name} with {options}: {error}") from error


def from_preset(name: str, *, num_classes: int = len(FER2013), **overrides: Any) -> "keras.Model":
    """Build the model called `name`, such as `reference-mobilenet`.

    Args:
        name: one of `PRESETS`.
        num_classes: C. Defaults to the number of FER2013's.
        **overrides: options of the family's builder that take precedence over the preset's.

    Returns:
        A functional model, freshly initialised, from grey values 0..255 [N, 48, 48, 1] to logits [N, C].

    Raises:
        FerKerasError: there is no such preset, or an option does not fit it.
    """
    chosen = preset(name)
    options = {"name": name.replace("-", "_"), **chosen.options, **overrides}
    return build(chosen.family, num_classes=num_classes, **options)
