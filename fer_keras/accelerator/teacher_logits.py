"""Teachers' logits of the views that students see, computed and kept on the accelerator."""

import threading
import time
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import keras
import numpy as np

from fer_keras.accelerator.layers import ACCELERATED
from fer_keras.accelerator.views import apply_views, mix
from fer_keras.config import StudentConfig, ViewConfig
from fer_keras.data.dataset import FaceData
from fer_keras.data.random_streams import mix_partners, view_parameters
from fer_keras.distill.teachers import views_asked_for
from fer_keras.errors import FerKerasError
from fer_keras.models.convert_layers import convert_layers
from fer_keras.models.precision import resolve_precision

BATCH = 1024


class DeviceLogits:
    """The logits of teachers for the views of some images, made when a student first asks for them, and kept.

    Args:
        teachers: fingerprint, as in `StudentConfig.teachers` -> the model.
        train: the images.
        students: every student that will ask; of each kind of pictures as many views are made as one of them wants.
    """

    def __init__(self, teachers: Mapping[str, keras.Model], train: FaceData, students: Sequence[StudentConfig]) -> None:
        self._teachers, self._train, self._students = teachers, train, students
        self._logits: dict[_Pictures, dict[str, jax.Array]] = {}
        self._lock = threading.Lock()

    def make(self) -> None:
        """Ask the teachers for everything."""
        for student in self._students:
            self.of(student)

    def of(self, student: StudentConfig) -> list[jax.Array]:
        """Return float16 [K, N, C] of each of the student's teachers, K at least what it sees."""
        with self._lock:
            pictures = _pictures(student)
            if pictures not in self._logits:
                self._logits[pictures] = self._ask(pictures)
            return [self._logits[pictures][teacher] for teacher in student.teachers]

    def shapes(self, student: StudentConfig) -> list[jax.ShapeDtypeStruct]:
        """Return what `of` will give, without asking."""
        shape = (self._views(_pictures(student)), len(self._train), self._train.num_classes)
        return [jax.ShapeDtypeStruct(shape, jnp.float16) for _ in student.teachers]

    def _asking(self, pictures: "_Pictures") -> list[StudentConfig]:
        return [student for student in self._students if _pictures(student) == pictures]

    def _views(self, pictures: "_Pictures") -> int:
        return max(views_asked_for(student) for student in self._asking(pictures))

    def _ask(self, pictures: "_Pictures") -> dict[str, jax.Array]:
        asking, views = self._asking(pictures), self._views(pictures)
        names = [*dict.fromkeys(name for student in asking for name in student.teachers)]
        start = time.monotonic()
        logits = jax.block_until_ready(
            compute_logits([self._teachers[name] for name in names], asking[0], self._train, views)
        )
        for name, answers in zip(names, logits, strict=True):
            if not jnp.isfinite(answers).all():
                raise FerKerasError(f"teacher {name[:12]}: its logits are no finite numbers in {pictures[3]}")
        seconds = time.monotonic() - start
        print(f"{views} views asked of {len(names)} teachers in {seconds:.0f} s", flush=True)
        return dict(zip(names, logits, strict=True))


_Pictures = tuple[ViewConfig, int, float, str]


def _pictures(student: StudentConfig) -> _Pictures:
    return student.views, student.view_seed, student.mixup, student.cache_precision


def compute_logits(
    teachers: Sequence[keras.Model], config: StudentConfig, train: FaceData, views: int
) -> list[jax.Array]:
    """Return float16 [views, N, C] for each teacher: its logits of every image under the views of `config`.

    They are computed in `config.cache_precision`.
    """
    precision = resolve_precision(config.cache_precision)
    networks = [convert_layers(teacher, ACCELERATED, precision) for teacher in teachers]
    weights = [
        ([v.value for v in network.trainable_variables], [v.value for v in network.non_trainable_variables])
        for network in networks
    ]
    faces, batches = jnp.asarray(train.images), _batches(len(train))

    @jax.jit
    def logits_of_view(
        weights: list, faces: jax.Array, drawn: jax.Array, partners: jax.Array, share: jax.Array
    ) -> list[jax.Array]:
        def of_batch(rows: jax.Array) -> list[jax.Array]:
            images = apply_views(faces[rows], drawn[rows])
            if config.mixup:
                others = partners[rows]
                images = mix(images, apply_views(faces[others], drawn[others]), share[rows])
            return [
                network.stateless_call(*variables, images, training=False)[0].astype(jnp.float16)
                for network, variables in zip(networks, weights, strict=True)
            ]

        return [logits.reshape(-1, logits.shape[-1])[: len(train)] for logits in jax.lax.map(of_batch, batches)]

    by_view = []
    for view in range(views):
        drawn = view_parameters(config.views, config.view_seed, view, train.index)
        by_view.append(
            logits_of_view(weights, faces, drawn, *mix_partners(config.mixup, config.view_seed, view, len(train)))
        )
    return [jnp.stack(views_of_teacher) for views_of_teacher in zip(*by_view, strict=True)]


def _batches(count: int) -> jax.Array:
    """int32 [batches, BATCH]: all rows, the last batch filled up with row 0."""
    size = min(BATCH, count)
    rows = np.zeros(-(-count // size) * size, np.int32)
    rows[:count] = np.arange(count)
    return jnp.asarray(rows.reshape(-1, size))
