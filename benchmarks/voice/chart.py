"""The chart of the voice benchmark, as SVG that needs no library: response time over people on one core."""

from __future__ import annotations

from html import escape
from typing import Any

WIDTH, HEIGHT = 760, 380
LEFT, RIGHT, TOP, BOTTOM = 64, 150, 48, 48
COLOURS = {"vivavoce": "#0B6B60", "floor": "#7B868F", "pipecat": "#6B46C1", "livekit": "#B4232A"}
NAMES = {"vivavoce": "Vivavoce", "floor": "bare loop", "pipecat": "Pipecat", "livekit": "LiveKit Agents"}
SEQUENTIAL_MS = 620


def voice(rows: list[dict[str, Any]]) -> str:
    """Median as a line, p95 as a band above it, one colour per server."""
    plain = [row for row in rows if not row["barge"] and row.get("response_ms_p95")]
    people = sorted({row["people"] for row in plain})
    top = max(900.0, *(row["response_ms_p95"] * 1.05 for row in plain)) if plain else 900.0
    most = max(people, default=1)

    def x(count: float) -> float:
        return LEFT + (count / most) ** 0.5 * (WIDTH - LEFT - RIGHT)

    def y(ms: float) -> float:
        return HEIGHT - BOTTOM - min(ms, 1500.0) / min(top, 1500.0) * (HEIGHT - TOP - BOTTOM)

    parts = [_frame(), *(_gridline(ms, y(ms)) for ms in range(0, int(min(top, 1500)) + 1, 200))]
    for count in people:
        parts.append(_text(x(count), HEIGHT - BOTTOM + 18, str(count), "middle"))
    ideal = y(SEQUENTIAL_MS)
    parts.append(
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{ideal}" y2="{ideal}" stroke="#8A5A00" stroke-dasharray="5 4"/>'
    )
    parts.append(_text(WIDTH - RIGHT + 6, ideal + 4, "steps one after another", "start", "#8A5A00"))
    labels: list[float] = []
    for server in COLOURS:
        line = [row for row in plain if row["server"] == server]
        if line:
            parts += _series(server, line, x, y, labels)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
    return f'{head} font-family="system-ui, sans-serif" font-size="12">{"".join(parts)}</svg>\n'


def _series(server: str, line: list[dict[str, Any]], x: Any, y: Any, labels: list[float]) -> list[str]:
    colour = COLOURS[server]
    middle = " ".join(f"{x(row['people']):.1f},{y(row['response_ms_p50']):.1f}" for row in line)
    upper = [f"{x(row['people']):.1f},{y(row['response_ms_p95']):.1f}" for row in line]
    band = " ".join([*middle.split(), *reversed(upper)])
    last = line[-1]
    at = y(last["response_ms_p50"])
    while any(abs(at - other) < 15 for other in labels):
        at -= 15
    labels.append(at)
    return [
        f'<polygon points="{band}" fill="{colour}" opacity="0.15"/>',
        f'<polyline points="{middle}" fill="none" stroke="{colour}" stroke-width="2.5"/>',
        *(
            f'<circle cx="{x(r["people"]):.1f}" cy="{y(r["response_ms_p50"]):.1f}" r="3" fill="{colour}"/>'
            for r in line
        ),
        _text(x(last["people"]) + 8, at + 4, NAMES[server], "start", colour),
    ]


def _frame() -> str:
    title = "End of speech → first sound, ms (line: median, band: up to p95)"
    return (
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#FFFFFF"/>'
        + _text(LEFT, 24, title, "start", "#15191C", 14)
        + _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "people talking at once, server on one core", "middle")
    )


def _gridline(ms: int, at: float) -> str:
    line = f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" stroke="#D3DADF"/>'
    return line + _text(LEFT - 8, at + 4, str(ms), "end")


def _text(x: float, y: float, text: str, anchor: str, colour: str = "#48525A", size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="{size}">{escape(text)}</text>'
    )
