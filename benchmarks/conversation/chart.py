"""The chart of cut-offs over delay, as SVG that needs no library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT = 760, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 40, 56, 56
MOST_MS = 1700
SERIES = (("fixed", "#B4232A", "fixed delay"), ("adaptive", "#0B6B60", "adaptive, over patience"))

Row = dict[str, Any]


def endpoints(figures: dict[str, Any]) -> str:
    """Share of turns cut off over the mean endpoint delay: the fixed delays and the adaptive rule."""
    highest: float = max(row["cut"] for name, _, _ in SERIES for row in figures[name])
    top = max(0.1, -(-highest // 0.05) * 0.05)

    def x(ms: float) -> float:
        return LEFT + min(ms, MOST_MS) / MOST_MS * (WIDTH - LEFT - RIGHT)

    def y(cut: float) -> float:
        return HEIGHT - BOTTOM - cut / top * (HEIGHT - TOP - BOTTOM)

    parts = [_frame()]
    for step in range(6):
        share = top * step / 5
        parts.append(_line(LEFT, WIDTH - RIGHT, y(share)))
        parts.append(_text(LEFT - 8, y(share) + 4, f"{share:.0%}", "end"))
    parts += [_text(x(ms), HEIGHT - BOTTOM + 18, str(ms), "middle") for ms in range(0, MOST_MS, 250)]
    for place, (name, colour, label) in enumerate(SERIES):
        parts += _series(figures[name], colour, x, y)
        parts.append(_text(WIDTH - RIGHT - 8, TOP + 16 + 18 * place, label, "end", colour))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
    return f'{head} font-family="system-ui, sans-serif" font-size="12">{"".join(parts)}</svg>\n'


def _series(rows: Sequence[Row], colour: str, x: Callable[[float], float], y: Callable[[float], float]) -> list[str]:
    ordered = sorted(rows, key=lambda row: row["mean_ms"])
    points = " ".join(f"{x(row['mean_ms']):.1f},{y(row['cut']):.1f}" for row in ordered)
    parts = [f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.5"/>']
    for row in ordered:
        at_x, at_y = x(row["mean_ms"]), y(row["cut"])
        parts.append(f'<circle cx="{at_x:.1f}" cy="{at_y:.1f}" r="3.5" fill="{colour}"/>')
        number = "".join(sign for sign in row["policy"] if sign.isdigit() or sign == ".")
        above = colour == SERIES[0][1]
        parts.append(
            _text(
                at_x + (6 if above else -6),
                at_y + (-6 if above else 14),
                number,
                "start" if above else "end",
                colour,
                10,
            )
        )
    return parts


def _frame() -> str:
    title = "Turns cut off, over the mean wait after the end of a turn (speech with pauses of 100–1,500 ms)"
    return (
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#FFFFFF"/>'
        + _text(LEFT, 28, title, "start", "#15191C", 14)
        + _text(
            (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "ms from the end of speech to the commit of the turn", "middle"
        )
    )


def _line(left: float, right: float, at: float) -> str:
    return f'<line x1="{left}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}" stroke="#D3DADF"/>'


def _text(x: float, y: float, text: str, anchor: str, colour: str = "#48525A", size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="{size}">{escape(text)}</text>'
    )
