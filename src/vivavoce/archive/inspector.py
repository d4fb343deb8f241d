"""The turn inspector: what each stage got, took and gave, and where in the recordings it is to be heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vivavoce.archive.conversations_views import Sound, TurnView

Side = Literal["in", "out", "heard"]


@dataclass(frozen=True, slots=True)
class Clip:
    """A piece of a recording: `from_ms` to `to_ms` in its file. `in` is the user's (left) channel, `out` and `heard`
    are the reply's (right): `out` up to where the reply would have gone on, `heard` up to where it was heard.
    """

    side: Side
    recording: str
    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class Step:
    """A stage with its texts. `input` and `output` are None where they are sound, or not for the viewer."""

    name: str
    start: int
    end: int
    backend: str
    input: str | None
    output: str | None
    input_kind: str
    output_kind: str
    error: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """One turn, opened. Without words `clips` is empty too: a voice is words."""

    turn: TurnView
    steps: list[Step]
    clips: list[Clip]


def inspect(turn: TurnView, sounds: Sequence[Sound]) -> Inspection:
    """`sounds` are the conversation's recordings; only those that are `ready` can be heard."""
    reply = None if turn.heard is None else turn.heard + (turn.unheard or "")
    known = {"said": turn.said, "reply": reply}
    steps = [
        Step(
            one.name,
            one.start,
            one.end,
            one.backend,
            known.get(one.input),
            known.get(one.output),
            one.input,
            one.output,
            one.error,
        )
        for one in turn.stages
    ]
    clips: list[Clip] = []
    if turn.said is not None or turn.heard is not None:
        clips += _clips("in", turn.said_from_ms, turn.said_to_ms, sounds)
        clips += _clips("out", turn.heard_from_ms, _end_of_reply(turn), sounds)
        clips += _clips("heard", turn.heard_from_ms, turn.heard_to_ms, sounds)
    return Inspection(turn, steps, clips)


def _end_of_reply(turn: TurnView) -> int | None:
    """Where the reply would have ended as far as its words' times are known; never before what was heard."""
    last = turn.words[-1].from_ms if turn.words else None
    if turn.heard_to_ms is None or last is None:
        return turn.heard_to_ms
    return max(turn.heard_to_ms, last)


def _clips(side: Side, start: int | None, end: int | None, sounds: Sequence[Sound]) -> list[Clip]:
    """The parts of `start`–`end` that were recorded; two recordings may meet in the middle of it."""
    if start is None or end is None:
        return []
    found = []
    for sound in sorted(sounds, key=lambda one: one.from_ms):
        begin, stop = max(start, sound.from_ms), min(end, sound.from_ms + sound.duration_ms)
        if sound.state == "ready" and begin < stop:
            found.append(Clip(side, sound.id, begin - sound.from_ms, stop - sound.from_ms))
    return found
