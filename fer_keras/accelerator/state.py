"""The state of runs that are fitted side by side, on disk: a killed command goes on from it."""

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fer_keras.errors import FerKerasError
from fer_keras.files import read_arrays, replacing

_HISTORIES = "histories"


def save_state(path: Path, state: Any, histories: list[list[dict[str, float]]]) -> None:
    """Write a tree of arrays and the history of each run, whole or not at all.

    Args:
        path: an .npz file.
        state: a tree of arrays.
        histories: of each run, a row of logs an epoch.
    """
    leaves = {f"{number}": np.asarray(leaf) for number, leaf in enumerate(jax.tree.leaves(state))}
    with replacing(path) as partial:
        np.savez(partial, **leaves, **{_HISTORIES: np.array(json.dumps(histories))})


def load_state(path: Path, like: Any) -> tuple[Any, list[list[dict[str, float]]]]:
    """Read what `save_state` wrote.

    Args:
        path: the file.
        like: a state of the same runs, for the shape of the tree.

    Raises:
        FerKerasError: it is damaged, or of other runs.
    """
    arrays = read_arrays(path, "the state of runs side by side")
    leaves, tree = jax.tree.flatten(like)
    found = [arrays.get(f"{number}") for number in range(len(leaves))]
    if any(new is None or new.shape != old.shape for new, old in zip(found, leaves, strict=True)):
        raise FerKerasError(f"{path}: is the state of other runs than these; delete it to begin anew")
    state = jax.tree.unflatten(tree, [jnp.asarray(new, old.dtype) for new, old in zip(found, leaves, strict=True)])
    return state, json.loads(str(arrays[_HISTORIES]))
