"""Runs trials one after the other, alone or as one of KerasTuner's chief and workers."""

import errno
import json
import time
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import grpc
import keras
import keras_tuner
from keras_tuner.src import protos
from keras_tuner.src.distribute import utils as distribution

from fer_keras.errors import FerKerasError
from fer_keras.files import write_json
from tuner.hypermodel import Material, StudentHyperModel
from tuner.oracle import FrontierOracle, Trial
from tuner.settings import Search, read_search
from tuner.workers import IP, PORT, chief_address

_POLL_SECONDS = 0.5
_GOODBYE_SECONDS = 30.0

DONE_FILE = "done"
"""Holds the settings of a search once nothing of it is left to do, so that no worker waits for a chief that is gone.

It is not written where another start would try something again: the workers of that start must wait for its chief."""


class FrontierTuner(keras_tuner.engine.base_tuner.BaseTuner):
    """KerasTuner's loop over trials, with one folder for chief, workers and single processes alike.

    Args:
        search: what to search.
        material: what students learn from; None for a chief.
    """

    def __init__(self, search: Search, material: Material | None) -> None:
        super().__init__(
            FrontierOracle(search),
            StudentHyperModel(search, material),
            directory=str(search.folder.parent),
            project_name=search.folder.name,
        )
        self.settings = search
        if self._is_worker():
            self.oracle.stub = _patient_stub()

    def _populate_initial_space(self) -> None:
        """Leave the space as the oracle has it; the stock method builds models to find it."""

    def _get_tuner_fname(self) -> str:
        # The stock tuner resumes by a file of its own id, so that a chief would not go on where a single process was.
        return str(Path(self.directory) / self.project_name / "oracle.json")

    def save(self) -> None:
        """Write the oracle's state; the tuner has none."""
        if not self._is_worker():
            self.oracle.save()

    def reload(self) -> None:
        """Read the oracle's state."""
        if not self._is_worker():
            self.oracle.reload()

    def search(self) -> None:
        """Run trials until none is left, or as the chief gives them out."""
        if distribution.is_chief_oracle():
            self._serve()
            return
        self.save()
        with _silence_as_refusal() if self._is_worker() else nullcontext():
            self._work()

    def _work(self) -> None:
        while not (self._is_worker() and self._is_done()):
            trial = self.oracle.create_trial(self.tuner_id)
            if trial.status == "STOPPED":
                return
            if trial.status == "IDLE":
                time.sleep(_POLL_SECONDS)
                continue
            self._run(trial)

    def _is_done(self) -> bool:
        done = self.settings.folder / DONE_FILE
        return done.exists() and read_search(done).is_same(self.settings)

    def _noted_as_done(self) -> bool:
        """Tell whether nothing is left to do, and note it for workers."""
        finished = self.oracle.is_finished()
        if finished:
            write_json(self.settings.folder / DONE_FILE, self.settings.to_dict())
        return finished

    def _run(self, trial: Trial) -> None:
        keras.utils.clear_session()  # hundreds of models would fill the memory
        try:
            self.oracle.update_trial(trial.trial_id, self.run_trial(trial))
            trial.status = "COMPLETED"
        except keras_tuner.errors.FailedTrialError as error:
            print(f"trial {trial.trial_id} failed: {error}", flush=True)
            trial.status, trial.message = "FAILED", str(error)
        self.on_trial_end(trial)

    def run_trial(self, trial: Trial, *_: Any, **__: Any) -> dict[str, float]:
        """Build and distil the student of `trial`; return its validation accuracy."""
        folder = Path(self.get_trial_dir(trial.trial_id))
        print(f"trial {trial.trial_id}: {folder}", flush=True)
        return self.hypermodel.fit(trial.hyperparameters, trial_folder=folder)

    def _serve(self) -> None:
        """Answer workers until each has been told that nothing is left."""
        from keras_tuner.src.distribute.oracle_chief import OracleServicer

        self.save()
        if self._noted_as_done():
            return
        servicer = OracleServicer(self.oracle)
        server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
        protos.get_service_grpc().add_OracleServicer_to_server(servicer, server)
        try:
            if not server.add_insecure_port(chief_address()):
                raise RuntimeError
        except RuntimeError as error:
            raise FerKerasError(f"{IP}, {PORT}: cannot listen at {chief_address()}") from error
        server.start()
        # The stock loop asks every 20 seconds and waits for dead workers for good.
        while not servicer.stop_triggered or self.oracle.is_awaited():
            time.sleep(_POLL_SECONDS)
        self._noted_as_done()
        deadline = time.monotonic() + _GOODBYE_SECONDS
        while self.oracle.tuner_ids and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        server.stop(grace=1.0).wait()


def _patient_stub() -> Any:
    """The chief as a worker calls it: what a chief was killed over is asked again, of the one that comes back.

    Each call may come twice: the oracle gives a worker the trial that it has, and a trial ends once.
    """
    retry = {"maxAttempts": 5, "initialBackoff": "1s", "maxBackoff": "10s", "backoffMultiplier": 2}
    method = {"name": [{}], "retryPolicy": {**retry, "retryableStatusCodes": ["UNAVAILABLE"]}}
    options = [("grpc.service_config", json.dumps({"methodConfig": [method]}))]
    return protos.get_service_grpc().OracleStub(grpc.insecure_channel(chief_address(), options))


@contextmanager
def _silence_as_refusal() -> Iterator[None]:
    try:
        yield
    except grpc.RpcError as error:
        code = error.code()
        if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            reason = f"no chief answers at {chief_address()} ({code.name})"
        else:
            reason = f"the chief at {chief_address()} failed with {error.details()} ({code.name})"
        # The system's refusal, not bad input: another try may not meet it, so that a cluster starts the worker again.
        raise OSError(errno.EHOSTUNREACH, reason, f"{IP}, {PORT}") from error
