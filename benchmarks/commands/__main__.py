"""`script/bench commands [--scale 0.1]`: command accuracy over voices and noise; results/commands.json."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rich.console import Console

from benchmarks.commands.accuracy import measure
from benchmarks.conversation.result import Options, columns

_RESULTS = Path(__file__).parent.parent / "results" / "commands.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the trials that is played (default: 1)")
    scale = parser.parse_args().scale
    result = measure(Options(scale=scale))
    console = Console()
    for table in result.tables:
        console.print(table)
    summary = columns("Commands over five voices, noise to 10 dB", "figure", "measured", "goal", "")
    for check in result.checks:
        summary.add_row(check.what, check.value, check.goal, {True: "met", False: "missed", None: ""}[check.met])
    console.print(summary)
    _RESULTS.write_text(json.dumps({"scale": scale, **result.figures}, indent=1) + "\n")


if __name__ == "__main__":
    main()
