from __future__ import annotations

from vivavoce.channels.readiness import Readiness


def test_only_a_loaded_process_that_does_not_drain_is_open() -> None:
    readiness = Readiness()
    assert (readiness.phase, readiness.open) == ("loading", False)
    readiness.loading("the recogniser")
    assert (readiness.what, readiness.open) == ("the recogniser", False)
    readiness.ready()
    assert (readiness.phase, readiness.open) == ("ok", True)
    readiness.drain()
    assert (readiness.phase, readiness.open) == ("draining", False)
