"""script/bench history [--turns N] [--only sqlite|postgresql] [--folder DIR]

How long it takes to find something among a million turns, on both databases, with the product's own code from the
question to the page. Writes results/history.json. Exits with 1 when a goal is missed: p95 of every search ≤ 100 ms on
SQLite, ≤ 50 ms on PostgreSQL.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from sqlalchemy import select, text

from benchmarks.history import fill
from benchmarks.history.measure import cases, measure, statistics
from benchmarks.history.people import END, spoken
from benchmarks.voice.report import machine
from vivavoce.accounts.audit import Audit
from vivavoce.accounts.live import Live
from vivavoce.archive.reading import Kept, Reading, Stores, open_reading
from vivavoce.archive.search_index import SearchIndex
from vivavoce.storage.blobs import BlobIndex, open_blobs
from vivavoce.storage.bus import open_bus
from vivavoce.storage.cache.memory import MemoryCache
from vivavoce.storage.clock import HOUR
from vivavoce.storage.database import Database, Dialect
from vivavoce.storage.migrate import upgrade
from vivavoce.storage.models import Turn
from vivavoce.storage.sealing import Plain
from vivavoce.testing import services

RESULTS: Final = Path(__file__).parents[1] / "results" / "history.json"
GOALS: Final[dict[Dialect, float]] = {"sqlite": 100.0, "postgresql": 50.0}
"""p95 in ms."""
WHOLE: Final = 1_000_000
KEPT: Final = Kept(3_650, 3_650, 1 << 40)


def main() -> None:
    options = _options()
    console = Console()
    dialects: list[Dialect] = [options.only] if options.only else ["sqlite", "postgresql"]
    figures: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    figures |= {"machine": machine(), "turns": options.turns}
    missed = False
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for dialect in dialects:
            url = f"sqlite:///{folder / 'history.db'}"
            if dialect == "postgresql":
                url = stack.enter_context(services.postgres()).url
            measured = asyncio.run(_run(dialect, url, options.turns, console))
            console.print(_table(dialect, measured["search"] + measured["statistics"]))
            worst = max(one["p95_ms"] for one in measured["search"])
            console.print(f"{dialect}: worst p95 {worst:.0f} ms, goal {GOALS[dialect]:.0f} ms")
            missed |= worst > GOALS[dialect]
            figures[dialect] = measured
    if options.turns >= WHOLE:
        RESULTS.write_text(json.dumps(figures, indent=1) + "\n")
    sys.exit(1 if missed else 0)


async def _run(dialect: Dialect, url: str, turns: int, console: Console) -> dict[str, Any]:
    began = time.monotonic()
    async with Database.open(url) as database:
        await upgrade(database)
        async with database.reading() as session:
            filled = await session.scalar(select(Turn.id).limit(1)) is not None
    if not filled:
        with console.status("writing …") as status:

            def tell(done: int) -> None:
                status.update(f"{dialect}: {done:,} turns written")

            index = SearchIndex(dialect, words=True)
            if dialect == "sqlite":
                fill.fill_sqlite(url, spoken(turns), index, tell)
            else:
                await fill.fill_postgres(url, spoken(turns), index, tell)
    console.print(f"{dialect}: {turns:,} turns written in {time.monotonic() - began:.0f} s")
    async with (
        Database.open(url) as database,
        open_bus(None, database) as bus,
        open_blobs(Path(), "memory:") as stored,
    ):
        stores = Stores(
            database=database, blobs=BlobIndex(database, stored), cache=MemoryCache(), bus=bus, sealer=Plain()
        )
        reading = open_reading(stores, Audit(database, Live(bus)), lambda: KEPT, clock=lambda: END + 3 * HOUR)
        return await _measured(reading, console, await _servers(database), whole=turns >= WHOLE)


async def _measured(reading: Reading, console: Console, servers: list[int], *, whole: bool) -> dict[str, Any]:
    with console.status("measuring …") as status:
        search: list[dict[str, Any]] = []
        for case in cases():
            status.update(case.name)
            search.append((await measure(reading, case, servers, whole=whole)).figures())
        began = time.monotonic()
        days = await reading.statistics.roll()
        counted = {"days": days, "s": round(time.monotonic() - began, 1)}
        return {
            "search": search,
            "statistics": [one.figures() for one in await statistics(reading)],
            "counted_once": counted,
        }


async def _servers(database: Database) -> list[int]:
    """Processes that answer us, for what they use of the processors."""
    if database.dialect == "sqlite":
        return []
    async with database.reading() as session:
        return list(await session.scalars(text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")))


def _table(dialect: str, rows: list[dict[str, Any]]) -> Table:
    names = ("found", "p50_ms", "p95_ms", "max_ms", "cpu_p50_ms", "cpu_p95_ms")
    table = Table("ms", "found", "p50", "p95", "max", "cpu 50", "cpu 95", title=f"Finding things: {dialect}")
    for one in rows:
        table.add_row(one["case"], *(str(one.get(name, "")) for name in names))
    return table


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/bench history", description=__doc__)
    parser.add_argument("--turns", type=int, default=WHOLE)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--folder", type=Path, help="keeps SQLite's file there, and uses it again")
    return parser.parse_args()


if __name__ == "__main__":
    main()
