"""What a search costs, as the API pays for it: from the question to a page of fifty conversations."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.history.people import END, EVEN, ODD, ONCE, OTHER, QUIET, RARE, TALKER, TEA, VOCABULARY, YEAR_MS
from vivavoce.accounts.actor import Actor
from vivavoce.accounts.permissions import TABLE
from vivavoce.accounts.principal import Principal
from vivavoce.archive.conversations import Asked
from vivavoce.archive.reading import Reading
from vivavoce.storage.clock import DAY

REPEATS: Final = 60


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of question; `ask` are varied over the repeats. `at_least`: conversations that a page must have."""

    name: str
    owner: str
    asks: Sequence[Asked]
    pages: int = 1
    at_least: int = 0


@dataclass(slots=True)
class Measured:
    """Milliseconds: as somebody waits for it, and of processors, ours and the database's together."""

    name: str
    found: int = 0
    times: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        at = {name: _at(self.times, share) for name, share in SHARES.items()}
        at |= {"cpu_p50_ms": _at(self.cpu, 0.5), "cpu_p95_ms": _at(self.cpu, 0.95)} if self.cpu else {}
        return {"case": self.name, "found": self.found} | {name: round(value, 2) for name, value in at.items()}


def _at(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def cpu_ms(servers: Sequence[int]) -> float:
    """Of this process and of those: says what a question costs, also where others keep the machine busy."""
    used = time.process_time() * 1_000
    for pid in servers:
        used += int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6
    return used


SHARES: Final = {"p50_ms": 0.5, "p95_ms": 0.95, "max_ms": 1.0}


def cases() -> Iterator[Case]:
    common = [Asked(query=word) for word in VOCABULARY[:40]]
    yield Case("talker, word in most turns", TALKER, common, at_least=50)
    yield Case(
        "talker, two such words",
        TALKER,
        [Asked(query=" ".join(VOCABULARY[at : at + 2])) for at in range(30)],
        at_least=50,
    )
    yield Case("talker, word in a handful of turns", TALKER, [Asked(query=RARE)], at_least=1)
    yield Case("talker, word of a year ago", TALKER, [Asked(query=ONCE)], at_least=1)
    yield Case("talker, word that is nowhere", TALKER, [Asked(query=f"nowhere{at}") for at in range(40)])
    yield Case("talker, two common words that never meet", TALKER, [Asked(query=f"{EVEN} {ODD}")])
    yield Case("talker, Chinese word", TALKER, [Asked(query=TEA)], at_least=50)
    month = [Asked(query=word, since=END - YEAR_MS, until=END - YEAR_MS + 30 * DAY) for word in VOCABULARY[:40]]
    yield Case("talker, common word, a month of last year", TALKER, month, at_least=50)
    slow = [Asked(query=word, slow_ms=1_200, cut=True) for word in VOCABULARY[:40]]
    yield Case("talker, common word, slow and cut", TALKER, slow, at_least=1)
    yield Case("talker, common word, tenth page", TALKER, common[:10], pages=10, at_least=50)
    yield Case("talker, app and slow, no word", TALKER, [Asked(app="hall", slow_ms=1_000)], at_least=50)
    yield Case("talker, all, newest first", TALKER, [Asked()], at_least=50)
    yield Case("talker, one app", TALKER, [Asked(app="car")], at_least=50)
    yield Case("person of 2,500 turns, common word", OTHER, common, at_least=50)
    yield Case("person of 2,500 turns, rare word", OTHER, [Asked(query=word) for word in VOCABULARY[-60:]])
    yield Case("person of 3 turns, common word", QUIET, common)
    yield Case("person of 3 turns, rare word of another", QUIET, [Asked(query=RARE)])


async def measure(reading: Reading, case: Case, servers: Sequence[int], *, whole: bool) -> Measured:
    """With all the turns there are (`whole`) a page that is too short is a mistake of the search."""
    actor = Actor(Principal(case.owner, "somebody", "user", "", "session", TABLE["user"]))
    measured = Measured(case.name)
    for repeat in range(-3, REPEATS):  # the first ones are not counted: connections, plans, pages of the file
        wanted = case.asks[repeat % len(case.asks)]
        cursor: str | None = None
        for page in range(case.pages):
            used, began = cpu_ms(servers), time.perf_counter()
            found = await reading.conversations.page(actor, wanted, cursor)
            took = (time.perf_counter() - began) * 1_000
            used = cpu_ms(servers) - used
            cursor = found.next
            if page + 1 == case.pages and repeat >= 0:
                measured.times.append(took)
                measured.cpu.append(used)
                measured.found = max(measured.found, len(found.items))
    if whole and measured.found < case.at_least:
        raise AssertionError(f"{case.name}: {measured.found} found, at least {case.at_least} expected")
    return measured


async def statistics(reading: Reading) -> list[Measured]:
    """A week by the hour, a year by the day; after the hours were counted once."""
    year = Measured("statistics: a year by the day, everybody")
    week = Measured("statistics: a week by the hour, everybody")
    for repeat in range(-1, 10):
        for one, span, by in ((year, YEAR_MS, "day"), (week, 7 * DAY, "hour")):
            began = time.perf_counter()
            found = await reading.statistics.activity(None, END - span, END, by)  # type: ignore[arg-type]
            if repeat >= 0:
                one.times.append((time.perf_counter() - began) * 1_000)
            one.found = len(found)
    return [year, week]
