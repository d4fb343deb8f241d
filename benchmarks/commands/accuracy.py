"""Spoken commands understood, and other speech taken for one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from benchmarks.commands import spoken, trials
from benchmarks.commands.listening import Outcome, listen
from benchmarks.conversation.result import Check, Options, Result, columns, share
from vivavoce.inference.backends.pocketsphinx.rejection import ACCEPT, UNSURE

GOAL_RIGHT, GOAL_FALSE = 0.85, 0.01


@dataclass(frozen=True, slots=True)
class Count:
    """Of the spoken commands: understood at once, asked back rightly, taken for another one. Of the rest: carried out
    (`false`) or asked back though no command was said."""

    commands: int
    right: int
    asked: int
    wrong: int
    others: int
    false: int
    bothered: int

    def figures(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def count(outcomes: Iterable[Outcome]) -> Count:
    outcomes = list(outcomes)
    said = [outcome for outcome in outcomes if outcome.trial.command]
    rest = [outcome for outcome in outcomes if not outcome.trial.command]
    return Count(
        len(said),
        sum(_done(outcome) and outcome.right for outcome in said),
        sum(_asked(outcome) and outcome.right for outcome in said),
        sum(_done(outcome) and not outcome.right for outcome in said),
        len(rest),
        sum(map(_done, rest)),
        sum(map(_asked, rest)),
    )


def measure(options: Options) -> Result:
    """All 465 trials at scale 1 (some nine minutes of decoding), every n-th at scale 1/n."""
    outcomes = list(listen(trials.measuring(max(1, round(1 / options.scale)))))
    whole = count(outcomes)
    understood = (whole.right + whole.asked) / max(1, whole.commands)
    checks = [
        Check("commands understood, asked back ones included", f"{understood:.1%}", "≥ 85 %", understood >= GOAL_RIGHT),
        Check("  of these carried out at once", share(whole.right, whole.commands)),
        Check("  of these asked back first", share(whole.asked, whole.commands)),
        Check("commands taken for another one", share(whole.wrong, whole.commands)),
        Check(
            "other speech and sound taken for a command",
            share(whole.false, whole.others),
            "≤ 1 %",
            whole.false <= GOAL_FALSE * whole.others,
        ),
        Check("  asked back though no command", share(whole.bothered, whole.others)),
    ]
    groups = {
        "noise at SNR": lambda outcome: f"{outcome.trial.snr} dB" if outcome.trial.snr else "quiet",
        "kind of noise": lambda outcome: outcome.trial.noise,
        "voice": lambda outcome: outcome.trial.speaker,
    }
    tables, figures = [], {"accept": ACCEPT, "unsure": UNSURE, "all": whole.figures()}
    for title, key in groups.items():
        table, rows = _grouped(title, outcomes, key)
        tables.append(table)
        figures[title] = rows
    figures["voices"] = [f"{speaker.voice} at {speaker.speed}/min" for speaker in spoken.MEASURING_SPEAKERS]
    return Result(checks, figures, tables)


def _grouped(
    title: str, outcomes: Sequence[Outcome], key: Callable[[Outcome], str]
) -> tuple[Table, dict[str, dict[str, Any]]]:
    table = columns(f"Commands by {title}", title, "right", "asked back", "wrong", "false", "asked for nothing")
    rows: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(map(key, outcomes)):
        part = count(outcome for outcome in outcomes if key(outcome) == name)
        rows[name] = part.figures()
        table.add_row(
            name,
            share(part.right, part.commands),
            share(part.asked, part.commands),
            share(part.wrong, part.commands),
            share(part.false, part.others),
            share(part.bothered, part.others),
        )
    return table, rows


def _done(outcome: Outcome) -> bool:
    return bool(outcome.found.command) and outcome.found.certainty >= ACCEPT


def _asked(outcome: Outcome) -> bool:
    return bool(outcome.found.command) and UNSURE <= outcome.found.certainty < ACCEPT
