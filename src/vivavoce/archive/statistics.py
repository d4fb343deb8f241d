"""How much was talked and how quickly it was answered, by hour or by day (UTC); no word of it.

Days that are over are counted once, by hour and whole, per person and for all together: how long replies took as counts
of steps of 5 %, from which any percentile is read. The day that goes on is counted when it is asked for. So a year
costs as many rows as it has days. What somebody deletes is taken out again; what only runs out stays counted.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from vivavoce.archive.leases import Leases
from vivavoce.errors import BadInput
from vivavoce.storage.clock import DAY, HOUR, Clock
from vivavoce.storage.database import Database
from vivavoce.storage.models import ActivityCount, Conversation, Lease, Turn

CUT: Final = frozenset({"interrupted", "stopped"})
"""Reasons of a turn whose reply was not heard to its end because of the person."""
SETTLED: Final = HOUR
"""A day is counted so long after its end: turns that waited for the database have come by then."""
ROLL: Final = "activity"
"""Name of the row that says in `done_at` up to where days are counted."""
LONGEST: Final = 366 * DAY
EVERYBODY: Final = "*"
_STEP: Final = math.log(1.05)

Bucket = Literal["hour", "day"]
SIZES: Final[Mapping[Bucket, int]] = {"hour": HOUR, "day": DAY}


@dataclass(slots=True)
class Count:
    """What happened in some time."""

    conversations: int = 0
    turns: int = 0
    cuts: int = 0
    errors: int = 0
    people: set[str] = field(default_factory=set)
    responses: Counter[int] = field(default_factory=Counter)

    def add(self, other: Count) -> None:
        self.conversations += other.conversations
        self.turns += other.turns
        self.cuts += other.cuts
        self.errors += other.errors
        self.people |= other.people
        self.responses.update(other.responses)


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


Counts = dict[tuple[int, str], Count]
"""By the beginning of an hour or day, and person."""


class Statistics:
    """See the head of the module."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def activity(self, owner: str | None, since: int, until: int, by: Bucket) -> list[Activity]:
        """Each hour or day from `since` to before `until` in which something was, of one person or of all.

        Raises BadInput for more than a year.
        """
        if not since < until <= since + LONGEST:
            raise BadInput("ask for a time of at most a year, its beginning before its end")
        size = SIZES[by]
        begin = since - since % size
        async with self._database.reading() as session:
            counted = await _counted(session)
            kept = select(ActivityCount).where(
                ActivityCount.size == by,
                ActivityCount.owner_id == (owner or EVERYBODY),
                ActivityCount.at >= begin,
                ActivityCount.at < min(until, counted),
            )
            found = [_kept(row) for row in await session.scalars(kept.order_by(ActivityCount.at))]
            live = await _live(session, max(begin, counted), until, owner)
        return found + [_shown(at, count) for at, count in sorted(_of_all(_grouped(live, size)).items())]

    async def roll(self, limit: int = 400) -> int:
        """Count days that are over, at most `limit` of them; how many were counted."""
        for days in range(limit):
            async with self._database.writing() as session:
                begin = await _counted(session, locked=True) or await self._first(session)
                if begin + DAY + SETTLED > self._clock():
                    return days
                await session.execute(
                    delete(ActivityCount).where(ActivityCount.at >= begin, ActivityCount.at < begin + DAY)
                )
                hours = await _live(session, begin, begin + DAY, None)
                await _keep(session, hours)
                await _keep_all(session, hours)
                await Leases.done(session, ROLL, begin + DAY)
        return limit

    async def days_of(self, session: AsyncSession, conversations: Sequence[str]) -> list[int]:
        """Days in which these conversations have something."""
        starts = await session.scalars(select(Turn.started_at).where(Turn.conversation_id.in_(conversations)))
        begins = await session.scalars(select(Conversation.started_at).where(Conversation.id.in_(conversations)))
        return sorted({at - at % DAY for at in (*starts, *begins)})

    async def recount(self, session: AsyncSession, owner: str, days: Iterable[int]) -> None:
        """Count these days of a person again, in the transaction that took something of them away."""
        counted = await _counted(session)
        for day in days:
            if day < counted:
                await _drop(session, owner, day, day + DAY)
                await _keep(session, await _live(session, day, day + DAY, owner))
                await _add_up(session, day)

    async def forget(self, owner: str, until: int) -> None:
        """Take out everything of a person that is counted up to then; day by day, for it may be years."""
        days = select(ActivityCount.at).where(
            ActivityCount.size == "day", ActivityCount.owner_id == owner, ActivityCount.at <= until
        )
        async with self._database.reading() as session:
            found = list(await session.scalars(days))
        for day in found:
            async with self._database.writing() as session:
                await _drop(session, owner, day, day + DAY)
                await _keep(session, await _live(session, day, day + DAY, owner))
                await _add_up(session, day)

    async def _first(self, session: AsyncSession) -> int:
        """The day with which counting begins."""
        oldest = await session.scalar(select(func.min(Turn.started_at)))
        at = self._clock() if oldest is None else oldest
        return at - at % DAY


def step_of(response_ms: int) -> int:
    """The step of 5 % that a response time lies in."""
    return int(math.log(response_ms) / _STEP) if response_ms >= 1 else 0


def percentile(responses: Counter[int], share: float) -> int | None:
    """Milliseconds that this share of the replies did not exceed; exact to 2.5 %."""
    rank, seen = math.ceil(share * responses.total()), 0
    for step in sorted(responses):
        seen += responses[step]
        if seen >= rank:
            return round(math.exp((step + 0.5) * _STEP))
    return None


async def _counted(session: AsyncSession, *, locked: bool = False) -> int:
    """Days before this are counted; 0 when none is."""
    statement = select(Lease.done_at).where(Lease.name == ROLL)
    return await session.scalar(statement.with_for_update() if locked else statement) or 0


async def _live(session: AsyncSession, since: int, until: int, owner: str | None) -> Counts:
    """By hour and person, from the turns themselves."""
    counts: Counts = {}
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
        count = counts.setdefault((at - at % HOUR, person), Count(people={person}))
        count.turns += 1
        count.cuts += reason in CUT
        count.errors += state == "failed"
        if response_ms is not None:
            count.responses[step_of(response_ms)] += 1
    for at, person in await session.execute(begun):
        counts.setdefault((at - at % HOUR, person), Count(people={person})).conversations += 1
    return counts


def _grouped(hours: Counts, size: int) -> Counts:
    grouped: Counts = {}
    for (at, person), count in hours.items():
        grouped.setdefault((at - at % size, person), Count()).add(count)
    return grouped


def _of_all(counts: Counts) -> dict[int, Count]:
    together: dict[int, Count] = {}
    for (at, _), count in counts.items():
        together.setdefault(at, Count()).add(count)
    return together


async def _keep(session: AsyncSession, hours: Counts) -> None:
    """By person."""
    rows = [_row("hour", person, at, count) for (at, person), count in hours.items()]
    rows += [_row("day", person, at, count) for (at, person), count in _grouped(hours, DAY).items()]
    if rows:
        await session.execute(insert(ActivityCount), rows)


async def _keep_all(session: AsyncSession, hours: Counts) -> None:
    """Of all together."""
    rows = [_row("hour", EVERYBODY, at, count) for at, count in _of_all(hours).items()]
    rows += [_row("day", EVERYBODY, at, count) for at, count in _of_all(_grouped(hours, DAY)).items()]
    if rows:
        await session.execute(insert(ActivityCount), rows)


async def _add_up(session: AsyncSession, day: int) -> None:
    """All together, from the rows of each: the turns of some may have run out."""
    each = select(ActivityCount).where(
        ActivityCount.size == "hour",
        ActivityCount.at >= day,
        ActivityCount.at < day + DAY,
        ActivityCount.owner_id != EVERYBODY,
    )
    hours = dict(_counts_of(await session.scalars(each)))
    await _drop(session, EVERYBODY, day, day + DAY)
    await _keep_all(session, hours)


async def _drop(session: AsyncSession, owner: str, since: int, until: int) -> None:
    await session.execute(
        delete(ActivityCount).where(
            ActivityCount.owner_id == owner, ActivityCount.at >= since, ActivityCount.at < until
        )
    )


def _counts_of(rows: Iterable[ActivityCount]) -> Iterator[tuple[tuple[int, str], Count]]:
    for row in rows:
        yield (
            (row.at, row.owner_id),
            Count(row.conversations, row.turns, row.cuts, row.errors, {row.owner_id}, _steps(row.responses)),
        )


def _row(size: Bucket, owner: str, at: int, count: Count) -> dict[str, Any]:
    return {
        "size": size,
        "owner_id": owner,
        "at": at,
        "conversations": count.conversations,
        "turns": count.turns,
        "people": len(count.people),
        "cuts": count.cuts,
        "errors": count.errors,
        "responses": {str(step): number for step, number in count.responses.items()},
    }


def _steps(kept: Mapping[str, int]) -> Counter[int]:
    return Counter({int(step): number for step, number in kept.items()})


def _kept(row: ActivityCount) -> Activity:
    steps = _steps(row.responses)
    return Activity(
        row.at,
        row.conversations,
        row.turns,
        row.people,
        row.cuts,
        row.errors,
        percentile(steps, 0.5),
        percentile(steps, 0.95),
    )


def _shown(at: int, count: Count) -> Activity:
    return Activity(
        at,
        count.conversations,
        count.turns,
        len(count.people),
        count.cuts,
        count.errors,
        percentile(count.responses, 0.5),
        percentile(count.responses, 0.95),
    )
