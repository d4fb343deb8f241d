"""The segmenter: speech scores of equal windows in, the borders of speech in audio time out.

    quiet ── Onset ──► candidate ── Confirmed ──► speech ── Ended ──► quiet
                           └─────── Dismissed ──────────────────────► quiet

Two thresholds (hysteresis) keep a score that trembles around one of them from chopping a word. A candidate
is told at once, so that a reply can be ducked within one window, and confirmed only when it is speech for
sure, so that a click or a cough stops nobody. How long a silence ends a *turn* is not decided here: an `Ended`
is only the end of a stretch of sound, and the next `Onset` may follow at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from vivavoce.audio.pcm import INPUT_RATE
from vivavoce.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Onset:
    """A candidate begins: the window that starts at `at` ms is the first at or above `on`."""

    at: int


@dataclass(frozen=True, slots=True)
class Dismissed:
    """The candidate fell back before it was confirmed; `at` ms is the end of the window that showed it."""

    at: int


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Speech for sure; it began at `at` ms, the start of the candidate's first window."""

    at: int


@dataclass(frozen=True, slots=True)
class Ended:
    """Speech is over; its last window ended at `at` ms."""

    at: int


Boundary = Onset | Dismissed | Confirmed | Ended

_NOTHING: Final[tuple[Boundary, ...]] = ()


@dataclass(frozen=True, slots=True)
class SegmenterSettings:
    """When a series of scores is speech.

    A candidate is confirmed by `confirm` windows at or above `on` among its first `confirm_within`, and dismissed
    as soon as that can no longer happen. Speech ends after `release` windows in a row below `off`.
    Raises ConfigError on values that could never be met.
    """

    on: float = 0.5
    """A window at or above this is speech."""
    off: float = 0.35
    """A window below this is silence; in between, speech goes on but does not begin."""
    confirm: int = 3
    """With windows of 32 ms: 96 ms of speech, longer than a click, shorter than «stop»."""
    confirm_within: int = 5
    """Unvoiced sounds inside the first word may miss `on`; more than two misses are no word."""
    release: int = 2
    """64 ms: one weak window inside a word does not end it, and an endpoint is not told late."""

    def __post_init__(self) -> None:
        if not 0.0 < self.off <= self.on <= 1.0:
            raise ConfigError(f"segmenter: 0 < off ≤ on ≤ 1 does not hold for off={self.off}, on={self.on}")
        if not 1 <= self.confirm <= self.confirm_within:
            raise ConfigError(f"segmenter: confirm={self.confirm} is not within 1–{self.confirm_within}")
        if self.release < 1:
            raise ConfigError(f"segmenter: release={self.release} is below 1")


class _State(IntEnum):
    QUIET = 0
    CANDIDATE = 1
    SPEECH = 2


class Segmenter:
    """One session's segmenter: `push` a score per window of `window` samples at `rate` Hz.

    Called 31 times a second for every session, so a window in which nothing happens allocates nothing.
    """

    __slots__ = (
        "_confirm",
        "_from",
        "_hits",
        "_last",
        "_may_miss",
        "_misses",
        "_off",
        "_on",
        "_rate",
        "_release",
        "_state",
        "_window",
        "_windows",
    )

    def __init__(self, settings: SegmenterSettings, window: int = 512, rate: int = INPUT_RATE) -> None:
        self._on = settings.on
        self._off = settings.off
        self._confirm = settings.confirm
        self._may_miss = settings.confirm_within - settings.confirm
        self._release = settings.release
        self._window = window
        self._rate = rate
        self._state = _State.QUIET
        self._windows = 0
        self._from = 0
        self._last = 0
        self._hits = 0
        self._misses = 0

    @property
    def now(self) -> int:
        """Audio time in ms: the end of the last window."""
        return self._ms(self._windows)

    @property
    def speaking(self) -> bool:
        """Between `Confirmed` and `Ended`."""
        return self._state is _State.SPEECH

    @property
    def maybe(self) -> bool:
        """Speech, or a candidate for it: such a window must not be gated away."""
        return self._state is not _State.QUIET

    def push(self, score: float) -> tuple[Boundary, ...]:
        """The score 0–1 of the next window; what it showed, in order."""
        self._windows += 1
        state = self._state
        if state is _State.QUIET:
            return self._begin() if score >= self._on else _NOTHING
        if state is _State.SPEECH:
            if score >= self._off:
                self._last = self._windows
                self._misses = 0
                return _NOTHING
            self._misses += 1
            return self._end() if self._misses >= self._release else _NOTHING
        if score >= self._on:
            self._hits += 1
            return self._speech() if self._hits >= self._confirm else _NOTHING
        self._misses += 1
        return self._dismiss() if self._misses > self._may_miss else _NOTHING

    def finish(self) -> tuple[Boundary, ...]:
        """The stretch is over by decree («your turn», end of the file): ends what is open. May be pushed to again."""
        if self._state is _State.SPEECH:
            return self._end()
        if self._state is _State.CANDIDATE:
            return self._dismiss()
        return _NOTHING

    def _begin(self) -> tuple[Boundary, ...]:
        self._from = self._windows - 1
        self._hits = 1
        self._misses = 0
        self._state = _State.CANDIDATE
        onset = Onset(self._ms(self._from))
        if self._confirm == 1:
            return (onset, *self._speech())
        return (onset,)

    def _speech(self) -> tuple[Boundary, ...]:
        self._state = _State.SPEECH
        self._last = self._windows
        self._misses = 0
        return (Confirmed(self._ms(self._from)),)

    def _dismiss(self) -> tuple[Boundary, ...]:
        self._state = _State.QUIET
        return (Dismissed(self._ms(self._windows)),)

    def _end(self) -> tuple[Boundary, ...]:
        self._state = _State.QUIET
        return (Ended(self._ms(self._last)),)

    def _ms(self, windows: int) -> int:
        return windows * self._window * 1000 // self._rate
