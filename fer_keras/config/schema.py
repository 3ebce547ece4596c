"""Configurations as JSON: bounded fields, and what `to_dict` writes read back strictly."""

import dataclasses
import hashlib
import inspect
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints, is_typeddict

from fer_keras.errors import FerKerasError

Config = TypeVar("Config")

_TOO_LARGE = 2.0**63
"""No number of ours is, and NumPy's integers are not."""

_EXPECTED = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def require(option: str, value: float, low: float, high: float) -> None:
    """Check that the value of `option` lies in [low, high].

    Raises:
        FerKerasError: it does not.
    """
    if not low <= value <= high:
        raise FerKerasError(f"{option} {value}: expected a number from {low} to {high}")


def bounded(default: Any, low: float, high: float) -> Any:
    """A field of a dataclass whose value lies in [low, high]; its options and messages say so."""
    return field(default=default, metadata={"range": (low, high)})


def later(default: Any, *limits: float, found: bool = False) -> Any:
    """A field that dataclasses in ledgers were made without; at its default it changes no `config_hash`.

    Args:
        default: its value.
        *limits: low and high, as of `bounded`. Defaults to none.
        found: whether it is found in files, not given on the command line. Defaults to no.
    """
    return field(default=default, metadata={"later": default, "found": found, **({"range": limits} if limits else {})})


def ranges(config: Any) -> dict[str, tuple[float, float]]:
    """Return field -> (low, high) of those fields of a dataclass that are `bounded`."""
    return {part.name: part.metadata["range"] for part in dataclasses.fields(config) if "range" in part.metadata}


class Bounded:
    """A dataclass whose `bounded` fields are checked when one is made."""

    def __post_init__(self) -> None:
        for name, (low, high) in ranges(self).items():
            require(name, getattr(self, name), low, high)


def to_dict(config: Any) -> dict[str, Any]:
    """Return a dataclass as nested dictionaries and lists, ready for JSON."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


def config_hash(config: Any) -> str:
    """Return the first 12 hexadecimal digits of the SHA-256 of what a dataclass says, for ledgers.

    What came `later` and has its default is left out, so that ledgers from before it hold.
    """
    values = json.dumps(_without_later(config), sort_keys=True)
    return hashlib.sha256(values.encode()).hexdigest()[:12]


def _without_later(config: Any) -> dict[str, Any]:
    values = {}
    for part in dataclasses.fields(config):
        value = getattr(config, part.name)
        if dataclasses.is_dataclass(value):
            values[part.name] = _without_later(value)
        elif not ("later" in part.metadata and value == part.metadata["later"]):
            values[part.name] = value
    return values


def differences(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> list[str]:
    """Return a line for each option in which two `to_dict` results differ, as `fit.epochs: 40, now 60`."""
    lines = []
    for key in sorted({*old, *new}):
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            lines += differences(before, after, f"{prefix}{key}.")
        elif before != after:
            lines.append(f"{prefix}{key}: {str(before)[:200]}, now {str(after)[:200]}")
    return lines


def from_dict(kind: type[Config], values: Any, where: object, prefix: str = "") -> Config:
    """Build a dataclass of `fer_keras.config` from what `to_dict` wrote of one.

    Args:
        kind: the dataclass.
        values: nested dictionaries and lists, as JSON has them.
        where: what messages call the file.
        prefix: of the keys in messages, such as `fit.`.

    Raises:
        FerKerasError: a key is unknown or missing, a value is of another type or out of range; the sentence names the
            file and the key, such as `fit.epochs`.
    """
    if not isinstance(values, Mapping):
        raise FerKerasError(
            f"{where}: {prefix.rstrip('.') or 'the recipe'}: expected an object, found {_shown(values)}"
        )
    hints, fields = get_type_hints(kind), dataclasses.fields(kind)
    for key in values:
        if key not in hints:
            raise FerKerasError(f"{where}: unknown key {prefix + str(key)[:80]!r}, expected some of {', '.join(hints)}")
    for part in fields:
        if part.default is part.default_factory is dataclasses.MISSING and part.name not in values:
            raise FerKerasError(f"{where}: {prefix}{part.name} is missing")
    parsed = {key: _parsed(hints[key], value, where, prefix + key) for key, value in values.items()}
    try:
        return kind(**parsed)
    except FerKerasError as error:
        raise FerKerasError(f"{where}: {prefix}{error}") from error


def checked(kind: Any, value: Any, where: object) -> Any:
    """Return a value that was read from JSON if it is of a type: a `TypedDict`, `list[...]`, `X | None` and so on.

    Keys that a `TypedDict` does not name are let through, since newer versions may write more.

    Raises:
        FerKerasError: it is not; the sentence names the file and the key, such as `formats.onnx.bytes`.
    """
    _parsed(kind, value, where, "")
    return value


def _parsed(hint: Any, value: Any, where: object, key: str) -> Any:
    """A value of JSON as the type `hint`, or an error that names its key."""
    if dataclasses.is_dataclass(hint):
        return from_dict(hint, value, where, f"{key}.")
    if is_typeddict(hint):
        return _object(hint, value, where, key)
    origin, inner = get_origin(hint), get_args(hint)
    if origin is UnionType:
        return None if value is None else _parsed(inner[0], value, where, key)
    if origin is Literal:
        if value not in inner:
            raise FerKerasError(f"{where}: {key} {_shown(value)}: expected one of {', '.join(inner)}")
        return value
    if origin in (tuple, list):
        length = len(inner) if origin is tuple and ... not in inner else None
        if not isinstance(value, Sequence) or isinstance(value, str) or length not in (None, len(value)):
            of = f" of {length}" if length else ""
            raise FerKerasError(f"{where}: {key} {_shown(value)}: expected a list{of}")
        return origin(_parsed(inner[0], item, where, f"{key}[{place}]") for place, item in enumerate(value))
    if origin is dict:
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            raise FerKerasError(f"{where}: {key} {_shown(value)}: expected an object")
        return {name: _parsed(inner[1], item, where, f"{key}.{name}") for name, item in value.items()}
    return _plain(hint, value, where, key)


def _object(kind: Any, value: Any, where: object, key: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise FerKerasError(f"{where}: {key or 'all of it'} {_shown(value)}: expected an object")
    hints, start = get_type_hints(kind), f"{key}." if key else ""
    for name in sorted(kind.__required_keys__ - value.keys()):
        raise FerKerasError(f"{where}: {start}{name} is missing")
    return {name: _parsed(hints[name], value[name], where, start + name) for name in hints if name in value}


def _plain(hint: Any, value: Any, where: object, key: str) -> Any:
    if hint is Any:
        return tuple(value) if isinstance(value, list) else value
    fits = isinstance(value, hint) or (hint is float and isinstance(value, int))
    if isinstance(value, int | float):
        fits = fits and abs(value) < _TOO_LARGE  # nor is NaN, which JSON of Python's may hold
    if not fits or (isinstance(value, bool) and hint is not bool):
        raise FerKerasError(f"{where}: {key} {_shown(value)}: expected {_EXPECTED[hint]}")
    return hint(value)


def _shown(value: Any) -> str:
    return repr(value)[:80]


def descriptions(kind: type) -> dict[str, str]:
    """Return what the `Attributes:` of a dataclass's docstring say: field -> its text on one line."""
    _, _, section = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")
    texts = re.findall(r"^    (\w+):((?:.+\n?)(?:     .+\n?)*)", section.partition("\n\n")[0], re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in texts}
