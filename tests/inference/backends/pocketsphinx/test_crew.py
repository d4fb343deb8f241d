"""The queue in front of the decoding processes, and what becomes of one that is stuck."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import Queue

import psutil
import pytest

from vivavoce.errors import BackendTimeout, Closed, VivavoceError
from vivavoce.inference.backends.pocketsphinx.crew import Crew, Job, Outcome
from vivavoce.inference.backends.pocketsphinx.load import Limits
from vivavoce.inference.backends.pocketsphinx.rejection import Understanding
from vivavoce.inference.backends.pocketsphinx.worker import Kind

pytestmark = pytest.mark.journey
WAIT_S = 30


@pytest.fixture
def crew() -> Iterator[Crew]:
    crew = Crew("", 1, Limits(waiting=1, foreseen_s=WAIT_S, stuck_s=1.0))
    loaded = threading.Event()
    crew.start(lambda error: loaded.set())
    assert loaded.wait(WAIT_S)
    yield crew
    crew.close()


def asked(crew: Crew, outcomes: Queue[Outcome], *, spare: bool = False) -> Job | None:
    job = Job(Kind.READ, bytes(3200), outcomes.put)
    return job if crew.ask(job, spare=spare) else None


def only_child() -> psutil.Process:
    """The decoding process of a crew of one."""
    (process,) = psutil.Process().children()
    return process


def test_a_job_is_done(crew: Crew) -> None:
    outcomes: Queue[Outcome] = Queue()
    assert asked(crew, outcomes)
    assert outcomes.get(timeout=WAIT_S) == Understanding()


def test_a_stuck_process_is_replaced_whether_anybody_waits_for_it_or_not(crew: Crew) -> None:
    for heard_of in (True, False):
        process = only_child()
        process.suspend()
        outcomes: Queue[Outcome] = Queue()
        job = asked(crew, outcomes)
        assert job is not None
        waiting: Queue[Outcome] = Queue()
        while asked(crew, waiting) is None:
            threading.Event().wait(0.001)  # until the first one has begun
        assert not asked(crew, Queue()), "one waits already"
        assert not asked(crew, Queue(), spare=True), "spare work never waits"

        if heard_of:
            assert isinstance(outcomes.get(timeout=WAIT_S), BackendTimeout)
        else:
            crew.withdraw(job)
        assert waiting.get(timeout=WAIT_S) == Understanding(), "the next one is done by another process"
        assert outcomes.empty(), "an outcome comes once, or never"
        assert not process.is_running()


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
    crew = Crew("", 1, Limits())
    told: Queue[VivavoceError | None] = Queue()
    crew.start(told.put)
    crew.close()
    assert isinstance(told.get(timeout=WAIT_S), Closed | None)
    assert not asked(crew, Queue())
