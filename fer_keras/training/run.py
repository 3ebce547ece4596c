"""A run: a folder that one process claims, with its configuration, progress, checkpoint and what it publishes."""

import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from fer_keras.config import StudentConfig, TeacherConfig, differences, environment, from_dict, to_dict
from fer_keras.distill.ensemble import teacher_fingerprint
from fer_keras.errors import FerKerasError
from fer_keras.evaluation.results import read_history
from fer_keras.files import (
    CONFIG_FILE,
    HISTORY_FILE,
    MODEL_FILE,
    file_sha256,
    locked,
    read_config,
    read_json,
    replacing,
    write_json,
    write_text,
)
from fer_keras.models.load import load_model, model_file
from fer_keras.training.progress import PROGRESS_FILE, Progress, read_progress

DIGESTS_FILE = "digests.json"
"""In the folder of a checkpoint: the name of each other file -> its SHA-256."""

ANCESTOR = "ancestor"
"""In config.json: `ancestor_facts` of the network that the run started with, which may be replaced later."""


class Run:
    """What one process trains into one folder: claimed once, never overwritten, made again from its config.json.

    The state, the progress and the best model so far appear together in `checkpoint/` by one rename, so whenever the
    process is killed they agree; what is published is only a copy. What the disk says is read once, and again when
    the run is claimed.

    Args:
        folder: made when the run is claimed.
        config: the network and its schedule.
        resume: whether a run that is there already may go on.
    """

    def __init__(self, folder: Path, config: TeacherConfig | StudentConfig, *, resume: bool) -> None:
        self.folder = folder
        self.config = config
        self.resume = resume
        self._noted: set[Path] = set()

    def at(self, folder: Path) -> "Run":
        """Return the same run in another folder, for a host that must not write into the first one's."""
        return self if folder == self.folder else Run(folder, self.config, resume=self.resume)

    @property
    def model_file(self) -> Path:
        """Where the best model is published."""
        return self.folder / MODEL_FILE

    @cached_property
    def progress(self) -> Progress:
        """How far the newest checkpoint is; a fresh progress where there is none.

        Raises:
            FerKerasError: the checkpoint's progress is damaged.
        """
        last = self.newest_checkpoint
        if last is None:
            return Progress()
        try:
            return read_progress(last / PROGRESS_FILE)
        except ValueError as error:
            raise self.damaged(last / PROGRESS_FILE, error) from error

    @property
    def is_finished(self) -> bool:
        """Whether all epochs are done."""
        return self.progress.epoch >= self.config.fit.epochs

    @cached_property
    def newest_checkpoint(self) -> Path | None:
        """The folder of the newest checkpoint that is as it was written, or None where there is none at all.

        Raises:
            FerKerasError: there are some, all of them damaged.
        """
        damage = None
        for folder in reversed(self._checkpoints()):
            found = _damage(folder)
            if found is None:
                if damage and damage[0] not in self._noted:
                    self._noted.add(damage[0])
                    print(f"note: {damage[0]}: damaged ({damage[1]}); going on from {folder.name}", flush=True)
                return folder
            damage = damage or found
        if damage:
            raise self.damaged(*damage)
        return None

    @property
    def recorded_precision(self) -> str | None:
        """What the run computes in, or None where it has not begun: `auto` is what it was where the run began."""
        return self._recorded["environment"].get("precision") if self._recorded else None

    @property
    def recorded_environment(self) -> dict[str, Any]:
        """The versions and the machine that the run began with; empty where it has not begun."""
        return self._recorded["environment"] if self._recorded else {}

    def check_resumable(self, leave_out: Collection[str] = ()) -> None:
        """Check that no run is in the folder, or that it may go on and has the same configuration.

        A run from before an option existed has that option's default.

        Args:
            leave_out: fields that are not filled in yet.

        Raises:
            FerKerasError: a run is there and must not go on, or its configuration is another.
        """
        if not self._recorded:
            return
        if not self.resume:
            raise FerKerasError(
                f"{self.folder}: a run is there already; --resume goes on with it, --name starts another"
            )
        recorded = from_dict(type(self.config), self._recorded["config"], self.folder / CONFIG_FILE)
        before, now = to_dict(recorded), to_dict(self.config)
        changed = differences(_comparable(before, leave_out), _comparable(now, leave_out))
        if changed:
            raise FerKerasError(
                f"{self.folder}: cannot go on with other options ({'; '.join(changed)});"
                " give the same ones, or another --name"
            )

    @contextmanager
    def claimed(self, facts: dict[str, Any]) -> Iterator[None]:
        """Hold the folder, write config.json into it, and finish what a kill may have cut short.

        Args:
            facts: more for config.json, of this machine; not compared on resuming.

        Raises:
            FerKerasError: as `check_resumable`, another process is at this run, its checkpoint is damaged, or the
                model to start from cannot be read.
        """
        self.check_resumable()
        with locked(self.folder, wait=False):
            self._forget()  # another process may have gone on with it before this one had the lock
            self.check_resumable()
            if not self._recorded:
                recorded = {"config": to_dict(self.config), "environment": {**environment(), **facts}}
                if init_from := getattr(self.config, "init_from", ""):
                    recorded[ANCESTOR] = ancestor_facts(init_from)
                write_json(self.folder / CONFIG_FILE, recorded)
                self._recorded = recorded
            self._drop_others()
            self.publish()
            yield

    @contextmanager
    def new_checkpoint(self, progress: Progress) -> Iterator[Path]:
        """Yield a folder to write the state and the best model to; on success it is the checkpoint of `progress`.

        Of older ones the last is kept, in case a disk damages this one, until the run has ended. The best model and the
        history are published.
        """
        folder = self.folder / "checkpoint" / f"epoch-{progress.epoch:05d}"
        with replacing(folder) as partial:
            partial.mkdir()
            write_json(partial / PROGRESS_FILE, vars(progress))
            yield partial
            write_digests(partial)
        self.progress, self.newest_checkpoint = progress, folder
        self._drop_others()
        self.publish()

    def publish(self) -> None:
        """Copy the best model and the history of the newest checkpoint to where readers of a run look for them.

        Raises:
            FerKerasError: the checkpoint's model is damaged; the published one is left as it is.
        """
        last = self.newest_checkpoint
        if last is None:
            return
        history = pd.DataFrame(self.progress.history).to_csv(index=False)
        with replacing(self.model_file) as partial:
            shutil.copyfile(last / MODEL_FILE, partial)
        write_text(self.folder / HISTORY_FILE, history)

    def damaged(self, file: Path, reason: object) -> FerKerasError:
        """Return what to raise about a damaged file of the checkpoint."""
        words = " ".join(str(reason).split()) or type(reason).__name__
        again = f"delete {self.folder / 'checkpoint'} to train this run again from its first epoch"
        return FerKerasError(f"{file}: damaged ({words}); {again}")

    @cached_property
    def _recorded(self) -> dict[str, Any] | None:
        return read_config(self.folder) if (self.folder / CONFIG_FILE).exists() else None

    def _forget(self) -> None:
        for name in ("progress", "newest_checkpoint", "_recorded"):
            self.__dict__.pop(name, None)

    def _checkpoints(self) -> list[Path]:
        return sorted((self.folder / "checkpoint").glob("epoch-*"))

    def _drop_others(self) -> None:
        """Remove all checkpoints but the newest and the one before: older ones, and damaged ones that came after."""
        newest = self.newest_checkpoint
        older = [folder for folder in self._checkpoints() if newest and folder.name < newest.name]
        kept = {newest} if self.is_finished else {newest, *older[-1:]}
        for folder in self._checkpoints():
            if folder not in kept:
                shutil.rmtree(folder)


def ancestor_facts(init_from: str) -> dict[str, Any]:
    """Return what its files say of a saved model that a run starts with, as JSON values.

    Args:
        init_from: as in `StudentConfig`.

    Returns:
        `fingerprint`; where its run's files lie beside it also its `config`, `epochs`, `seconds` and
        `best_validation_accuracy`, and `ancestor`, the same of that which it started with itself.

    Raises:
        FerKerasError: it is no model, or what lies beside it is no run's.
    """
    folder = model_file(init_from).parent
    facts: dict[str, Any] = {"fingerprint": teacher_fingerprint(load_model(init_from))}
    if (folder / CONFIG_FILE).is_file() and (folder / HISTORY_FILE).is_file():
        recorded, history = read_config(folder), read_history(folder)
        facts |= {"config": recorded["config"], "epochs": len(history), "seconds": float(history["seconds"].sum())}
        facts["best_validation_accuracy"] = float(history["val_accuracy"].max())
        facts |= {ANCESTOR: recorded[ANCESTOR]} if ANCESTOR in recorded else {}
    return facts


def _comparable(config: dict[str, Any], leave_out: Collection[str]) -> dict[str, Any]:
    """Leave out what is not filled in yet, and what data and teachers are called: fingerprints say what they are."""
    config = {key: value for key, value in config.items() if key not in (*leave_out, "teacher_names")}
    data = config.get("data")
    return {**config, "data": {**data, "source": None}} if isinstance(data, dict) else config


def write_digests(folder: Path) -> None:
    """Write down the SHA-256 of each file of a checkpoint, so that damage to one is found when it is read."""
    digests = {file.name: file_sha256(file) for file in sorted(folder.iterdir()) if file.name != DIGESTS_FILE}
    write_json(folder / DIGESTS_FILE, digests)


def _damage(checkpoint: Path) -> tuple[Path, str] | None:
    """A file that is not as it was written, and what is wrong with it; None if all are."""
    try:
        digests = read_json(checkpoint / DIGESTS_FILE)
    except FerKerasError as error:
        return checkpoint / DIGESTS_FILE, str(error).removeprefix(f"{checkpoint / DIGESTS_FILE}: ")
    if not isinstance(digests, dict):
        return checkpoint / DIGESTS_FILE, "expected an object"
    for name, digest in digests.items():
        try:
            if file_sha256(checkpoint / name) != digest:
                return checkpoint / name, "its SHA-256 is another than when it was written"
        except OSError as error:
            return checkpoint / name, error.strerror or type(error).__name__
    return None
