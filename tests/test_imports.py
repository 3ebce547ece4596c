"""Data flows one way: a room imports only from itself and from those before it."""

import ast

import pytest
from command import ROOT

ORDER = (
    "errors", "endings", "labels", "config", "files", "distributed", "probabilities", "data", "models", "distill",
    "evaluation", "training", "export", "cards", "predict", "faces", "accelerator", "tuner", "cli",
    "jobs", "__main__", "scripts",
)  # fmt: skip
ROOTS = ("fer_keras", "tuner", "scripts")
PUBLIC = "predict"
"""The room of what `fer_keras` itself offers: `fer_keras.load`."""


def room_of(module):
    """fer_keras.data.image -> data, fer_keras.files -> files, tuner.oracle -> tuner, fer_keras -> predict."""
    root, *names = module.split(".")
    return (names or [PUBLIC])[0] if root == "fer_keras" else root


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for root in ROOTS for path in sorted((ROOT / root).rglob("*.py"))}


def imported(path):
    """The modules of ours that a file imports, also inside functions, each with its line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path.name}:{node.lineno}: expected an absolute import"
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else node.module for name in inside]
        else:
            continue
        yield from ((name, node.lineno) for name in names if name.split(".")[0] in ROOTS)


def test_every_room_has_its_place():
    assert {room_of(module) for module in MODULES} == set(ORDER)


@pytest.mark.parametrize("module", MODULES)
def test_imports_come_from_the_left(module):
    place = ORDER.index(room_of(module))
    wrong = [f"line {line}: {name}" for name, line in imported(MODULES[module]) if ORDER.index(room_of(name)) > place]
    assert not wrong, f"{module} imports from what comes after {ORDER[place]}"
