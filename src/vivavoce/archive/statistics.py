"""How much was talked and how quickly it was answered, by hour or by day; no word of it.

Hours that are over are counted once, per person, into `activity_hours`: how long replies took as counts of steps of
5 %, from which any percentile of any range is read. The last hours are counted when they are asked for. So a year
costs a few thousand rows, and what somebody deletes is taken out again (`recount`); what only runs out stays counted.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from vivavoce.archive.leases import Leases
from vivavoce.errors import BadInput
from vivavoce.storage.clock import DAY, HOUR, Clock
from vivavoce.storage.database import Database
from vivavoce.storage.models import ActivityHour, Conversation, Lease, Turn

CUT: Final = frozenset({"interrupted", "stopped"})
"""Reasons of a turn whose reply was not heard to its end because of the person."""
SETTLED: Final = HOUR
"""An hour is counted so long after its end: turns that waited for the database have come by then."""
ROLL: Final = "activity"
"""Name of the lease under which hours are counted; `done_at` says up to where."""
LONGEST: Final = 366 * DAY
_STEP: Final = math.log(1.05)

Bucket = Literal["hour", "day"]


@dataclass(slots=True)
class Count:
    """What happened in some time."""

    conversations: int = 0
    turns: int = 0
    cuts: int = 0
    errors: int = 0
    people: set[str] = field(default_factory=set)
    responses: Counter[int] = field(default_factory=Counter)

    def percentile(self, share: float) -> int | None:
        """Milliseconds that this share of the replies did not exceed; exact to 2.5 %."""
        total = self.responses.total()
        if not total:
            return None
        rank, seen = math.ceil(share * total), 0
        for step in sorted(self.responses):
            seen += self.responses[step]
            if seen >= rank:
                return round(math.exp((step + 0.5) * _STEP)) if step > 0 else step
        raise AssertionError("ranks end at the total")


@dataclass(frozen=True, slots=True)
class Activity:
    """One hour or day, from `at`."""

    at: int
    conversations: int
    turns: int
    people: int
    cuts: int
    errors: int
    response_p50_ms: int | None
    response_p95_ms: int | None


class Statistics:
    """See the head of the module."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def activity(self, owner: str | None, since: int, until: int, bucket: Bucket) -> list[Activity]:
        """Each hour or day (UTC) from `since` to before `until` in which something was, of one person or of all.

        Raises BadInput for more than a year.
        """
        if not since < until <= since + LONGEST:
            raise BadInput("ask for a time of at most a year, its beginning before its end")
        size = HOUR if bucket == "hour" else DAY
        counts: dict[int, Count] = {}
        async with self._database.reading() as session:
            counted = await self._counted(session)
            await _kept(session, counts, size, owner, since - since % HOUR, min(until, counted))
            live = await _live(session, max(since - since % HOUR, counted), until, owner)
        for (hour, person), count in live.items():
            _merge(counts.setdefault(hour - hour % size, Count()), person, count)
        return [_shown(at, counts[at]) for at in sorted(counts)]

    async def roll(self, limit: int = 400) -> int:
        """Count hours that are over, at most `limit` days of them; how many days were counted."""
        days = 0
        while days < limit:
            async with self._database.writing() as session:
                begin = await self._counted(session, locked=True)
                if begin == 0:
                    oldest = await session.scalar(select(func.min(Turn.started_at)))
                    begin = oldest - oldest % HOUR if oldest is not None else self._over()
                end = min(begin + DAY, self._over())
                if end <= begin:
                    return days
                counts = await _live(session, begin, end, None)
                await session.execute(delete(ActivityHour).where(ActivityHour.hour >= begin, ActivityHour.hour < end))
                await _keep(session, counts)
                await Leases.done(session, ROLL, end)
            days += 1
        return days

    async def hours_of(self, session: AsyncSession, conversations: Sequence[str]) -> list[int]:
        """Hours in which these conversations have something."""
        starts = await session.scalars(select(Turn.started_at).where(Turn.conversation_id.in_(conversations)))
        begins = await session.scalars(select(Conversation.started_at).where(Conversation.id.in_(conversations)))
        return sorted({at - at % HOUR for at in (*starts, *begins)})

    async def recount(self, session: AsyncSession, owner: str, hours: Iterable[int]) -> None:
        """Count these hours of a person again, after something of them was taken away."""
        counted = await self._counted(session)
        for hour in hours:
            if hour >= counted:
                continue
            there = (ActivityHour.hour == hour, ActivityHour.owner_id == owner)
            await session.execute(delete(ActivityHour).where(*there))
            await _keep(session, await _live(session, hour, hour + HOUR, owner))

    def _over(self) -> int:
        """Before this, all hours are over."""
        settled = self._clock() - SETTLED
        return settled - settled % HOUR

    async def _counted(self, session: AsyncSession, *, locked: bool = False) -> int:
        """Hours before this are counted; 0 when none is."""
        statement = select(Lease.done_at).where(Lease.name == ROLL)
        return await session.scalar(statement.with_for_update() if locked else statement) or 0


def step_of(response_ms: int) -> int:
    """The step of 5 % that a response time lies in."""
    return int(math.log(response_ms) / _STEP) if response_ms >= 1 else 0


async def _kept(
    session: AsyncSession, counts: dict[int, Count], size: int, owner: str | None, since: int, until: int
) -> None:
    statement = select(
        ActivityHour.hour,
        ActivityHour.owner_id,
        ActivityHour.conversations,
        ActivityHour.turns,
        ActivityHour.cuts,
        ActivityHour.errors,
        ActivityHour.responses,
    ).where(ActivityHour.hour >= since, ActivityHour.hour < until)
    if owner is not None:
        statement = statement.where(ActivityHour.owner_id == owner)
    for hour, person, conversations, turns, cuts, errors, responses in await session.execute(statement):
        steps = Counter({int(step): number for step, number in responses.items()})
        count = Count(conversations, turns, cuts, errors, responses=steps)
        _merge(counts.setdefault(hour - hour % size, Count()), person, count)


async def _live(session: AsyncSession, since: int, until: int, owner: str | None) -> dict[tuple[int, str], Count]:
    """Counts per hour and person, from the turns themselves."""
    counts: dict[tuple[int, str], Count] = {}
    if since >= until:
        return counts
    turns = select(Turn.started_at, Turn.owner_id, Turn.response_ms, Turn.state, Turn.reason).where(
        Turn.started_at >= since, Turn.started_at < until, Turn.state != "open"
    )
    begun = select(Conversation.started_at, Conversation.owner_id).where(
        Conversation.started_at >= since, Conversation.started_at < until
    )
    if owner is not None:
        turns, begun = turns.where(Turn.owner_id == owner), begun.where(Conversation.owner_id == owner)
    for at, person, response_ms, state, reason in await session.execute(turns):
        count = counts.setdefault((at - at % HOUR, person), Count())
        count.turns += 1
        count.cuts += reason in CUT
        count.errors += state == "failed"
        if response_ms is not None:
            count.responses[step_of(response_ms)] += 1
    for at, person in await session.execute(begun):
        counts.setdefault((at - at % HOUR, person), Count()).conversations += 1
    return counts


async def _keep(session: AsyncSession, counts: dict[tuple[int, str], Count]) -> None:
    rows = [
        {
            "hour": hour,
            "owner_id": person,
            "conversations": count.conversations,
            "turns": count.turns,
            "cuts": count.cuts,
            "errors": count.errors,
            "responses": {str(step): number for step, number in count.responses.items()},
        }
        for (hour, person), count in counts.items()
    ]
    if rows:
        await session.execute(insert(ActivityHour), rows)


def _merge(into: Count, person: str, count: Count) -> None:
    into.conversations += count.conversations
    into.turns += count.turns
    into.cuts += count.cuts
    into.errors += count.errors
    into.people.add(person)
    into.responses.update(count.responses)


def _shown(at: int, count: Count) -> Activity:
    return Activity(
        at,
        count.conversations,
        count.turns,
        len(count.people),
        count.cuts,
        count.errors,
        count.percentile(0.5),
        count.percentile(0.95),
    )
