"""A fixed number of decoding processes and the bounded queue in front of them.

One thread of this process stands for each decoding process: it starts it, hands it one job at a time and starts a new
one when it dies, or when it is stuck: whether anybody still waits for the job does not matter, since the next one would
be stuck behind it. A job whose process ended fails and is not tried again here: its sound may be the reason.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO, cast

import msgspec

from vivavoce.audio.pcm import INPUT_RATE, SAMPLE_BYTES
from vivavoce.errors import (
    BackendBusy,
    BackendError,
    BackendTimeout,
    BackendUnavailable,
    Closed,
    ConfigError,
    VivavoceError,
)
from vivavoce.inference.backends.pocketsphinx import worker
from vivavoce.inference.backends.pocketsphinx.load import Limits, Load
from vivavoce.inference.backends.pocketsphinx.rejection import Understanding
from vivavoce.inference.backends.pocketsphinx.worker import Answer, Kind

Outcome = Understanding | VivavoceError
_COMMAND = [sys.executable, "-c", f"from {worker.__name__} import main; main()"]
_LOOK_AGAIN_S = 0.05
_RESTART_S = 1.0
"""Pause before a process that could not start is started again."""
_LOAD_S = 60.0
"""A process that has not loaded by then is stuck; two seconds are usual."""


@dataclass(eq=False, slots=True)
class Job:
    """`deliver` is called once, from another thread, unless the job was withdrawn."""

    kind: Kind
    pcm: bytes
    deliver: Callable[[Outcome], None]
    since: float = field(default_factory=time.monotonic)
    """When it came; once it runs, when it began."""

    @property
    def piece(self) -> tuple[Kind, int]:
        return self.kind, len(self.pcm)


class Crew:
    """`size` processes over the grammar `jsgf` ("" for none). Jobs wait in order of arrival, and none that would be
    done too late (see `load`).

    Threads and processes begin with the first `start`. All methods return at once and may be called from anywhere.
    """

    def __init__(self, jsgf: str, size: int, limits: Limits) -> None:
        self._jsgf = jsgf
        self.size = size
        self.limits = limits
        self._load = Load(size, limits.foreseen_s)
        self._jobs: deque[Job] = deque()
        self._running: set[Job] = set()
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
                        for number in range(self.size)
                    ]
                    for thread in self._threads:
                        thread.start()
                return
        if loaded is not None:
            loaded(ready)

    def ask(self, job: Job, *, spare: bool = False) -> bool:
        """Queue `job`. False when it would be done too late, or the crew is closed; a `spare` one is only taken when it
        need not wait, and no glance at all while there is a crowd.
        """
        self.start()
        with self._change:
            now = time.monotonic()
            if self._closed or (spare and not self._has_room_to_spare(job, now)):
                return False
            if not spare and (len(self._jobs) >= self.limits.waiting or self._is_full(job, now)):
                self._load.refused(now)
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

    def _has_room_to_spare(self, job: Job, now: float) -> bool:
        return len(self._jobs) < self._idle and not (job.kind is Kind.GLANCE and self._load.is_crowded(now))

    def _is_full(self, job: Job, now: float) -> bool:
        crowded = self._load.is_crowded(now)
        new, *waiting = ((_in_haste(each.kind) if crowded else each.kind, len(each.pcm)) for each in (job, *self._jobs))
        return self._load.is_full(new, waiting, ((each.piece, now - each.since) for each in self._running))

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
            answer = _exchange(process, self._jsgf.encode(), _LOAD_S)
        except (EOFError, OSError, TimeoutError, msgspec.DecodeError):
            answer = Answer(error="the recogniser's process did not start")
        if answer.error:
            self._fail(
                ConfigError(answer.error) if answer.setting else BackendUnavailable(answer.error, code="asr_failed")
            )
            return
        self._count(1)
        self._tell(None)
        try:
            while (job := self._next()) is not None:
                outcome = self._answered(process, job)
                self._done(job, outcome)
                if process.poll() is not None:
                    return
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        with self._change:
            self._alive += change
            self._change.notify_all()

    def _next(self) -> Job | None:
        """The next job, which runs from now on; None when the crew is closed."""
        with self._change:
            self._idle += 1
            try:
                while True:
                    self._change.wait_for(lambda: self._closed or self._jobs)
                    if self._closed:
                        return None
                    job = self._jobs.popleft()
                    now = time.monotonic()
                    waited, job.since = now - job.since, now
                    self._load.waited(waited, now)
                    if waited <= self.limits.foreseen_s:
                        break
                    # It was expected to be done by now. Whoever waits for it is about to give up.
                    job.deliver(BackendBusy("the recogniser of this machine cannot keep up", code="asr_failed"))
                if self._load.is_crowded(now):
                    job.kind = _in_haste(job.kind)
                self._running.add(job)
                return job
            finally:
                self._idle -= 1

    def _answered(self, process: subprocess.Popen[bytes], job: Job) -> Outcome:
        limit_s = self.limits.stuck_s + len(job.pcm) / (INPUT_RATE * SAMPLE_BYTES)
        try:
            return _exchange(process, job.kind.value + job.pcm, limit_s).found
        except TimeoutError:
            failure: BackendError = BackendTimeout("recognition took too long", code="asr_failed")
        except (EOFError, OSError, msgspec.DecodeError):
            failure = BackendError("the recogniser's process died", code="asr_failed")
        process.kill()
        process.wait()
        return failure

    def _done(self, job: Job, outcome: Outcome) -> None:
        with self._change:
            self._running.discard(job)
            # Where nothing was audible nothing was decoded, which says nothing of the next job.
            if isinstance(outcome, Understanding) and outcome != Understanding():
                self._load.took(job.piece, time.monotonic() - job.since)
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


def _exchange(process: subprocess.Popen[bytes], body: bytes, limit_s: float) -> Answer:
    """One request and its answer. The process is killed after `limit_s`, which raises TimeoutError."""
    late = threading.Event()

    def give_up() -> None:
        late.set()
        process.kill()

    alarm = threading.Timer(limit_s, give_up)
    alarm.daemon = True
    alarm.start()
    try:
        worker.send(cast(BinaryIO, process.stdin), body)
        return msgspec.json.decode(worker.receive(cast(BinaryIO, process.stdout)), type=Answer)
    finally:
        alarm.cancel()
        # It may be ringing at this moment; afterwards it cannot hit the next job any more.
        alarm.join()
        if late.is_set():
            raise TimeoutError


def _in_haste(kind: Kind) -> Kind:
    return Kind.JUDGE_HASTILY if kind is Kind.JUDGE else kind


def _nobody(outcome: Outcome) -> None:
    pass
