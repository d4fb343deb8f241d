from __future__ import annotations

import pytest

from vivavoce.channels.census import Census
from vivavoce.channels.limits import CensusLimits
from vivavoce.channels.proxies import Proxies
from vivavoce.errors import Refused


class Line:
    """A connection; `idle` between two requests."""

    def __init__(self, *, idle: bool = False) -> None:
        self.idle = idle
        self.let_go_of = 0

    def let_go(self) -> None:
        self.let_go_of += 1


def census(**limits: int) -> Census:
    return Census(CensusLimits(**limits), Proxies.of(["10.0.0.1"]))


def test_the_process_takes_so_many_and_again_when_one_has_gone() -> None:
    all_of_them = census(connections=2)
    leave = all_of_them.enter(Line(), "127.0.0.1")
    all_of_them.enter(Line(), "127.0.0.1")
    with pytest.raises(Refused, match="too many connections") as caught:
        all_of_them.enter(Line(), "127.0.0.1")
    assert (caught.value.code, caught.value.retry_after_s) == ("overloaded", 5)
    leave()
    all_of_them.enter(Line(), "127.0.0.1")
    assert len(all_of_them) == 2


def test_one_address_may_not_take_all_of_them_but_this_machine_and_a_proxy_may() -> None:
    all_of_them = census(per_address=1)
    leave = all_of_them.enter(Line(), "203.0.113.7")
    with pytest.raises(Refused, match="this address"):
        all_of_them.enter(Line(), "203.0.113.7")
    all_of_them.enter(Line(), "203.0.113.8")
    for peer in ("127.0.0.1", "10.0.0.1"):
        all_of_them.enter(Line(), peer)
        all_of_them.enter(Line(), peer)
    leave()
    all_of_them.enter(Line(), "203.0.113.7")


def test_of_too_many_strangers_the_oldest_that_waits_between_requests_goes() -> None:
    all_of_them = census(strangers=3)
    busy, idle, later = Line(), Line(idle=True), Line(idle=True)
    for line in (busy, idle, later, Line()):
        all_of_them.enter(line, "127.0.0.1")
    assert [line.let_go_of for line in (busy, idle, later)] == [0, 1, 0]
    assert all_of_them.strangers == 3


def test_when_all_strangers_are_busy_a_new_one_is_refused_and_who_is_known_does_not_count() -> None:
    all_of_them = census(strangers=1)
    known = Line()
    all_of_them.enter(known, "127.0.0.1")
    with pytest.raises(Refused, match="not signed in"):
        all_of_them.enter(Line(), "127.0.0.1")
    all_of_them.introduced(known)
    all_of_them.enter(Line(), "127.0.0.1")
    assert (all_of_them.strangers, len(all_of_them)) == (1, 2)
