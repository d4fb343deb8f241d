"""How late the event loop is while 50 people talk to the real offline back-ends, in real time.

The server samples its own loop ten times a second and shows the histogram at /metrics; what is told here is the
difference of two readings. The same without anybody talking is measured first: that much is the machine's own.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import httpx
import uvloop

from benchmarks.conversation import crowd
from benchmarks.conversation.result import Check, Options, Result
from benchmarks.voice import servers

PEOPLE = 50
SECONDS, IDLE_SECONDS = 40.0, 10.0
GOAL_MS = 10.0
READY_S = 60.0

_BUCKET = re.compile(r'^vivavoce_loop_lag_seconds_bucket\{le="([^"]+)"\} (\S+)$', re.MULTILINE)

Bucket = tuple[float, float]
"""An upper bound in seconds, and how many samples lie at or below it."""


def measure(options: Options) -> Result:
    """p99 of the loop's lag in ms, idle and with everybody talking."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "vivavoce.yaml"
        port, metrics = servers.free_port(), servers.free_port()
        own = f"observe: {{metrics_port: {metrics}}}\n{servers.for_guests(Path(folder))}"
        config.write_text(f"llm: {{backend: none}}\nlimits: {{slots: 100}}\n{own}")
        with (Path(folder) / "log").open("w") as log, servers.running(servers.vivavoce(config, port), port, None, log):
            _wait_until_ready(port)
            start = _buckets(metrics)
            time.sleep(IDLE_SECONDS)
            idle = _buckets(metrics)
            url = f"ws://127.0.0.1:{port}/ws/duplex"
            outcome = uvloop.run(crowd.talk(url, PEOPLE, SECONDS))
            busy = _buckets(metrics)
    alone, talking = (1000 * quantile(_difference(*pair), 0.99) for pair in ((start, idle), (idle, busy)))
    failed = sum(outcome.errors.values()) + outcome.lost
    return Result(
        [
            Check(f"loop lag p99, {PEOPLE} conversations", f"{talking:.1f} ms", "≤ 10 ms", talking <= GOAL_MS),
            Check("the same with nobody talking", f"{alone:.1f} ms"),
            Check("processes that wanted a core before it began", f"{load:.1f} on {os.cpu_count()} cores"),
            Check("replies in that time", str(outcome.replies)),
            Check("errors and lost connections", str(failed), "0", failed == 0),
        ],
        {"people": PEOPLE, "lag_ms_p99": talking, "idle_lag_ms_p99": alone, "load": load, **asdict(outcome)},
    )


def quantile(buckets: Sequence[Bucket], share: float) -> float:
    """The `share` quantile of a cumulative histogram in seconds, by a straight line within its bucket."""
    wanted = share * buckets[-1][1]
    below = low = 0.0
    for bound, count in buckets:
        if count >= wanted:
            inside = (wanted - below) / (count - below) if count > below else 1.0
            return low if bound == float("inf") else low + (bound - low) * inside
        below, low = count, bound
    return low


def _difference(first: Sequence[Bucket], last: Sequence[Bucket]) -> list[Bucket]:
    return [(bound, after - before) for (bound, after), (_, before) in zip(last, first, strict=True)]


def _buckets(port: int) -> list[Bucket]:
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
    return [(float(bound), float(count)) for bound, count in _BUCKET.findall(text)]


def _wait_until_ready(port: int) -> None:
    end = time.monotonic() + READY_S
    while httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=10).status_code != httpx.codes.OK:
        if time.monotonic() > end:
            raise RuntimeError(f"the server was not ready within {READY_S:.0f} s")
        time.sleep(0.2)
