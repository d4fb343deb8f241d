"""`/api/statistics`: how much was talked, and how quickly it was answered. No word of it."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import Query
from pydantic import Field

from vivavoce.api.context import Who
from vivavoce.api.conversations import Owner
from vivavoce.api.models import Time, View, When, ms
from vivavoce.api.routing import Routes
from vivavoce.archive.conversations_sight import sight_of_list
from vivavoce.archive.statistics import Statistics
from vivavoce.storage.clock import DAY, Clock, wall

USUAL: Final = 7 * DAY
"""The time that is looked at where nothing else is asked for."""


class ActivityView(View):
    """One hour or day (UTC), from `at`."""

    at: Time
    conversations: int = Field(description="That began in it.")
    turns: int
    people: int
    cuts: int
    errors: int
    response_p50_ms: int | None = Field(description="From the end of speech to the first sound; exact to 2.5 %.")
    response_p95_ms: int | None


class StatisticsView(View):
    """Hours or days in which something was, oldest first; between them nothing was."""

    since: Time
    until: Time
    by: Literal["hour", "day"]
    items: list[ActivityView]


class StatisticsApi:
    """What answers `/api/statistics`."""

    routes = Routes("/api", "statistics")

    def __init__(self, statistics: Statistics, clock: Clock = wall) -> None:
        self._statistics = statistics
        self._clock = clock

    @routes.get("/statistics", permission=("history.own", "history.timings"))
    async def get_statistics(
        self,
        who: Who,
        since: Annotated[When | None, Query(alias="from")] = None,
        until: Annotated[When | None, Query(alias="to")] = None,
        by: Annotated[Literal["hour", "day"], Query()] = "hour",
        owner: Owner = None,
    ) -> StatisticsView:
        """One's own, or with `owner` somebody's or everybody's (`*`); at most a year, without a range the last week."""
        sight = sight_of_list(who.principal, owner, words=False)
        end = ms(until)
        end = self._clock() if end is None else end
        start = ms(since)
        start = end - USUAL if start is None else start
        found = await self._statistics.activity(sight.owner, start, end, by)
        return StatisticsView(since=start, until=end, by=by, items=[ActivityView.model_validate(one) for one in found])
