"""script/bench voice [--people 1,25,100,300] [--reps 2] [--peers] [--barge-people 10] [--quick]

Delay, conversations per core, interruption and memory over real WebSockets in real time, the server on one core
and the client on another. Every run of the same number of people stands beside the bare loop's, and with `--peers`
beside Pipecat's and LiveKit's, so that figures compare although machines differ and are shared.
Writes results/voice.json and docs/images/bench-voice.svg.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.voice import chart, report, servers

RESULTS = servers.ROOT / "benchmarks" / "results"
IMAGES = servers.ROOT / "docs" / "images"
KEPT = "kept"
"""Vivavoce with people who have accounts: every word and every sound of them is kept."""
PEERS = ("pipecat", "livekit")
PEER_MOST = 50
"""The peers fail above this on one core; more would measure nothing."""


def main() -> None:
    options = _options()
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        config = servers.scripted_config(Path(folder) / "vivavoce.yaml")
        rows = [
            _measure(console, name, config, people, barge=barge, turns=options.turns)
            for _ in range(options.reps)
            for people, barge in [*((p, False) for p in options.people), *((p, True) for p in options.barge_people)]
            for name in _names(options, people, barge=barge)
        ]
    summary = report.summary(rows)
    console.print(report.table(summary))
    console.print(report.barge_table(summary))
    RESULTS.mkdir(exist_ok=True)
    machine = report.machine()
    path = RESULTS / ("voice-quick.json" if options.quick else "voice.json")
    path.write_text(json.dumps({"machine": machine, "summary": summary, "runs": rows}, indent=1) + "\n")
    if not options.quick:
        IMAGES.mkdir(parents=True, exist_ok=True)
        (IMAGES / "bench-voice.svg").write_text(chart.voice(summary))
    console.print(f"Written: {path.relative_to(servers.ROOT)}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/bench voice", description=__doc__)
    parser.add_argument("--people", type=_numbers, default=[1, 25, 100, 200, 300])
    parser.add_argument("--barge-people", type=_numbers, default=[10])
    parser.add_argument("--reps", type=int, default=2)
    parser.add_argument("--turns", type=float, default=3.0, help="steady window, in turns of about 7 s")
    parser.add_argument("--peers", action="store_true", help="also Pipecat and LiveKit Agents (installed once)")
    parser.add_argument("--no-floor", action="store_true")
    parser.add_argument("--quick", action="store_true", help="one short run, to see that it works")
    options = parser.parse_args()
    if options.quick:
        options.people, options.barge_people, options.reps, options.turns = [10], [5], 1, 1.0
    return options


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",") if part]


def _names(options: argparse.Namespace, people: int, *, barge: bool) -> list[str]:
    names = ["vivavoce"]
    if not barge:
        names.append(KEPT)
    if not options.no_floor and not barge:
        names.append("floor")
    if options.peers and people <= PEER_MOST:
        names += PEERS
    return names


def _measure(console: Console, name: str, config: Path, people: int, *, barge: bool, turns: float) -> dict[str, Any]:
    port = servers.free_port()
    folder = Path(tempfile.mkdtemp(dir=config.parent))
    if name in ("vivavoce", KEPT):
        server = servers.vivavoce(config, port, folder)
    else:
        server = servers.floor() if name == "floor" else servers.peer(name)
    options = ("--turns", str(turns), *(("--barge",) if barge else ()))
    if name == KEPT:
        options += ("--tokens", str(servers.people(folder, people)))
    log_path = RESULTS / "raw" / f"{name}-{people}.log"
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("w") as log, servers.running(server, port, 0, log) as process:
        figures: dict[str, Any] = json.loads(servers.load(server, process.pid, port, people, 1, options))
    row = {"server": name, **figures}
    console.print(report.line(row))
    return row


if __name__ == "__main__":
    main()
