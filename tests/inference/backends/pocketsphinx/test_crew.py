"""The queue in front of the decoding processes, and what becomes of one that is stuck."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import Queue

import numpy as np
import psutil
import pytest

from vivavoce.errors import BackendTimeout, Closed, VivavoceError
from vivavoce.inference.backends.pocketsphinx.crew import Crew, Job, Outcome
from vivavoce.inference.backends.pocketsphinx.rejection import Understanding
from vivavoce.inference.backends.pocketsphinx.worker import Kind

pytestmark = pytest.mark.journey
WAIT_S = 30
BURSTS = (np.random.default_rng(1).normal(0, 3000, 160_000) * (np.arange(160_000) // 4000 % 2)).astype("<i2").tobytes()
"""Ten seconds that take a while."""


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    crew = Crew("", 1, 1)
    loaded = threading.Event()
    crew.start(lambda error: loaded.set())
    assert loaded.wait(WAIT_S)
    yield crew
    crew.close()


def asked(crew: Crew, outcomes: Queue[Outcome], *, spare: bool = False) -> Job | None:
    job = Job(Kind.READ, bytes(3200), outcomes.put)
    return job if crew.ask(job, spare=spare) else None


def test_a_job_is_done(crew: Crew) -> None:
    outcomes: Queue[Outcome] = Queue()
    assert asked(crew, outcomes)
    assert outcomes.get(timeout=WAIT_S) == Understanding()


def test_a_stuck_process_is_replaced(crew: Crew) -> None:
    outcomes: Queue[Outcome] = Queue()
    job = Job(Kind.READ, BURSTS, outcomes.put)
    assert crew.ask(job)
    while (process := job.process) is None:
        assert outcomes.empty(), "it should have taken a while"
        threading.Event().wait(0.001)
    psutil.Process(process.pid).suspend()

    waiting: Queue[Outcome] = Queue()
    assert asked(crew, waiting)
    assert not asked(crew, Queue()), "one waits already"
    assert not asked(crew, Queue(), spare=True), "spare work never waits"

    crew.abort(job)
    assert isinstance(outcomes.get(timeout=WAIT_S), BackendTimeout)
    assert waiting.get(timeout=WAIT_S) == Understanding(), "the next one is done by another process"
    assert outcomes.empty(), "an outcome comes once"


def test_a_withdrawn_job_is_not_heard_of(crew: Crew) -> None:
    withdrawn: Queue[Outcome] = Queue()
    job = asked(crew, withdrawn)
    assert job is not None
    crew.withdraw(job)
    later: Queue[Outcome] = Queue()
    while asked(crew, later) is None:
        threading.Event().wait(0.01)
    assert later.get(timeout=WAIT_S) == Understanding()
    assert withdrawn.empty()


def test_closing_tells_those_who_wait_for_loading() -> None:
    crew = Crew("", 1, 1)
    told: Queue[VivavoceError | None] = Queue()
    crew.start(told.put)
    crew.close()
    assert isinstance(told.get(timeout=WAIT_S), Closed | None)
    assert not asked(crew, Queue())
