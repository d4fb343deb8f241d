"""What every cache, bus, blob store must do: one suite per port, run on both twins.

A rule is a coroutine function that is given the thing twice: as two processes of one installation have it. In one
process both are the same object.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, TypeVar

from vivavoce.errors import Missing, StorageError
from vivavoce.storage.blobs.port import Blobs
from vivavoce.storage.cache.port import Cache

T = TypeVar("T")

BlobsRule = Callable[[Blobs], Awaitable[None]]
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
