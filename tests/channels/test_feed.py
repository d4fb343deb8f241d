from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hypothesis import given
from hypothesis import strategies as st

from channels.people import Channels
from vivavoce import aio
from vivavoce.channels.feed import LARGEST, Entry, LiveFeed, RingLimits
from vivavoce.testing import virtual


def clock() -> int:
    return 1_790_000_000_000 + round(aio.now() * 1_000)


class Page:
    """What one reader was told."""

    def __init__(self) -> None:
        self.seen: list[Entry] = []
        self.lost: list[str] = []

    def take(self, entry: Entry) -> None:
        self.seen.append(entry)

    def lost_track(self, cursor: str) -> None:
        self.lost.append(cursor)


@asynccontextmanager
async def listening(*feeds: LiveFeed) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(feed.run()) for feed in feeds]
        await asyncio.sleep(0)
        yield
        for task in tasks:
            task.cancel()


def messages(entries: object) -> list[bytes]:
    assert entries is not None
    return [entry.name for entry in entries]  # type: ignore[attr-defined]


async def test_who_listens_hears_and_who_comes_back_misses_nothing_and_gets_nothing_twice() -> None:
    bus = Channels()
    feed = LiveFeed(bus, clock=clock)
    async with listening(feed):
        page = Page()
        feed.join(page)
        await bus.tell("users", "1")
        feed.leave(page)
        (last,) = page.seen
        await bus.tell("users", "2")
        await bus.tell("apps", "3")
        missed = feed.since(last.cursor)
        assert missed is not None
        assert [entry.topic for entry in missed] == ["users", "apps"]
        assert feed.since(missed[-1].cursor) == []


async def test_where_nothing_happened_yet_the_cursor_holds_too() -> None:
    bus = Channels()
    feed = LiveFeed(bus, clock=clock)
    async with listening(feed):
        before = feed.cursor
        assert feed.since(before) == []
        await bus.tell("users", "1")
        missed = feed.since(before)
        assert missed is not None
        assert len(missed) == 1


async def test_a_cursor_means_the_same_on_another_gateway_also_among_equal_news() -> None:
    bus = Channels()
    here, there = LiveFeed(bus, clock=clock), LiveFeed(bus, clock=clock)
    async with listening(here, there):
        await asyncio.sleep(6)
        page = Page()
        here.join(page)
        for number in range(10):
            await bus.tell("users", str(number % 2))
        for index, entry in enumerate(page.seen):
            assert messages(there.since(entry.cursor)) == messages(page.seen[index + 1 :])


async def test_a_gateway_that_has_not_been_there_long_enough_does_not_pretend() -> None:
    bus = Channels()
    old = LiveFeed(bus, clock=clock)
    async with listening(old):
        await bus.tell("users", "1")
        first = old.cursor
        await asyncio.sleep(60)
        young = LiveFeed(bus, clock=clock)
        async with listening(young):
            await bus.tell("users", "1")  # the same text, another occurrence
            assert young.since(first) is None
            assert old.since(first) is not None
            for nonsense in ("", "x", "a.b.c", "00000000.zz.start", old.cursor + "9", "." * 120):
                assert young.since(nonsense) is None


async def test_news_are_kept_for_ten_minutes_and_then_their_cursors_are_unknown() -> None:
    bus = Channels()
    feed = LiveFeed(bus, clock=clock)
    async with listening(feed):
        await bus.tell("users", "1")
        first = feed.cursor
        await asyncio.sleep(300)
        await bus.tell("users", "2")
        second = feed.cursor
        await asyncio.sleep(301)
        # The first one has just left: what came after it is still there.
        assert messages(feed.since(first)) == [second.split(".", 2)[2]]
        assert feed.since(second) == []
        await asyncio.sleep(300)
        assert feed.since(first) is None
        assert feed.since(second) == []  # the newest that left: nothing came after it


async def test_the_ring_is_bounded_in_number_and_bytes() -> None:
    bus = Channels()
    feed = LiveFeed(bus, clock=clock, limits=RingLimits(entries=10, bytes=2_000))
    async with listening(feed):
        for number in range(50):
            await bus.tell("users", str(number))
        assert len(feed._ring) == len(feed._names) == len(feed._equal) == 10
        for number in range(50):
            await bus.tell("users", str(number), data={"text": "x" * 500})
        assert len(feed._ring) == 3


async def test_news_that_may_have_been_missed_are_said_to_be_missed() -> None:
    bus = Channels()
    feed = LiveFeed(bus, clock=clock)
    async with listening(feed):
        page = Page()
        feed.join(page)
        await bus.tell("users", "1")
        before = feed.cursor
        bus.cut()
        assert page.lost == [feed.cursor]
        assert feed.since(before) is None
        await bus.tell("users", "2")
        missed = feed.since(page.lost[0])
        assert missed is not None
        assert len(missed) == 1


async def test_what_nobody_can_read_harms_nobody() -> None:
    bus = Channels()
    feed = LiveFeed(bus, clock=clock)
    async with listening(feed):
        for payload in (
            b"",
            b"{",
            b"[]",
            b'{"topic": "passwords", "kind": "a", "id": "b"}',
            b'{"a":"' + b"x" * LARGEST,
        ):
            await bus.publish("live", payload)
        await bus.tell("users", "1")
        assert len(feed._ring) == 1


@given(
    st.lists(st.one_of(st.sampled_from("ab"), st.integers(1, 400)), max_size=40),
    st.integers(0, 40),
)
def test_whenever_one_leaves_the_rest_comes_once_in_order_or_is_known_to_be_unknown(
    happenings: list[str | int], left_after: int
) -> None:
    """Texts are news, numbers seconds; somebody leaves after so many of them and comes back in the end, elsewhere."""

    async def play() -> None:
        bus = Channels()
        here, there = LiveFeed(bus, clock=clock), LiveFeed(bus, clock=clock)
        async with listening(here, there):
            await asyncio.sleep(10)
            page = Page()
            here.join(page)
            left = here.cursor
            for index, happening in enumerate(happenings):
                if isinstance(happening, int):
                    await asyncio.sleep(happening)
                else:
                    await bus.tell("users", happening)
                if index < left_after:
                    left = here.cursor
            seen = [entry.name for entry in page.seen]
            known = left.partition(".")[2].partition(".")[2]
            for feed in (here, there):
                missed = feed.since(left)
                if missed is not None and known in seen and seen.count(known) == 1:
                    assert messages(missed) == seen[seen.index(known) + 1 :]

    virtual.run(play())
