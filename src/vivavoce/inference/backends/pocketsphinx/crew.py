"""A fixed number of decoding processes and the bounded queue in front of them.

One thread of this process stands for each decoding process: it starts it, hands it one job at a time and starts a new
one when it dies. A job whose process died fails; it is not tried again, since its sound may be what killed it.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, cast

import msgspec

from vivavoce.errors import BackendError, BackendTimeout, BackendUnavailable, Closed, ConfigError, VivavoceError
from vivavoce.inference.backends.pocketsphinx import worker
from vivavoce.inference.backends.pocketsphinx.rejection import Understanding
from vivavoce.inference.backends.pocketsphinx.worker import Answer, Kind

Outcome = Understanding | VivavoceError
_COMMAND = [sys.executable, "-c", f"from {worker.__name__} import main; main()"]
_LOOK_AGAIN_S = 0.05
_RESTART_S = 1.0
"""Pause before a process that could not start is started again."""


@dataclass(eq=False, slots=True)
class Job:
    """`deliver` is called once, from another thread, unless the job was withdrawn."""

    kind: Kind
    pcm: bytes
    deliver: Callable[[Outcome], None]
    process: subprocess.Popen[bytes] | None = None


class Crew:
    """`size` processes over the grammar `jsgf` ("" for none); up to `waiting` jobs wait in order of arrival.

    Threads and processes begin with the first `start`. All methods return at once and may be called from anywhere.
    """

    def __init__(self, jsgf: str, size: int, waiting: int) -> None:
        self._jsgf = jsgf
        self._size = size
        self._limit = waiting
        self._jobs: deque[Job] = deque()
        self._change = threading.Condition()
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._alive = 0
        """Processes that have loaded."""
        self._loaded: list[Callable[[VivavoceError | None], None]] = []
        self._broken: VivavoceError | None = None
        self._closed = False

    def start(self, loaded: Callable[[VivavoceError | None], None] | None = None) -> None:
        """Begin to load. `loaded` is called, maybe from another thread, once a process is ready or cannot be."""
        with self._change:
            if self._closed:
                ready: VivavoceError | None = Closed("the recogniser is closed")
            elif self._broken is not None or self._alive:
                ready = self._broken
            else:
                if loaded is not None:
                    self._loaded.append(loaded)
                if not self._threads:
                    self._threads = [
                        threading.Thread(target=self._attend, name=f"pocketsphinx {number}", daemon=True)
                        for number in range(self._size)
                    ]
                    for thread in self._threads:
                        thread.start()
                return
        if loaded is not None:
            loaded(ready)

    def ask(self, job: Job, *, spare: bool = False) -> bool:
        """Queue `job`. False when the queue is full, or closed; a `spare` one is only taken when it need not wait."""
        self.start()
        with self._change:
            if self._closed or len(self._jobs) >= (self._idle if spare else self._limit):
                return False
            self._jobs.append(job)
            # All of them: one that woke alone might be a thread whose process cannot be had.
            self._change.notify_all()
            return True

    def withdraw(self, job: Job) -> None:
        """Forget a job that waits; one that runs goes on to its end, which nobody hears of."""
        job.deliver = _nobody
        with self._change:
            if job in self._jobs:
                self._jobs.remove(job)

    def abort(self, job: Job) -> None:
        """The job took too long: it fails, and the process that is stuck with it is replaced."""
        deliver, process = job.deliver, job.process
        self.withdraw(job)
        if process is not None:
            process.kill()
        deliver(BackendTimeout("recognition took too long", code="asr_failed"))

    def close(self) -> None:
        """End the processes; jobs that wait or run fail with Closed. Safe to call again."""
        with self._change:
            self._closed = True
            jobs, self._jobs = list(self._jobs), deque()
            waiting, self._loaded = self._loaded, []
            self._change.notify_all()
        error = Closed("the recogniser is closed")
        for job in jobs:
            job.deliver(error)
        for tell in waiting:
            tell(error)
        for thread in self._threads:
            while thread.is_alive():
                # A process may have been on its way when the crew was closed, so it is looked for again.
                for process in self._processes.copy():
                    process.kill()
                thread.join(_LOOK_AGAIN_S)

    # ── the thread of one process ─────────────────────────────────────────────────────────────────

    def _attend(self) -> None:
        while not self._closed:
            try:
                process = subprocess.Popen(_COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            except OSError:
                self._fail(BackendUnavailable("no process can be started for the recogniser", code="asr_failed"))
                continue
            self._processes.add(process)
            try:
                self._serve(process)
            finally:
                self._processes.discard(process)
                process.kill()
                process.communicate()

    def _serve(self, process: subprocess.Popen[bytes]) -> None:
        """Jobs for one process until it dies or the crew is closed."""
        try:
            answer = _exchange(process, self._jsgf.encode())
        except (EOFError, OSError, msgspec.DecodeError):
            answer = Answer(error="the recogniser's process did not start")
        if answer.error:
            self._fail(
                ConfigError(answer.error) if answer.setting else BackendUnavailable(answer.error, code="asr_failed")
            )
            return
        self._count(1)
        self._tell(None)
        try:
            while (job := self._next(process)) is not None:
                self._done(job, _answered(process, job))
                if process.poll() is not None:
                    return
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        with self._change:
            self._alive += change
            self._change.notify_all()

    def _next(self, process: subprocess.Popen[bytes]) -> Job | None:
        with self._change:
            self._idle += 1
            try:
                self._change.wait_for(lambda: self._closed or self._jobs)
                if self._closed:
                    return None
                job = self._jobs.popleft()
                job.process = process
                return job
            finally:
                self._idle -= 1

    def _done(self, job: Job, outcome: Outcome) -> None:
        job.process = None
        job.deliver(Closed("the recogniser is closed") if self._closed else outcome)

    def _tell(self, error: VivavoceError | None) -> None:
        with self._change:
            self._broken = error
            waiting, self._loaded = self._loaded, []
        for tell in waiting:
            tell(error)

    def _fail(self, error: VivavoceError) -> None:
        """This process cannot be had now. While there is no other one, whoever asks is told so; then it is tried again,
        unless it is the grammar that is at fault.
        """
        if not self._alive:
            self._tell(error)
        told = error if isinstance(error, BackendError) else BackendUnavailable(str(error), code="asr_failed")
        again = time.monotonic() + _RESTART_S
        while not self._closed:
            left = None if isinstance(error, ConfigError) else again - time.monotonic()
            with self._change:
                asked = self._change.wait_for(lambda: self._closed or (self._jobs and not self._alive), left)
                job = self._jobs.popleft() if self._jobs and not self._alive else None
            if job is not None:
                job.deliver(told)
            if not asked:
                return


def _answered(process: subprocess.Popen[bytes], job: Job) -> Outcome:
    try:
        return _exchange(process, job.kind.value + job.pcm).found
    except (EOFError, OSError, msgspec.DecodeError):
        process.kill()
        process.wait()
        return BackendError("the recogniser's process died", code="asr_failed")


def _exchange(process: subprocess.Popen[bytes], body: bytes) -> Answer:
    worker.send(cast(BinaryIO, process.stdin), body)
    return msgspec.json.decode(worker.receive(cast(BinaryIO, process.stdout)), type=Answer)


def _nobody(outcome: Outcome) -> None:
    pass
