"""A run: a folder that one process claims, with its configuration, progress, checkpoint and what it publishes."""

import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from fer_keras.config import (
    StudentConfig,
    TeacherConfig,
    environment,
    from_dict,
    require_same,
    to_dict,
    without_names,
)
from fer_keras.errors import FerKerasError
from fer_keras.files import (
    CONFIG_FILE,
    HISTORY_FILE,
    MODEL_FILE,
    locked,
    read_config,
    read_json,
    replacing,
    write_json,
    write_text,
)
from fer_keras.models.precision import resolve_precision
from fer_keras.training.ancestor import ANCESTOR, ancestor_facts
from fer_keras.training.digests import find_damage, write_digests
from fer_keras.training.progress import PROGRESS_FILE, Progress


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
        """How far the newest checkpoint is; a fresh progress where there is none."""
        last = self.newest_checkpoint
        return Progress(**read_json(last / PROGRESS_FILE)) if last else Progress()

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
        faults = []
        for folder in reversed(self._checkpoints()):
            fault = find_damage(folder)
            if fault is None:
                for file, reason in faults[:1]:
                    if file not in self._noted:
                        print(f"note: {file}: damaged ({reason}); going on from {folder.name}", flush=True)
                    self._noted.add(file)
                return folder
            faults.append(fault)
        if faults:
            raise self.damaged(*faults[0])
        return None

    @property
    def precision(self) -> str:
        """What the run computes in: `auto` is what it was where the run began."""
        return self.recorded_environment.get("precision") or resolve_precision(self.config.fit.precision)

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
        before, now = (
            {key: value for key, value in without_names(to_dict(config)).items() if key not in leave_out}
            for config in (recorded, self.config)
        )
        require_same(self.folder, before, now)

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
        retained = {newest} if self.is_finished else {newest, *older[-1:]}
        for folder in self._checkpoints():
            if folder not in retained:
                shutil.rmtree(folder)
