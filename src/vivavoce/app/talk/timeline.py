"""The timeline of a conversation as a picture: both sides, what was cut, and the stages that made each reply.

Stages overlap, so each has a lane of its own; bars that were stacked would lie about the sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vivavoce.app.talk.person import Tracks
from vivavoce.app.talk.record import Record, Turn
from vivavoce.audio.pcm import INPUT_RATE, view
from vivavoce.errors import ConfigError

Colour = str
Place = tuple[float, float]

SCALE = 2
"""Drawn at twice its nominal size, so that it is sharp on any screen."""
PX_PER_S = 110
WIDTH = (900, 6000)
"""Nominal px; a long conversation is drawn closer instead of wider."""
GUTTER = 92
MARGIN = 24
WAVE = 84
LANE = 22
TEXT = 34

PAPER, INK, FAINT, LINE = "#ffffff", "#1f2430", "#8a93a3", "#e6e9ef"
YOU, REPLY, CUT, WAIT = "#2f6fde", "#1a9a6c", "#d64545", "#f3f6fb"
STAGES: dict[str, Colour] = {
    "endpoint": "#8e7cc3",
    "asr": "#2f6fde",
    "llm": "#e08a1e",
    "tts": "#1a9a6c",
    "send": "#5c6b80",
}
_CJK = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/System/Library/Fonts/PingFang.ttc",
    "C:/Windows/Fonts/msyh.ttc",
)


def draw(file: Path, record: Record, tracks: Tracks, rate: int) -> None:
    """Write the picture. Raises ConfigError when it cannot be written."""
    picture = render(record, tracks, rate)
    try:
        picture.save(file, "PNG")
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file}: cannot be written ({error})") from error


def render(record: Record, tracks: Tracks, rate: int) -> Image.Image:
    """The picture, `SCALE` times its nominal size."""
    seconds = max(len(tracks.said) / 2 / INPUT_RATE, len(tracks.heard) / 2 / rate, 1.0)
    canvas = _Canvas(seconds)
    canvas.head(f"{len(record.turns)} turn{'' if len(record.turns) == 1 else 's'} · {seconds:.1f} s")
    canvas.side("you", bytes(tracks.said), INPUT_RATE, YOU, record.speech)
    canvas.words((turn.spoke_until, turn.said, "", YOU) for turn in record.turns if turn.said)
    canvas.side("reply", bytes(tracks.heard), rate, REPLY, _sounding(record))
    canvas.words(
        (turn.sound_from, turn.heard.strip(), _unheard(turn), REPLY)
        for turn in record.turns
        if turn.sound_from is not None
    )
    canvas.commands(record)
    canvas.stages(record)
    canvas.waits(record)
    return canvas.image


def _sounding(record: Record) -> list[tuple[int, int | None]]:
    return [(turn.sound_from, turn.sound_until) for turn in record.turns if turn.sound_from is not None]


def _unheard(turn: Turn) -> str:
    text, heard = turn.text.strip(), turn.heard.strip()
    return text[len(heard) :] if text.startswith(heard) else ""


@dataclass(slots=True)
class _Wave:
    top: float
    bottom: float


class _Canvas:
    """Draws from the top down; `_y` is where the next lane begins. All numbers are nominal px."""

    def __init__(self, seconds: float) -> None:
        inner = min(max(seconds * PX_PER_S, WIDTH[0]), WIDTH[1])
        self._per_ms = inner / seconds / 1000
        self._seconds = seconds
        self.width = GUTTER + inner + MARGIN
        self.height = 64 + 2 * (WAVE + TEXT) + 26 + len(STAGES) * LANE + 56
        self.image = Image.new("RGB", (round(self.width * SCALE), round(self.height * SCALE)), PAPER)
        self._draw = ImageDraw.Draw(self.image)
        self._y = float(MARGIN)
        self._waves: dict[str, _Wave] = {}

    # ── lanes ─────────────────────────────────────────────────────────────────────────────────────

    def head(self, summary: str) -> None:
        self._text((MARGIN, self._y), "vivavoce talk", INK, 15)
        self._text((MARGIN + 108, self._y + 2), summary, FAINT, 12)
        self._y += 30
        step = next(s for s in (0.5, 1, 2, 5, 10, 30, 60, 300, 1800) if s * 1000 * self._per_ms >= 54)
        for index in range(int(self._seconds / step) + 1):
            x = self._x(index * step * 1000)
            self._draw.line([*self._at(x, self._y + 14), *self._at(x, self.height - MARGIN)], LINE, SCALE)
            self._text((x, self._y), f"{index * step:g} s", FAINT, 10, "ma")
        self._y += 20

    def side(self, name: str, pcm: bytes, rate: int, colour: Colour, spans: list[tuple[int, int | None]]) -> None:
        """A waveform, with the stretches behind it that counted as speech."""
        top, middle = self._y, self._y + WAVE / 2
        self._waves[name] = _Wave(top, top + WAVE)
        for begin, end in spans:
            box = [*self._at(self._x(begin), top), *self._at(self._x(end or self._seconds * 1000), top + WAVE)]
            self._draw.rounded_rectangle(box, 6 * SCALE, WAIT)
        self._text((MARGIN, middle), name, colour, 13, "lm")
        for column, loud in enumerate(_peaks(pcm, rate, self._per_ms * SCALE)):
            half = max(0.5, loud * (WAVE / 2 - 6)) * SCALE
            x = round(GUTTER * SCALE + column)
            self._draw.line([x, middle * SCALE - half, x, middle * SCALE + half], colour if loud > 0.004 else LINE)
        self._y += WAVE

    def words(self, said: Iterable[tuple[int | None, str, str, Colour]]) -> None:
        """Words under a side, where they end (yours) or begin; what nobody heard is struck through.

        Words that would run into the next ones are shortened.
        """
        rows = list(said)
        free = float(GUTTER)
        for row, (at, text, unheard, colour) in enumerate(rows):
            font = _font(text + unheard, 12)
            x = self._x(at or 0)
            end = self.width - MARGIN
            if colour == YOU:
                x -= self._length(text, font)
            elif row + 1 < len(rows):
                end = self._x(rows[row + 1][0] or 0) - 14
            x = max(free, min(x, end - 40))
            heard, lost = self._fitting(text, end - x, font), ""
            if heard == text:
                lost = self._fitting(unheard, end - x - self._length(text, font), font)
            self._text((x, self._y + 4), heard, colour, 12)
            x += self._length(heard, font)
            if lost:
                self._text((x, self._y + 4), lost, FAINT, 12)
                struck = x + self._length(lost, font)
                self._draw.line([*self._at(x, self._y + 12), *self._at(struck, self._y + 12)], CUT, SCALE)
                x = struck
            free = x + 14
        self._y += TEXT

    def _fitting(self, text: str, room: float, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
        """As much of `text` as there is room for."""
        if self._length(text, font) <= room:
            return text
        while text and self._length(text + "…", font) > room:
            text = text[:-1]
        return text + "…" if text else ""

    def commands(self, record: Record) -> None:
        """Over the reply: where it was ducked and held, and where it was cut."""
        lane = self._waves["reply"]
        since: dict[Literal["duck", "hold"], int] = {}
        for mark in record.marks:
            if mark.kind in ("duck", "hold"):
                since.setdefault(mark.kind, mark.at)
                continue
            for kind, begin in since.items():
                box = [*self._at(self._x(begin), lane.bottom - 5), *self._at(self._x(mark.at), lane.bottom - 1)]
                self._draw.rectangle(box, "#e6b455" if kind == "duck" else CUT)
            since.clear()
            if mark.kind == "flush":
                x = self._x(mark.at)
                self._draw.line([*self._at(x, lane.top), *self._at(x, lane.bottom)], CUT, 2 * SCALE)
                self._text((x + 5, lane.top), "cut", CUT, 11)

    def stages(self, record: Record) -> None:
        """A lane for each stage, every turn at its end of speech."""
        self._y += 26
        for row, (name, colour) in enumerate(STAGES.items()):
            y = self._y + row * LANE
            self._text((MARGIN, y + LANE / 2), name, colour, 12, "lm")
            self._draw.line([*self._at(GUTTER, y + LANE), *self._at(self.width - MARGIN, y + LANE)], LINE, SCALE)
            for turn in record.turns:
                if turn.metrics is None or turn.spoke_until is None:
                    continue
                for stage in turn.metrics.stages:
                    if stage.name == name:
                        self._stage(turn.spoke_until + stage.start, turn.spoke_until + stage.end, y, colour)
        self._y += len(STAGES) * LANE

    def waits(self, record: Record) -> None:
        """From the end of speech to the first sound, the time that a person feels."""
        y = self._waves["reply"].bottom + TEXT + 10
        for turn in record.turns:
            if turn.spoke_until is None or turn.sound_from is None or turn.sound_from <= turn.spoke_until:
                continue
            left, right = self._x(turn.spoke_until), self._x(turn.sound_from)
            for x in (left, right):
                self._draw.line([*self._at(x, self._waves["you"].top), *self._at(x, self._y)], "#c9d1dd", SCALE)
            self._draw.line([*self._at(left, y), *self._at(right, y)], INK, SCALE)
            self._text((right + 5, y), f"{turn.sound_from - turn.spoke_until} ms until heard", INK, 11, "lm")

    # ── strokes ───────────────────────────────────────────────────────────────────────────────────

    def _stage(self, begin: int, end: int, y: float, colour: Colour) -> None:
        left, right = self._x(begin), max(self._x(end), self._x(begin) + 2)
        self._draw.rounded_rectangle([*self._at(left, y + 5), *self._at(right, y + LANE - 4)], 3 * SCALE, colour)
        self._text((right + 4, y + LANE / 2), f"{end - begin}", FAINT, 10, "lm")

    def _x(self, ms: float) -> float:
        return GUTTER + ms * self._per_ms

    def _at(self, x: float, y: float) -> Place:
        return x * SCALE, y * SCALE

    def _text(self, at: Place, text: str, colour: Colour, size: int, anchor: str = "la") -> None:
        self._draw.text(self._at(*at), text, colour, _font(text, size), anchor)

    def _length(self, text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> float:
        return float(self._draw.textlength(text, font)) / SCALE


def _font(text: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font, or for Chinese and Japanese one of the system's where there is one."""
    if any(ord(letter) >= 0x2E80 for letter in text):
        for path in _CJK:
            if Path(path).exists():
                return ImageFont.truetype(path, size * SCALE)
    return ImageFont.load_default(size * SCALE)


def _peaks(pcm: bytes, rate: int, px_per_ms: float) -> Iterator[float]:
    """The loudest sample, 0–1, of each column of px."""
    sound = np.abs(view(pcm).astype(np.int32))
    per_column = rate / 1000 / px_per_ms
    borders = np.arange(0, len(sound), per_column).astype(np.intp)
    if borders.size:
        yield from (np.maximum.reduceat(sound, borders) / 32_768).tolist()
