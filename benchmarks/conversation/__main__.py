"""script/bench conversation [--quick] [--only NAMES] [--recordings DIR] [--no-commands]

What a person notices of a conversation and nobody publishes: whether anything is lost, misheard or cut off.
Most of it is measured in virtual or audio time and does not depend on the machine; `sockets` and `lag` are real.
Writes results/conversation.json and docs/images/bench-endpoints.svg.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.conversation import (
    chart,
    commands,
    drift,
    endpoints,
    heard,
    interruptions,
    lag,
    resumption,
    sockets,
)
from benchmarks.conversation.result import Check, Measurement, Options, columns
from benchmarks.voice.report import machine

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
IMAGES = ROOT / "docs" / "images"
QUICK = 0.05

MEASUREMENTS = (
    Measurement("resumption", "False interruptions: nothing lost, nothing twice", resumption.measure),
    Measurement("sockets", "The same over real sockets", sockets.measure, full_only=True),
    Measurement("heard", "What was heard", heard.measure),
    Measurement("drift", "One clock for both sides", drift.measure),
    Measurement("endpoints", "Cut-offs against delay", endpoints.measure),
    Measurement("interruptions", "Barge-in decisions", interruptions.measure),
    Measurement("commands", "Spoken commands", commands.measure, full_only=True),
    Measurement("lag", "The event loop", lag.measure, full_only=True),
)


def main() -> None:
    options = _options()
    console = Console()
    figures: dict[str, Any] = {"machine": machine()}
    checks: list[Check] = []
    for measurement in _chosen(options):
        began = time.monotonic()
        with console.status(f"{measurement.title} …"):
            result = measurement.measure(Options(QUICK if options.quick else 1.0, options.recordings, options.seed))
        for table in result.tables:
            console.print(table)
        console.print(f"{measurement.title}: {time.monotonic() - began:.0f} s")
        checks += result.checks
        figures[measurement.name] = {"checks": [_row(check) for check in result.checks], **result.figures}
    console.print(_summary(checks))
    _write(console, figures, quick=options.quick)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="script/bench conversation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [measurement.name for measurement in MEASUREMENTS]
    parser.add_argument(
        "--quick", action="store_true", help="a twentieth of all, without the long ones, to see it work"
    )
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=f"of {', '.join(names)}")
    parser.add_argument("--recordings", type=Path, metavar="DIR", help="WAV or FLAC files, one turn each; .txt beside")
    parser.add_argument("--commands", action=argparse.BooleanOptionalAction, default=True, help="spoken commands too")
    parser.add_argument("--seed", type=int, default=11)
    return parser.parse_args()


def _chosen(options: argparse.Namespace) -> list[Measurement]:
    if options.only:
        return [measurement for measurement in MEASUREMENTS if measurement.name in options.only]
    return [
        measurement
        for measurement in MEASUREMENTS
        if not (options.quick and measurement.full_only) and (options.commands or measurement.name != "commands")
    ]


def _summary(checks: list[Check]) -> Any:
    table = columns("Summary", "what", "measured", "goal", "")
    for check in checks:
        mark = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}[check.met]
        table.add_row(check.what, check.value, check.goal, mark)
    return table


def _row(check: Check) -> dict[str, str | bool | None]:
    return {"what": check.what, "value": check.value, "goal": check.goal, "met": check.met}


def _write(console: Console, figures: dict[str, Any], *, quick: bool) -> None:
    """Of a partial run only what it measured is replaced."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / ("conversation-quick.json" if quick else "conversation.json")
    before = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(before | figures, indent=1, ensure_ascii=False) + "\n")
    console.print(f"Written: {path.relative_to(ROOT)}")
    if "endpoints" in figures and not quick:
        IMAGES.mkdir(parents=True, exist_ok=True)
        image = IMAGES / "bench-endpoints.svg"
        image.write_text(chart.endpoints(figures["endpoints"]))
        console.print(f"Written: {image.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
