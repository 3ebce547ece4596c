"""The logits of teachers for every view of every image, computed once.

A folder holds one teacher's logits: `manifest.json` says whose and of what, `view-00003.npz` holds float16 [N, C] for
view 3, with the check sum that each member of a zip file has. The logits of an ensemble are those of its members side
by side, so another ensemble with a member in common shares that member's folder, and more views only add files.

The idea of a cache keyed by the augmentation's seed: Wu et al., "TinyViT", 2022, arXiv 2207.10666.
"""

import time
from collections.abc import Callable, Sequence
from copy import copy
from pathlib import Path

import keras
import numpy as np

from fer_keras.config import differences, to_dict
from fer_keras.data.dataset import FaceData, fold_of
from fer_keras.data.mixup import make_mixed_views
from fer_keras.distill.cache_identity import CacheIdentity
from fer_keras.errors import FerKerasError
from fer_keras.files import cache_dir, locked, read_arrays, read_json, replacing, write_json
from fer_keras.models.fast_layers import for_training
from fer_keras.models.forward import logits_function

MANIFEST = "manifest.json"
LOGITS = "logits"
"""The name of the array in a view's file."""

BATCH = 256
# Half precision rounds by 2^-11 of the value; the rest is convolutions in batches of another size: float32 ones, or
# bfloat16 ones, each of which rounds by 2^-9.
TOLERANCES: dict[str, tuple[float, float]] = {"float32": (5e-3, 2e-3), "mixed_bfloat16": (0.15, 0.05)}
"""Precision -> how far a logit computed again may be off: absolute and relative."""


def default_root() -> Path:
    """Return where logits are cached where no other folder is given."""
    return cache_dir() / "logits"


def write_logits(teacher: keras.Model, data: FaceData, identity: CacheIdentity, count: int, root: Path) -> Path:
    """Write the teacher's logits of views 0..count-1, going on where an earlier call stopped.

    Args:
        teacher: as for `logits_function`.
        data: the images.
        identity: from `identify`, with the same teacher and data.
        count: K, how many views there are to be.
        root: the folder of all caches.

    Returns:
        The folder of this teacher's logits.

    Raises:
        FerKerasError: a folder of that name holds other logits.
    """
    folder = identity.folder(root)
    with locked(folder, wait=True):
        if (folder / MANIFEST).exists():
            check_manifest(folder, identity)
        else:
            write_json(folder / MANIFEST, to_dict(identity))
        _write_missing(teacher, data, identity, count, folder)
    return folder


def _write_missing(teacher: keras.Model, data: FaceData, identity: CacheIdentity, count: int, folder: Path) -> None:
    missing = [view for view in range(count) if not _shard(folder, view).exists()]
    if not missing:
        return
    logits_of = _logits_function(teacher, identity)
    start = time.monotonic()
    for done, view in enumerate(missing, 1):
        logits = _view_logits(logits_of, data, identity, view, np.arange(len(data)))
        if not np.isfinite(logits).all():
            raise FerKerasError(f"teacher {identity.teacher[:12]}: its logits of view {view} are no finite numbers")
        with replacing(_shard(folder, view)) as partial:
            np.savez(partial, **{LOGITS: logits.astype(np.float16)})
        left = (time.monotonic() - start) / done * (len(missing) - done)
        print(f"cache: view {view + 1}/{count} of teacher {identity.teacher[:12]}  ETA {left:.0f} s", flush=True)


def check_manifest(folder: Path, identity: CacheIdentity) -> None:
    """Check that `folder` holds the logits of `identity`.

    Raises:
        FerKerasError: it does not; the sentence says in what they differ.
    """
    changed = differences(read_json(folder / MANIFEST), to_dict(identity))
    if changed:
        found = f"these cached logits are of something else ({'; '.join(changed)})"
        raise FerKerasError(f"{folder}: {found}; remove the folder and they are made again")


class LogitCache:
    """The cached logits of an ensemble, read view by view: a file that stays open for each would be thousands.

    Args:
        folders: one for each member, from `write_logits`.
        identities: what each of them has to be.
        views: K.
        teaches: int [N, M], the members that teach each image; see `cross_fit`. Defaults to all of them.

    Raises:
        FerKerasError: a folder is of something else, lacks a view or is damaged.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        identities: Sequence[CacheIdentity],
        views: int,
        teaches: np.ndarray | None = None,
    ) -> None:
        self.members = len(folders) if teaches is None else teaches.shape[1]
        self.views = views
        self._teaches = teaches
        self._caches = [*zip(folders, identities, strict=True)]
        for folder, identity in self._caches:
            check_manifest(folder, identity)
            for view in range(views):
                _open(folder, view, (identity.images, identity.num_classes))

    def first(self, views: int) -> "LogitCache":
        """Return the cache of the first so many of its views, which are not read again for that."""
        shorter = copy(self)
        shorter.views = min(views, self.views)
        return shorter

    def view(self, view: int) -> np.ndarray:
        """Return float16 [N, members, C]: the logits of every image under view `view`."""
        logits = np.stack(
            [_open(folder, view, (identity.images, identity.num_classes)) for folder, identity in self._caches], axis=1
        )
        return logits if self._teaches is None else np.take_along_axis(logits, self._teaches[:, :, np.newaxis], axis=1)


def cross_fit(data: FaceData, identities: Sequence[CacheIdentity]) -> np.ndarray:
    """Return int64 [N, R]: for each image the places of those teachers that left it out.

    Args:
        data: the training images.
        identities: of the teachers' logits, with the part of the images that each left out.

    Raises:
        FerKerasError: the parts are not left out by equally many teachers.
    """
    unseen = np.stack(
        [
            fold_of(data, identity.folds) + 1 == identity.left_out if identity.left_out else np.zeros(len(data), bool)
            for identity in identities
        ],
        axis=1,
    )
    counts = unseen.sum(axis=1)
    if not counts.min() == counts.max() > 0:
        parts = ", ".join(f"{identity.left_out} of {identity.folds}" for identity in identities)
        raise FerKerasError(
            f"cross_fitted: expected teachers of which equally many left out each part of the training images, at"
            f" least one; these left out {parts}"
        )
    return np.argsort(~unseen, axis=1, kind="stable")[:, : counts[0]]


def verify(
    teacher: keras.Model, data: FaceData, identity: CacheIdentity, count: int, root: Path, *, sample: int = 512
) -> float:
    """Compute a random sample of the cached logits, another one each time, again and compare.

    Args:
        teacher: the teacher they should be of.
        data: the images they should be of.
        identity: from `identify`.
        count: K, the views to sample from.
        root: the folder of all caches.
        sample: how many (view, image) pairs to compare.

    Returns:
        The largest absolute difference found.

    Raises:
        FerKerasError: a difference is beyond what half precision explains, or the cache does not match.
    """
    folder = identity.folder(root)
    cache = LogitCache([folder], [identity], count)
    rng = np.random.default_rng()
    views, rows = rng.integers(0, count, sample), rng.integers(0, len(data), sample)
    logits_of = _logits_function(teacher, identity)
    absolute, relative = TOLERANCES[identity.precision]
    worst = 0.0
    for view in np.unique(views):
        chosen = rows[views == view]
        cached = cache.view(int(view))[chosen, 0].astype(np.float32)
        again = _view_logits(logits_of, data, identity, int(view), chosen)
        difference = np.abs(cached - again)
        if not (difference <= absolute + relative * np.abs(again)).all():
            raise FerKerasError(
                f"{_shard(folder, int(view))}: cached logits differ from the teacher's by up to {difference.max():.3g};"
                " delete the folder to make it again"
            )
        worst = max(worst, float(difference.max()))
    return worst


def _logits_function(teacher: keras.Model, identity: CacheIdentity) -> Callable[[np.ndarray], np.ndarray]:
    """The teacher in the precision asked for, its normalisations such that TensorFlow folds them into convolutions."""
    return logits_function(teacher, for_training(teacher, identity.precision))


def _view_logits(
    logits_of: Callable[[np.ndarray], np.ndarray],
    data: FaceData,
    identity: CacheIdentity,
    view: int,
    rows: np.ndarray,
) -> np.ndarray:
    parts = []
    for start in range(0, len(rows), BATCH):
        some = rows[start : start + BATCH]
        made = make_mixed_views(data, some, identity.views, identity.view_seed, view, identity.mixup)
        logits = logits_of(made)
        parts.append((logits + logits_of(made[:, :, ::-1])) / 2 if identity.mirrored else logits)
    return np.concatenate(parts)


def _shard(folder: Path, view: int) -> Path:
    return folder / f"view-{view:05d}.npz"


def _open(folder: Path, view: int, shape: tuple[int, int]) -> np.ndarray:
    path = _shard(folder, view)
    if not path.exists():
        raise FerKerasError(f"{path}: this view is not cached; the same command makes it again")
    logits = read_arrays(path, f"float16 {list(shape)}; delete it").get(LOGITS)
    if logits is None or logits.shape != shape or logits.dtype != np.float16:
        found = "none" if logits is None else f"{logits.dtype} {list(logits.shape)}"
        raise FerKerasError(f"{path}: damaged, expected logits float16 {list(shape)}, found {found}; delete it")
    if not np.isfinite(logits).all():
        raise FerKerasError(f"{path}: damaged, expected finite logits; delete it")
    return logits
