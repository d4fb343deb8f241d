"""script/bench api [--seconds 5] [--reps 3] [--quick]

Requests a second on one core: a cached list with a token check through everything that `vivavoce serve` listens with,
beside a bare Starlette route that answers the same bytes, turn and turn about. Then sign-ins with a password, and
what they cost everybody else. The server has one core, the client another. Writes results/api.json.

Both by the clock and per second of the server's own processor time, which holds on a machine that others use, too, but
knows little of what the kernel does for a process. People's own limits are in force (the load is spread over 400 of
them); that of sign-ins per address is lifted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.api import servers
from benchmarks.api.client import Tally, get, hammer, post
from benchmarks.voice.report import machine

ROOT: Final = Path(__file__).parents[2]
RESULTS: Final = ROOT / "benchmarks" / "results"
SERVER_CORE: Final = 0
CLIENT_CORE: Final = 1
PEOPLE: Final = 400
WITH_PASSWORD: Final = 8
CONNECTIONS: Final = 64
AT_ONCE: Final = 4
GOAL_PER_SECOND: Final = 8_000
GOAL_RATIO: Final = 0.6


def main() -> None:
    options = _options()
    os.sched_setaffinity(0, {CLIENT_CORE % (os.cpu_count() or 1)})
    with tempfile.TemporaryDirectory() as folder:
        figures = uvloop.run(_measure(options, Path(folder)))
    Console().print(_table(figures))
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / ("api-quick.json" if options.quick else "api.json")
    path.write_text(json.dumps({"machine": machine(), **figures}, indent=1) + "\n")
    Console().print(f"Written: {path.relative_to(ROOT)}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/bench api", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each run")
    parser.add_argument("--reps", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one short run, to see that it works")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.reps = 1.0, 1
    return options


async def _measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    data = folder / "data"
    arguments = (str(data), str(PEOPLE), str(WITH_PASSWORD), "1000000")
    with _running("vivavoce", *arguments) as ours:
        port, tokens = ours["port"], ours["tokens"]
        body = folder / "list.json"
        body.write_bytes(await _body(port, tokens[0]))
        lists = [get(port, servers.PATH, token) for token in tokens]
        with _running("bare", str(body)) as bare:
            rows = []
            for _ in range(options.reps):
                for name, pid, at, asked in (
                    ("bare", bare["pid"], bare["port"], [get(bare["port"], servers.PATH)]),
                    ("vivavoce", ours["pid"], port, lists),
                ):
                    await hammer(at, asked, CONNECTIONS, 0.3, least=2 * len(asked))  # every token has been seen
                    began = _cpu_seconds(pid)
                    tally = await hammer(at, asked, CONNECTIONS, options.seconds)
                    rows.append({"server": name, **_row(tally, _cpu_seconds(pid) - began)})
        signing_in = await _sign_ins(port, options.seconds)
    return {
        "list_bytes": body.stat().st_size,
        "connections": CONNECTIONS,
        "people": PEOPLE,
        "reads": _summary(rows),
        "sign_ins": signing_in,
        "runs": rows,
    }


async def _body(port: int, token: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(get(port, servers.PATH, token).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200 "), answer[:200]
    return answer.partition(b"\r\n\r\n")[2]


async def _sign_ins(port: int, seconds: float) -> dict[str, Any]:
    """So many at once with a password, while somebody asks for something tiny fifty times a second."""
    tiny = [get(port, "/health/live")]
    alone = await hammer(port, tiny, 1, min(1.0, seconds))
    bodies = [
        json.dumps({"name": f"person-{number}", "password": servers.PASSWORD}).encode()
        for number in range(WITH_PASSWORD)
    ]
    asked = [post(port, "/api/auth/password", body) for body in bodies]
    signed_in, beside = await asyncio.gather(
        hammer(port, asked, AT_ONCE, seconds), _now_and_then(port, tiny[0], seconds)
    )
    return {
        "at_once": AT_ONCE,
        "per_second": round(signed_in.per_second, 1),
        "statuses": signed_in.statuses,
        "ms_p50": round(signed_in.percentile(0.5), 1),
        "ms_p95": round(signed_in.percentile(0.95), 1),
        "others_ms_p50": round(beside.percentile(0.5), 2),
        "others_ms_p95": round(beside.percentile(0.95), 2),
        "others_ms_max": round(beside.percentile(1.0), 2),
        "others_alone_ms_p95": round(alone.percentile(0.95), 2),
    }


async def _now_and_then(port: int, request: bytes, seconds: float) -> Tally:
    tally = Tally()
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds
    while loop.time() < ends:
        one = await hammer(port, [request], 1, 0)
        tally.latencies += one.latencies
        await asyncio.sleep(0.02)
    return tally


def _cpu_seconds(pid: int) -> float:
    """What the process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _row(tally: Tally, cpu_seconds: float) -> dict[str, Any]:
    return {
        "per_second": round(tally.per_second),
        "per_cpu_second": round(tally.count / cpu_seconds),
        "ms_p50": round(tally.percentile(0.5), 2),
        "ms_p99": round(tally.percentile(0.99), 2),
        "statuses": tally.statuses,
    }


def _summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    def middle(name: str, figure: str) -> float:
        return median(row[figure] for row in rows if row["server"] == name)

    refused = sum(count for row in rows for status, count in row["statuses"].items() if status != 200)
    figures = {
        name + figure: middle(server, figure)
        for name, server in (("", "vivavoce"), ("bare_", "bare"))
        for figure in ("per_second", "per_cpu_second")
    }
    ratio = figures["per_second"] / figures["bare_per_second"]
    return {
        **figures,
        "ratio": round(ratio, 2),
        "cpu_ratio": round(figures["per_cpu_second"] / figures["bare_per_cpu_second"], 2),
        "refused": refused,
        "met": figures["per_cpu_second"] >= GOAL_PER_SECOND and ratio >= GOAL_RATIO and not refused,
    }


def _table(figures: dict[str, Any]) -> Table:
    table = Table(title="API on one core")
    for name in ("what", "figure", "goal"):
        table.add_column(name)
    reads, sign_ins = figures["reads"], figures["sign_ins"]
    goal = f"≥ {GOAL_PER_SECOND:,}/s"
    table.add_row("cached list with a token check, a second of the core", f"{reads['per_cpu_second']:,.0f}", goal)
    table.add_row("… by the clock", f"{reads['per_second']:,.0f}", "")
    table.add_row("bare Starlette route, same bytes, a second of the core", f"{reads['bare_per_cpu_second']:,.0f}", "")
    table.add_row("… by the clock", f"{reads['bare_per_second']:,.0f}", "")
    table.add_row("ratio by the clock", f"{reads['ratio']:.2f}", f"≥ {GOAL_RATIO}")
    table.add_row("ratio by processor time", f"{reads['cpu_ratio']:.2f}", "")
    table.add_row("not answered with 200", str(reads["refused"]), "0")
    table.add_row(f"sign-ins, {AT_ONCE} at once", f"{sign_ins['per_second']}/s", "set by Argon2")
    table.add_row("others meanwhile, p95", f"{sign_ins['others_ms_p95']} ms", "")
    table.add_row("others alone, p95", f"{sign_ins['others_alone_ms_p95']} ms", "")
    return table


@contextmanager
def _running(name: str, *arguments: str) -> Iterator[dict[str, Any]]:
    """One of the servers; what it says when it listens."""
    command = [sys.executable, "-m", "benchmarks.api.servers", name, str(SERVER_CORE), *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, f"the server `{name}` did not start"
            yield {"pid": process.pid, **json.loads(line)}
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
