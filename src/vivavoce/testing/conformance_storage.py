"""What every cache, bus, blob store must do: one suite per port, run on both twins.

A rule is a coroutine function that is given the thing twice: as two processes of one installation have it. In one
process both are the same object.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

from vivavoce import aio
from vivavoce.errors import Missing, StorageError
from vivavoce.storage.blobs.port import Blobs
from vivavoce.storage.bus import Bus, DeadLetter, Delivery, News, Retry
from vivavoce.storage.bus.ledger import Group, Held
from vivavoce.storage.bus.port import Handler
from vivavoce.storage.bus.streams import Streams
from vivavoce.storage.cache.port import Cache

T = TypeVar("T")

BlobsRule = Callable[[Blobs], Awaitable[None]]
BusRule = Callable[[Bus, Bus], Awaitable[None]]
CacheRule = Callable[[Cache, Cache], Awaitable[None]]


def name(rule: Callable[..., Any]) -> str:
    """What a rule says, for a test's id."""
    return rule.__name__.lstrip("_").replace("_", " ")


class Slow:
    """Makes a value when told to: `begun` says that somebody waits for it."""

    def __init__(self, value: bytes = b"made") -> None:
        self.value = value
        self.begun = asyncio.Event()
        self.finish = asyncio.Event()
        self.times = 0

    async def __call__(self) -> bytes:
        self.times += 1
        self.begun.set()
        value = self.value
        await self.finish.wait()
        return value


class Seen(list[T]):
    """What has come so far, in order; `reach` waits until there is so much of it."""

    def __init__(self) -> None:
        super().__init__()
        self._more = asyncio.Event()

    def take(self, thing: T) -> None:
        self.append(thing)
        self._more.set()

    async def reach(self, count: int) -> None:
        while len(self) < count:
            self._more.clear()
            await self._more.wait()


async def _gives(value: bytes) -> bytes:
    return value


async def _a_value_is_there_for_all_until_it_is_dropped(here: Cache, there: Cache) -> None:
    assert await here.get("k") is None
    await here.put("k", b"\x00value\xff", 60)
    assert await there.get("k") == b"\x00value\xff"
    await there.put("k", b"", 60)
    assert await here.get("k") == b""
    await here.drop("k", "unknown")
    assert await there.get("k") is None


async def _a_value_runs_out(here: Cache, there: Cache) -> None:
    await here.put("k", b"1", 0.02)
    await here.put("long", b"2", 60)
    assert await there.get("k") == b"1"
    await asyncio.sleep(0.03)
    assert await there.get("k") is None
    assert await there.get("long") == b"2"


async def _tags_forget_what_carries_them(here: Cache, there: Cache) -> None:
    await here.put("a", b"a", 60, tags=["apps", "en"])
    await there.put("b", b"b", 60, tags=["apps"])
    await here.put("c", b"c", 60, tags=["users"])
    await here.put("d", b"d", 60)
    await there.invalidate("apps", "nothing")
    assert [await here.get(key) for key in "abcd"] == [None, None, b"c", b"d"]
    assert await here.take("a") is None
    await here.put("a", b"again", 60, tags=["apps"])
    assert await there.get("a") == b"again"
    await here.put("b", b"another", 60, tags=["users"])
    await here.invalidate("apps")
    assert await there.get("b") == b"another"


async def _only_one_adds_and_only_one_takes(here: Cache, there: Cache) -> None:
    added = await asyncio.gather(*(cache.add("ticket", b"%d" % n, 60) for n, cache in enumerate([here, there] * 10)))
    assert added.count(True) == 1
    taken = await asyncio.gather(*(cache.take("ticket") for cache in [here, there] * 10))
    assert [value for value in taken if value is not None] == [b"%d" % added.index(True)]
    assert await there.add("ticket", b"next", 60)
    assert await here.get("ticket") == b"next"


async def _counters_count_for_all_and_run_out(here: Cache, there: Cache) -> None:
    await asyncio.gather(*(cache.count("tries", 1, 60) for cache in [here, there] * 10))
    assert await here.get("tries") == b"20"
    assert await there.count("tries", -5, 60) == 15
    assert await there.count("short", 2, 0.02) == 2
    assert await there.count("short", 2, 0.02) == 4
    await asyncio.sleep(0.03)
    assert await here.count("short", 1, 60) == 1


async def _a_counter_s_end_is_not_put_off_by_counting(here: Cache, there: Cache) -> None:
    assert await here.count("k", 1, 0.05) == 1
    assert await there.count("k", 1, 60) == 2
    await asyncio.sleep(0.06)
    assert await there.get("k") is None


async def _of_all_who_ask_at_once_one_makes_it(here: Cache, there: Cache) -> None:
    slow = Slow()
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(here.once("k", 60, slow)) for _ in range(20)]
        await slow.begun.wait()
        slow.finish.set()
    assert [task.result() for task in asked] == [b"made"] * 20
    assert slow.times == 1
    assert await there.once("k", 60, Slow()) == b"made"


async def _the_end_of_one_who_asks_leaves_the_others(here: Cache, there: Cache) -> None:
    slow = Slow()
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(here.once("k", 60, slow)) for _ in range(3)]
        await slow.begun.wait()
        asked[0].cancel()  # the one who makes it, and then one who waits
        await asyncio.wait([asked[0]])
        asked[1].cancel()
        slow.finish.set()
    assert await asked[2] == b"made"
    assert await there.get("k") == b"made"


async def _what_the_making_raises_all_get_and_nothing_is_kept(here: Cache, there: Cache) -> None:
    begun = asyncio.Event()
    fail = asyncio.Event()

    async def broken() -> bytes:
        begun.set()
        await fail.wait()
        raise StorageError("no")

    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(_error_of(here.once("k", 60, broken))) for _ in range(3)]
        await begun.wait()
        fail.set()
    assert [str(task.result()) for task in asked] == ["no"] * 3
    assert await there.once("k", 60, lambda: _gives(b"well")) == b"well"


async def _an_invalidation_during_the_making_wins(here: Cache, there: Cache) -> None:
    old, new = Slow(b"old"), Slow(b"new")
    new.finish.set()
    async with asyncio.TaskGroup() as group:
        before = group.create_task(here.once("k", 60, old, ["apps"]))
        await old.begun.wait()
        await there.invalidate("apps")
        assert await here.once("k", 60, new, ["apps"]) == b"new"
        old.finish.set()
    assert before.result() == b"old"
    assert await there.get("k") == b"new"


async def _what_is_too_large_is_refused(here: Cache, there: Cache) -> None:
    for refused in (
        here.put("k", bytes((1 << 20) + 1), 60),
        here.put("k" * 201, b"", 60),
        here.add("k" * 201, b"", 60),
        here.count("k" * 201, 1, 60),
        here.put("k", b"", 60, tags=["t" * 201]),
    ):
        assert isinstance(await _error_of(refused), StorageError)
    large = bytes((1 << 20) + 1)
    assert await here.once("k", 60, lambda: _gives(large)) == large
    assert await there.get("k") is None


async def _a_value_is_no_counter(here: Cache, there: Cache) -> None:
    await here.put("k", b"word", 60)
    assert isinstance(await _error_of(there.count("k", 1, 60)), StorageError)


async def _error_of(work: Awaitable[Any]) -> Exception | None:
    try:
        await work
    except StorageError as error:
        return error
    return None


CACHE_RULES: Final[tuple[CacheRule, ...]] = (
    _a_value_is_there_for_all_until_it_is_dropped,
    _a_value_runs_out,
    _tags_forget_what_carries_them,
    _only_one_adds_and_only_one_takes,
    _counters_count_for_all_and_run_out,
    _a_counter_s_end_is_not_put_off_by_counting,
    _of_all_who_ask_at_once_one_makes_it,
    _the_end_of_one_who_asks_leaves_the_others,
    _what_the_making_raises_all_get_and_nothing_is_kept,
    _an_invalidation_during_the_making_wins,
    _what_is_too_large_is_refused,
    _a_value_is_no_counter,
)


# ── blobs ─────────────────────────────────────────────────────────────────────────────────────────


async def chunks_of(*parts: bytes, then: BaseException | None = None) -> AsyncIterator[bytes]:
    """Bytes as they come from somewhere; at the end, perhaps, a fault."""
    for part in parts:
        yield part
    if then is not None:
        raise then


async def whole(stream: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in stream])


async def _what_was_put_is_there_whole_and_in_parts(blobs: Blobs) -> None:
    parts = [bytes([n]) * 3_000_000 for n in range(4)]
    everything = b"".join(parts)
    info = await blobs.put("recordings/one.ogg", chunks_of(*parts), "audio/ogg")
    assert (info.key, info.size) == ("recordings/one.ogg", len(everything))
    assert info.sha256 == hashlib.sha256(everything).hexdigest()
    assert (await blobs.head("recordings/one.ogg")).size == len(everything)
    assert await whole(blobs.get("recordings/one.ogg")) == everything
    for start, stop in ((0, 10), (2_999_990, 3_000_010), (11_999_999, None), (11_999_990, 99_999_999)):
        assert await whole(blobs.get("recordings/one.ogg", start, stop)) == everything[start:stop]


async def _a_range_without_bytes_is_empty(blobs: Blobs) -> None:
    await blobs.put("kind/five", chunks_of(b"12345"), "text/plain")
    for start, stop in ((5, None), (5, 9), (99, None), (3, 3), (4, 2), (0, 0)):
        assert await whole(blobs.get("kind/five", start, stop)) == b""
    await blobs.put("kind/empty", chunks_of(), "text/plain")
    assert await whole(blobs.get("kind/empty")) == b""
    assert (await blobs.head("kind/empty")).size == 0


async def _a_put_that_breaks_leaves_nothing(blobs: Blobs) -> None:
    for size in (10, 6_000_000):
        fault = KeyError("mid-way")
        assert await _raised(blobs.put("kind/broken", chunks_of(bytes(size), bytes(size), then=fault), "x/y")) is fault
        assert isinstance(await _raised(blobs.head("kind/broken")), Missing)
    await blobs.put("kind/kept", chunks_of(b"old"), "x/y")
    await _raised(blobs.put("kind/kept", chunks_of(b"new", then=OSError("the sender left")), "x/y"))
    assert await whole(blobs.get("kind/kept")) == b"old"
    assert sorted([key async for key in blobs.keys("")]) == ["kind/kept"]


async def _a_cancelled_put_leaves_nothing(blobs: Blobs) -> None:
    begun = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield bytes(6_000_000)
        begun.set()
        await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        putting = group.create_task(blobs.put("kind/endless", endless(), "x/y"))
        await begun.wait()
        putting.cancel()
    assert isinstance(await _raised(blobs.head("kind/endless")), Missing)


async def _a_second_put_replaces_the_first(blobs: Blobs) -> None:
    await blobs.put("kind/a", chunks_of(b"first, and longer"), "text/plain")
    await blobs.put("kind/a", chunks_of(b"second"), "text/plain")
    assert await whole(blobs.get("kind/a")) == b"second"


async def _what_is_not_there_is_missing_and_may_be_deleted(blobs: Blobs) -> None:
    await blobs.put("kind/a", chunks_of(b"1"), "text/plain")
    await blobs.delete("kind/a")
    await blobs.delete("kind/a")
    assert isinstance(await _raised(whole(blobs.get("kind/a"))), Missing)
    assert isinstance(await _raised(whole(blobs.get("kind/a", 5))), Missing)
    assert isinstance(await _raised(blobs.head("kind/a")), Missing)
    assert isinstance(await _raised(blobs.head("kind/b")), Missing)


async def _keys_are_listed_by_folder(blobs: Blobs) -> None:
    assert [key async for key in blobs.keys("")] == []
    for key in ("a/1", "a/b/2", "ab/3"):
        await blobs.put(key, chunks_of(b"xyz"), "text/plain")
    assert sorted([key async for key in blobs.keys("")]) == ["a/1", "a/b/2", "ab/3"]
    assert sorted([key async for key in blobs.keys("a")]) == ["a/1", "a/b/2"]
    assert sorted([key async for key in blobs.keys("a/")]) == ["a/1", "a/b/2"]
    assert [key async for key in blobs.keys("none")] == []
    assert [entry.size async for entry in blobs.entries("ab")] == [3]


async def _keys_that_lead_elsewhere_are_refused(blobs: Blobs) -> None:
    for key in (
        "../up/x",
        "a/../../x",
        "/etc/passwd",
        "a//b",
        "a/",
        "a",
        "",
        "a/.hidden",
        ".uploads/x",
        "a\\..\\b",
        "a/b#1",
    ):
        for refused in (
            blobs.put(key, chunks_of(b""), "x/y"),
            whole(blobs.get(key)),
            blobs.head(key),
            blobs.delete(key),
        ):
            error = await _raised(refused)
            assert type(error) is StorageError, key
    assert type(await _raised(whole_list(blobs.keys("../")))) is StorageError


async def whole_list(keys: AsyncIterator[str]) -> list[str]:
    return [key async for key in keys]


async def _raised(work: Awaitable[Any]) -> Exception | None:
    try:
        await work
    except (StorageError, KeyError, OSError, Missing) as error:
        return error
    return None


BLOBS_RULES: Final[tuple[BlobsRule, ...]] = (
    _what_was_put_is_there_whole_and_in_parts,
    _a_range_without_bytes_is_empty,
    _a_put_that_breaks_leaves_nothing,
    _a_cancelled_put_leaves_nothing,
    _a_second_put_replaces_the_first,
    _what_is_not_there_is_missing_and_may_be_deleted,
    _keys_are_listed_by_folder,
    _keys_that_lead_elsewhere_are_refused,
)


# ── bus ───────────────────────────────────────────────────────────────────────────────────────────

SOON: Final = Retry(attempts=3, first_s=0.02, most_s=0.02, claim_s=10)
"""Short, since with a database or Redis it is real time."""
BRIEFLY_HELD: Final = Retry(attempts=3, first_s=0.02, most_s=0.02, claim_s=0.5)


@asynccontextmanager
async def working(
    bus: Bus, handle: Handler, *, group: str = "g", me: str = "me", retry: Retry = SOON
) -> AsyncIterator[None]:
    """A consumer of the stream `s`, until left."""
    async with working_on(bus, "s", handle, group=group, me=me, retry=retry):
        yield


@asynccontextmanager
async def working_on(
    bus: Bus, stream: str, handle: Handler, *, group: str = "g", me: str = "me", retry: Retry = SOON
) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        task = aio.spawn(tasks, bus.consume(stream, group, me, handle, retry), f"consumer {me}")
        try:
            yield
        finally:
            task.cancel()


class Handling:
    """A handler that notes what it is given, and fails for those that it is told to, so many times."""

    def __init__(self, **failures: int) -> None:
        self.failures = {name.encode(): times for name, times in failures.items()}
        self.given = Seen[tuple[bytes, int]]()
        self.done = Seen[bytes]()

    async def __call__(self, entry: Delivery) -> None:
        self.given.take((entry.payload, entry.attempt))
        await asyncio.sleep(0)
        if self.failures.get(entry.payload, 0) >= entry.attempt:
            raise StorageError("not now", code="not_now")
        self.done.take(entry.payload)


async def _news_reaches_whoever_subscribes_in_order(here: Bus, there: Bus) -> None:
    mine, yours, others = Seen[News](), Seen[News](), Seen[News]()
    async with here.subscribe("a", mine.take), there.subscribe("a", yours.take), there.subscribe("b", others.take):
        sent = [News("a", b"%d" % n) for n in range(50)]
        for news in sent:
            await here.publish("a", news.payload)
        await there.publish("b", b"\x00\xff")
        await mine.reach(50)
        await yours.reach(50)
        await others.reach(1)
    assert mine == yours == sent
    assert others == [News("b", b"\x00\xff")]
    assert here.silent_s < 2


async def _who_has_left_hears_nothing_and_the_others_go_on(here: Bus, there: Bus) -> None:
    gone, stays = Seen[News](), Seen[News]()
    async with there.subscribe("a", stays.take):
        async with there.subscribe("a", gone.take):
            pass
        await here.publish("a", b"1")
        await stays.reach(1)
        assert gone == []
        async with there.subscribe("a", gone.take):
            await here.publish("a", b"2")
            await gone.reach(1)
            await stays.reach(2)
    assert gone == [News("a", b"2")]


async def _a_new_group_gets_all_that_was_appended_in_order(here: Bus, there: Bus) -> None:
    first, second = Handling(), Handling()
    sent = [b"%d" % n for n in range(8)]
    for payload in sent[:4]:
        await here.append("s", payload)
    async with working(there, first, group="one"), working(here, second, group="two"):
        await first.done.reach(4)
        for payload in sent[4:]:
            await here.append("s", payload)
        await first.done.reach(8)
        await second.done.reach(8)
    assert first.done == second.done == sent


async def _each_entry_goes_to_one_consumer_of_a_group(here: Bus, there: Bus) -> None:
    handle = Handling()
    sent = [b"%d" % n for n in range(15)]
    async with working(here, handle, me="a"), working(there, handle, me="b"), working(there, handle, me="c"):
        for payload in sent:
            await here.append("s", payload)
        await handle.done.reach(15)
    assert sorted(handle.given) == sorted((payload, 1) for payload in sent)


async def _what_fails_is_tried_again_while_the_others_go_on(here: Bus, there: Bus) -> None:
    handle = Handling(bad=2)
    for payload in (b"bad", b"good"):
        await here.append("s", payload)
    async with working(there, handle):
        await handle.done.reach(2)
    assert sorted(handle.given) == [(b"bad", 1), (b"bad", 2), (b"bad", 3), (b"good", 1)]
    assert handle.given[0] == (b"bad", 1)
    assert await here.length("s.dead") == 0


async def _what_fails_too_often_becomes_a_dead_letter(here: Bus, there: Bus) -> None:
    handle = Handling(bad=9)
    bad = await here.append("s", b"bad", key="k")
    await here.append("s", b"next", key="k")
    async with working(there, handle):
        await handle.done.reach(1)
        (entry,) = await here.read("s.dead", "", 9)
    assert DeadLetter.parse(entry.payload) == DeadLetter(
        id=bad, group="g", attempts=3, reason="StorageError: not_now", key="k", payload=b"bad"
    )
    assert handle.given == [(b"bad", 1), (b"bad", 2), (b"bad", 3), (b"next", 1)]


async def _entries_of_a_key_wait_for_the_earlier_one(here: Bus, there: Bus) -> None:
    handle = Handling(a1=2, b2=1)
    for name in ("a1", "b1", "a2", "b2", "a3", "b3"):
        await here.append("s", name.encode(), key=name[0])
    async with working(here, handle, me="a"), working(there, handle, me="b"):
        await handle.done.reach(6)
    for key in (b"a", b"b"):
        assert [payload for payload in handle.done if payload.startswith(key)] == [key + n for n in (b"1", b"2", b"3")]
    assert (b"a2", 1) in handle.given  # waiting was no attempt


async def _a_consumer_that_dies_is_replaced_when_its_time_is_up(here: Bus, there: Bus) -> None:
    handle = Handling()
    await here.append("s", b"1", key="k")
    await here.append("s", b"2", key="k")
    held = await _streams(here).ledger.next(Group("s", "g"), "dies", 0.05)
    assert isinstance(held, Delivery)
    async with working(there, handle):
        await handle.done.reach(2)
    assert handle.given == [(b"1", 2), (b"2", 1)]


async def _who_has_lost_an_entry_can_do_nothing_with_it(here: Bus, there: Bus) -> None:
    """Not even under the same name: the attempt tells the two apart."""
    ledger, group = _streams(here).ledger, Group("s", "g")
    await here.append("s", b"1")
    held = []
    for consumer in ("same", "same", "other"):
        entry: Delivery | float = 0.0
        while not isinstance(entry, Delivery):
            entry = await ledger.next(group, consumer, 10)
        held.append(Held(group, consumer, entry))
        if consumer == "same":
            await ledger.later(held[-1], 0)
    for lost in held[:2]:
        assert not await ledger.extend(lost, 10)
        await ledger.done(lost)
        await ledger.give_back(lost)
        await ledger.bury(lost, b"letter")
    assert await ledger.extend(held[2], 10)
    assert held[2].entry.attempt == 3
    assert await here.length("s.dead") == 0


async def _an_entry_that_kills_its_consumers_becomes_a_dead_letter(here: Bus, there: Bus) -> None:
    handle = Handling()
    await here.append("s", b"deadly")
    await here.append("s", b"good")
    for n in range(3):
        held: Delivery | float = 0.0
        while not (isinstance(held, Delivery) and held.payload == b"deadly"):
            held = await _streams(here).ledger.next(Group("s", "g"), f"dies {n}", 0.01)
            await asyncio.sleep(0.01)
    async with working(there, handle):
        await handle.done.reach(1)
    assert handle.done == [b"good"]
    letters = Seen[Delivery]()

    async def read(entry: Delivery) -> None:
        letters.take(entry)

    async with working(there, handle), working_on(there, "s.dead", read):
        await letters.reach(1)
    assert DeadLetter.parse(letters[0].payload).reason == "consumer_lost"


async def _a_slow_handler_keeps_its_entry(here: Bus, there: Bus) -> None:
    """It takes twice as long as a hold lasts, and meanwhile somebody else looks for work."""
    begun, finished, other = asyncio.Event(), asyncio.Event(), Handling()

    async def slow(entry: Delivery) -> None:
        begun.set()
        await asyncio.sleep(2 * BRIEFLY_HELD.claim_s)
        finished.set()

    await here.append("s", b"long")
    async with working(here, slow, me="slow", retry=BRIEFLY_HELD):
        await begun.wait()
        async with working(there, other, me="other", retry=BRIEFLY_HELD):
            await here.append("s", b"short")
            await other.done.reach(1)
            await finished.wait()
    assert other.given == [(b"short", 1)]


async def _a_consumer_that_is_stopped_gives_back_what_it_had(here: Bus, there: Bus) -> None:
    begun, handle = asyncio.Event(), Handling()

    async def endless(entry: Delivery) -> None:
        begun.set()
        await asyncio.Event().wait()

    await here.append("s", b"1")
    async with working(here, endless, me="stops"):
        await begun.wait()
    async with working(there, handle, me="other"):
        await handle.done.reach(1)
    assert handle.given == [(b"1", 1)]


async def _a_long_stream_is_trimmed_and_what_is_lost_is_counted(here: Bus, there: Bus) -> None:
    handle = Handling()
    for n in range(4):
        await here.append("s", b"done %d" % n, keep=20)
        done = await _streams(here).ledger.next(Group("s", "g"), "early", 10)
        assert isinstance(done, Delivery)
        await _streams(here).ledger.done(Held(Group("s", "g"), "early", done))
    for n in range(60):
        await there.append("s", b"%d" % n, key=f"{n % 3}", keep=20)
    kept = await here.length("s")
    assert 20 <= kept <= 22
    assert [entry.payload for entry in await here.read("s", "", 99)] == [b"%d" % n for n in range(60 - kept, 60)]
    assert await here.lost("s") == 60 - kept
    async with working(there, handle):
        await handle.done.reach(kept)
    assert handle.done == [b"%d" % n for n in range(60 - kept, 60)]
    assert await here.lost("s") == 60 - kept


async def _what_is_trimmed_in_the_middle_of_work_is_lost_too(here: Bus, there: Bus) -> None:
    handle = Handling()
    ledger = _streams(here).ledger
    await here.append("s", b"first", key="k", keep=5)
    held = await ledger.next(Group("s", "g"), "dies", 10)
    assert isinstance(held, Delivery)
    await here.append("s", b"parked", key="k", keep=5)
    assert not isinstance(await ledger.next(Group("s", "g"), "other", 10), Delivery)
    await ledger.later(Held(Group("s", "g"), "dies", held), 0)
    for n in range(5):
        await there.append("s", b"%d" % n, key="k", keep=5)
    async with working(there, handle):
        await handle.done.reach(5)
    assert handle.done == [b"%d" % n for n in range(5)]
    assert await here.lost("s") == 2


async def _a_stream_can_be_read_from_anywhere(here: Bus, there: Bus) -> None:
    assert (await here.length("s"), await here.last_id("s"), await here.read("s", "", 9)) == (0, "", [])
    ids = [await here.append("s", b"%d" % n, key="k") for n in range(5)]
    await here.append("other", b"x")
    assert await there.last_id("s") == ids[-1]
    assert await there.length("s") == 5
    assert await there.read("s", ids[1], 2) == [Delivery("s", ids[n], b"%d" % n, 0, "k") for n in (2, 3)]
    assert await there.read("s", ids[-1], 2) == []


async def _what_is_too_long_is_not_appended(here: Bus, there: Bus) -> None:
    for refused in (
        here.append("s", bytes((1 << 20) + 1)),
        here.append("s" * 65, b""),
        here.append("s", b"", key="k" * 65),
        here.append("s", b"", keep=0),
    ):
        assert isinstance(await _error_of(refused), StorageError)
    assert await there.length("s") == 0


def _streams(bus: Bus) -> Streams:
    assert isinstance(bus, Streams)
    return bus


BUS_RULES: Final[tuple[BusRule, ...]] = (
    _news_reaches_whoever_subscribes_in_order,
    _who_has_left_hears_nothing_and_the_others_go_on,
    _a_new_group_gets_all_that_was_appended_in_order,
    _each_entry_goes_to_one_consumer_of_a_group,
    _what_fails_is_tried_again_while_the_others_go_on,
    _what_fails_too_often_becomes_a_dead_letter,
    _entries_of_a_key_wait_for_the_earlier_one,
    _a_consumer_that_dies_is_replaced_when_its_time_is_up,
    _who_has_lost_an_entry_can_do_nothing_with_it,
    _an_entry_that_kills_its_consumers_becomes_a_dead_letter,
    _a_slow_handler_keeps_its_entry,
    _a_consumer_that_is_stopped_gives_back_what_it_had,
    _a_long_stream_is_trimmed_and_what_is_lost_is_counted,
    _what_is_trimmed_in_the_middle_of_work_is_lost_too,
    _a_stream_can_be_read_from_anywhere,
    _what_is_too_long_is_not_appended,
)
