"""What a measurement hands back: goals that were met or missed, figures for the file, a table for people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.table import Table


@dataclass(frozen=True, slots=True)
class Options:
    """What every measurement is told. `scale` is the share of its full size, 1 for all of it."""

    scale: float = 1.0
    recordings: Path | None = None
    seed: int = 11

    def times(self, count: int) -> int:
        """`count` at this scale, at least 1."""
        return max(1, round(count * self.scale))


@dataclass(frozen=True, slots=True)
class Check:
    """One figure beside its goal. `met` is None where there is no goal, only a figure to know."""

    what: str
    value: str
    goal: str = ""
    met: bool | None = None


@dataclass(frozen=True, slots=True)
class Result:
    checks: list[Check]
    figures: dict[str, Any] = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Measurement:
    """`full_only` ones need minutes or the whole machine and are left out of a quick run."""

    name: str
    title: str
    measure: Callable[[Options], Result]
    full_only: bool = False


def columns(title: str, *names: str) -> Table:
    """A table whose first column is text and whose others are figures."""
    table = Table(title=title)
    for place, name in enumerate(names):
        table.add_column(name, justify="right" if place else "left")
    return table


def share(part: int, whole: int) -> str:
    """`3/40 (7.5 %)`; a dash where there was nothing to count."""
    return f"{part}/{whole} ({100 * part / whole:.1f} %)" if whole else "–"
