"""False cut-offs against endpoint delay: how often is a speaker who pauses taken to be done, and how long do we wait?

A fixed delay trades the one for the other. The adaptive rule reads the words; its curve, drawn over the patience,
should lie below that of the fixed delays everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, median
from typing import Any

import numpy as np

from benchmarks.commands import sentences
from benchmarks.conversation.ears import Ears, Words, scores
from benchmarks.conversation.pauses import Kind, Turn, recorded_turns, spoken_turns
from benchmarks.conversation.result import Check, Options, Result, columns
from vivavoce.conversation.endpointing import EndpointSettings
from vivavoce.conversation.events import Command, Commit
from vivavoce.conversation.turn import TurnPolicy
from vivavoce.inference.backends.silero import SileroVad

FIXED_MS = (300, 400, 500, 600, 700, 850, 1000, 1200, 1500)
SHOWN_MS = (300, 500, 700, 1000)
"""Those that the adaptive rule is measured against by name."""
PATIENCE = (0.5, 0.6, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0)
KINDS: tuple[Kind, ...] = ("clean", "border", "hanging", "recording")
UNKNOWN = Words(("something",), (0,))
"""What stands for the words of a recording that nobody wrote down; it neither hangs nor is it complete."""


@dataclass(frozen=True, slots=True)
class Point:
    """One policy over all turns. Delays in ms from the true end of the turn to its commit, of turns not cut off."""

    policy: str
    cut: float
    """Share of turns that were cut off, 0–1."""
    cut_of: dict[str, float]
    """The same by kind of turn."""
    median_ms: float
    mean_ms: float


def measure(options: Options) -> Result:
    """Both curves, and by how much the one lies below the other."""
    spoken = (*sentences.COMMANDS, *sentences.OTHERS)
    turns = list(spoken_turns(spoken[:: max(1, round(1 / options.scale))], options.seed))
    if options.recordings:
        turns += recorded_turns(options.recordings)
    vad = SileroVad()
    heard = [scores(turn.sound, vad) for turn in turns]
    fixed = [
        point(f"fixed {delay} ms", TurnPolicy(endpoint=EndpointSettings(delay, delay, delay, delay)), turns, heard)
        for delay in FIXED_MS
    ]
    adaptive = [point(f"patience {patience:g}", TurnPolicy(patience=patience), turns, heard) for patience in PATIENCE]
    return _result(turns, fixed, adaptive)


def point(name: str, policy: TurnPolicy, turns: Sequence[Turn], heard: Sequence[Sequence[float]]) -> Point:
    """What `policy` makes of the turns, whose windows were scored as `heard`."""
    cuts: dict[str, list[bool]] = {}
    delays: list[int] = []
    for turn, windows in zip(turns, heard, strict=True):
        ears = Ears(policy, turn.words or UNKNOWN)
        ears.listen(windows, _commits)
        committed = ears.when(Commit)
        if committed is None:
            continue  # the voice detector heard nothing: not a matter of endpointing
        cut = committed < turn.end
        cuts.setdefault(turn.kind, []).append(cut)
        if not cut:
            delays.append(committed - turn.end)
    every = [cut for group in cuts.values() for cut in group]
    return Point(
        name,
        fmean(every) if every else 0.0,
        {kind: fmean(group) for kind, group in cuts.items()},
        float(median(delays)) if delays else 0.0,
        fmean(delays) if delays else 0.0,
    )


def _commits(command: Command) -> bool:
    return isinstance(command, Commit)


def cut_at(curve: Sequence[Point], delay_ms: float) -> float:
    """Share of turns cut off where `curve` has that mean delay, between its points by a straight line."""
    ordered = sorted(curve, key=lambda each: each.mean_ms)
    return float(np.interp(delay_ms, [each.mean_ms for each in ordered], [each.cut for each in ordered]))


def _result(turns: Sequence[Turn], fixed: Sequence[Point], adaptive: Sequence[Point]) -> Result:
    kinds = [kind for kind in KINDS if any(turn.kind == kind for turn in turns)]
    table = columns("Cut off, and waited for", "policy", "cut off", *kinds, "median ms", "mean ms")
    for each in (*fixed, *adaptive):
        table.add_row(
            each.policy,
            f"{each.cut:.1%}",
            *(f"{each.cut_of.get(kind, 0.0):.1%}" for kind in kinds),
            f"{each.median_ms:.0f}",
            f"{each.mean_ms:.0f}",
        )
    checks = []
    for each in fixed:
        if each.policy in [f"fixed {delay} ms" for delay in SHOWN_MS]:
            ours = cut_at(adaptive, each.mean_ms)
            checks.append(
                Check(
                    f"cut off at the mean delay of {each.policy} ({each.cut:.1%})",
                    f"{ours:.1%}",
                    "no more",
                    ours <= each.cut,
                )
            )
    figures: dict[str, Any] = {
        "turns": {kind: sum(turn.kind == kind for turn in turns) for kind in kinds},
        "fixed": [asdict(each) for each in fixed],
        "adaptive": [asdict(each) for each in adaptive],
    }
    return Result(checks, figures, [table])
