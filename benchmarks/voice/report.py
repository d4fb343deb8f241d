"""Tables of the voice benchmark."""

from __future__ import annotations

import os
import platform
from statistics import median
from typing import Any

from rich.table import Table

Row = dict[str, Any]


def machine() -> dict[str, str | int]:
    return {"cpus": os.cpu_count() or 0, "cpu": _cpu(), "python": platform.python_version()}


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            names = [line.partition(":")[2].strip() for line in info if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor()


def summary(rows: list[Row]) -> list[Row]:
    """One row per server and number of people: medians of the repeats, counts summed."""
    groups: dict[tuple[int, bool, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["people"], row["barge"], row["server"]), []).append(row)
    out = []
    for (people, barge, server), group in sorted(groups.items(), key=lambda item: (item[0][1], item[0][0])):
        merged: Row = {"server": server, "people": people, "barge": barge, "repeats": len(group)}
        for key in group[0]:
            values = [row[key] for row in group if isinstance(row[key], int | float) and key not in merged]
            if key in ("turns", "ok", "stale_pieces"):
                merged[key] = sum(values)
            elif values:
                merged[key] = median(values)
        out.append(merged)
    return out


def table(rows: list[Row]) -> Table:
    out = Table(title="End of speech → first sound; one core for the server")
    for name in (
        "server",
        "people",
        "turns",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "late p95 ms",
        "CPU %",
        "of floor",
        "MB each",
    ):
        out.add_column(name, justify="left" if name == "server" else "right")
    floor = {row["people"]: row["cpu_ms_per_session_s"] for row in rows if row["server"] == "floor"}
    for row in (row for row in rows if not row["barge"]):
        share = floor.get(row["people"])
        out.add_row(
            row["server"],
            str(row["people"]),
            f"{row['ok']}/{row['turns']}",
            _ms(row, "response_ms_p50"),
            _ms(row, "response_ms_p95"),
            _ms(row, "response_ms_p99"),
            _ms(row, "late_ms_p95"),
            f"{row['cpu_percent']:.0f}",
            f"{row['cpu_ms_per_session_s'] / share:.2f} ×" if share else "–",
            f"{row['mb_per_session']:.2f}",
        )
    return out


def barge_table(rows: list[Row]) -> Table:
    out = Table(title="Interruption: first sample over the reply →")
    for name in (
        "server",
        "people",
        "stops",
        "duck p50",
        "duck p95",
        "last old sample p50",
        "p95",
        "old pieces after flush",
    ):
        out.add_column(name, justify="left" if name == "server" else "right")
    for row in (row for row in rows if row["barge"]):
        out.add_row(
            row["server"],
            str(row["people"]),
            f"{row['ok']}/{row['turns']}",
            _ms(row, "duck_ms_p50"),
            _ms(row, "duck_ms_p95"),
            _ms(row, "stop_ms_p50"),
            _ms(row, "stop_ms_p95"),
            # The peers' wire has no flush after which a piece could be told to be old.
            str(row["stale_pieces"]) if row["server"] == "vivavoce" else "–",
        )
    return out


def line(row: Row) -> str:
    what = "stop" if row["barge"] else "response"
    middle, tail = row.get(f"{what}_ms_p50"), row.get(f"{what}_ms_p95")
    shown = "no turn was answered" if middle is None else f"{what} p50 {middle:.0f} p95 {tail:.0f} ms"
    who = f"{row['server']:>9} × {row['people']:<4}"
    return f"{who} {shown}, CPU {row['cpu_percent']:.0f} %, client's {row['client_cpu_percent']:.0f} %"


def _ms(row: Row, key: str) -> str:
    value = row.get(key)
    return "–" if value is None else f"{value:.0f}"
