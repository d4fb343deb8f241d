from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, get_args

import pytest

from channels.actors import Stage
from channels.people import Channels, person
from vivavoce import aio
from vivavoce.accounts.permissions import ROLES, TABLE, Role
from vivavoce.accounts.principal import Principal
from vivavoce.channels.door import Caller
from vivavoce.channels.feed import LiveFeed
from vivavoce.channels.live import TOPICS, LiveChannel, offered, sees
from vivavoce.wire.live import Topic

EVERY = list(get_args(Topic))


class Watch:
    """A page that watches, on a tape."""

    def __init__(self, group: asyncio.TaskGroup, feed: LiveFeed, principal: Principal) -> None:
        self.stage = Stage(group, caller=Caller(principal, "127.0.0.1"))
        self.stage.connection.channel = LiveChannel(self.stage.connection, feed)

    def subscribe(self, *topics: str, cursor: str | None = None) -> None:
        self.stage.say({"type": "subscribe", "topics": topics, **({"cursor": cursor} if cursor else {})})

    def said(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.stage.tape.messages if message["type"] == kind]

    @property
    def ids(self) -> list[str]:
        return [event["id"] for event in self.said("event")]

    @property
    def cursor(self) -> str:
        return str(self.stage.tape.messages[-1]["cursor"])


class Hall:
    """A feed and those who watch it."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self.bus = Channels()
        self.feed = LiveFeed(self.bus, clock=lambda: 1_790_000_000_000 + round(aio.now() * 1_000))
        self._group = group

    def watch(self, principal: Principal) -> Watch:
        return Watch(self._group, self.feed, principal)


@asynccontextmanager
async def hall() -> AsyncIterator[Hall]:
    async with asyncio.TaskGroup() as group:
        made = Hall(group)
        running = group.create_task(made.feed.run())
        await asyncio.sleep(0)
        yield made
        running.cancel()


async def test_events_of_the_topics_one_watches_come_with_a_cursor() -> None:
    async with hall() as made:
        ada = made.watch(person("ada", "admin"))
        ada.subscribe("users", "apps")
        await made.bus.tell("users", "u1", kind="created", data={"role": "viewer"})
        await made.bus.tell("audit", "a1")
        assert ada.said("subscribed")[0]["topics"] == ["apps", "users"]
        (event,) = ada.said("event")
        assert event | {"cursor": ""} == {
            "type": "event",
            "cursor": "",
            "topic": "users",
            "kind": "created",
            "id": "u1",
            "data": {"role": "viewer"},
        }


def cases() -> Iterator[tuple[Role, Topic]]:
    for role in ROLES:
        for topic in TOPICS:
            yield role, topic


@pytest.mark.parametrize(("role", "topic"), list(cases()))
async def test_everybody_hears_what_their_permissions_show_and_nothing_else(role: Role, topic: Topic) -> None:
    async with hall() as made:
        somebody = person("somebody", role)
        page = made.watch(somebody)
        page.subscribe(*EVERY)
        await made.bus.tell(topic, "own", owner=somebody.user)
        await made.bus.tell(topic, "foreign", owner="somebody-else")
        await made.bus.tell(topic, "nobodys")
        own, everybodys = TOPICS[topic]
        if everybodys in TABLE[role]:
            assert page.ids == ["own", "foreign", "nobodys"]
        elif own is not None and own in TABLE[role]:
            assert page.ids == ["own"]
        else:
            assert page.ids == []
            assert topic not in page.said("subscribed")[0]["topics"]


async def test_a_guest_sees_nothing_by_having_no_name() -> None:
    nobody = Principal("", "guest", "user", "", "guest", frozenset({"talk"}))
    assert not any(sees(nobody, topic, "") for topic in TOPICS)
    assert offered(nobody, "sessions")


async def test_after_a_reconnect_nothing_is_missed_and_nothing_doubled() -> None:
    async with hall() as made:
        ada = person("ada", "admin")
        first = made.watch(ada)
        first.subscribe("users")
        await made.bus.tell("users", "1")
        cursor = first.cursor
        first.stage.connection.lost()
        for number in "234":
            await made.bus.tell("users", number)
        await made.bus.tell("apps", "5")
        again = made.watch(ada)
        again.subscribe("users", cursor=cursor)
        await made.bus.tell("users", "6")
        assert first.ids == ["1"]
        assert again.ids == ["2", "3", "4", "6"]
        assert not again.said("snapshot_needed")


async def test_what_one_may_not_see_is_not_seen_by_resuming_either() -> None:
    async with hall() as made:
        start = made.feed.cursor
        await made.bus.tell("users", "1")
        await made.bus.tell("conversations", "2", owner="somebody-else")
        uli = made.watch(person("uli"))
        uli.subscribe(*EVERY, cursor=start)
        assert uli.ids == []


async def test_an_unknown_cursor_means_to_ask_for_everything_again() -> None:
    async with hall() as made:
        await made.bus.tell("users", "1")
        ada = made.watch(person("ada", "admin"))
        ada.subscribe("users", cursor="from.another.time")
        assert ada.stage.tape.types == ["subscribed", "snapshot_needed"]
        assert ada.said("snapshot_needed")[0]["cursor"] == made.feed.cursor
        await made.bus.tell("users", "2")
        assert ada.ids == ["2"]


async def test_so_does_more_than_is_worth_repeating() -> None:
    async with hall() as made:
        start = made.feed.cursor
        for number in range(501):
            await made.bus.tell("users", str(number))
        ada = made.watch(person("ada", "admin"))
        ada.subscribe("users", cursor=start)
        assert ada.stage.tape.types == ["subscribed", "snapshot_needed"]


async def test_a_bus_that_was_away_is_said_so() -> None:
    async with hall() as made:
        ada = made.watch(person("ada", "admin"))
        ada.subscribe("users")
        made.bus.cut()
        assert ada.stage.tape.types == ["subscribed", "snapshot_needed"]


async def test_a_ping_is_answered_and_topics_may_change() -> None:
    async with hall() as made:
        ada = made.watch(person("ada", "admin"))
        ada.subscribe("users")
        ada.subscribe("apps")
        await made.bus.tell("users", "1")
        await made.bus.tell("apps", "2")
        ada.stage.say({"type": "ping"})
        assert ada.ids == ["2"]
        assert ada.said("pong")[0]["cursor"] == made.feed.cursor


async def test_mistakes_have_names_and_a_flood_is_too_fast() -> None:
    async with hall() as made:
        ada = made.watch(person("ada", "admin"))
        ada.stage.sound(b"\\0\\0")
        ada.stage.say({"type": "sing"})
        for _ in range(70):
            ada.subscribe("users")
        assert ada.stage.tape.errors == ["bad_input", "unknown_type", "too_fast"]


async def test_who_does_not_read_is_cut_and_hears_no_more() -> None:
    async with hall() as made:
        ada = made.watch(person("ada", "admin"))
        ada.subscribe("users")
        ada.stage.tape.unread = 2 << 20
        await made.bus.tell("users", "1")
        assert ada.stage.tape.was_cut
        assert ada.stage.tape.errors == ["slow_client"]
        await made.bus.tell("users", "2")
        assert ada.ids == ["1"]
        ada.stage.connection.lost()
        assert not made.feed._readers
