"""Trials put before the decoders, on all cores, and what came of each."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from benchmarks.commands.trials import Trial
from vivavoce.conversation.skills import Skills
from vivavoce.inference.backends.pocketsphinx.evidence import Evidence, texts
from vivavoce.inference.backends.pocketsphinx.hearing import Hearing
from vivavoce.inference.backends.pocketsphinx.rejection import Understanding


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was made of a trial. `right`: the command found means what was said."""

    trial: Trial
    found: Understanding
    right: bool


@dataclass(frozen=True, slots=True)
class Studied:
    """The evidence for each command that a trial could be taken for, and whether it means what was said."""

    trial: Trial
    candidates: tuple[tuple[Evidence, bool], ...]


def listen(trials: Iterable[Trial]) -> Iterator[Outcome]:
    """Each trial's outcome, in order."""
    with _pool() as pool:
        yield from pool.map(_judge, trials)


def study(trials: Iterable[Trial]) -> Iterator[Studied]:
    """Each trial's candidates, in order."""
    with _pool() as pool:
        yield from pool.map(_weigh, trials)


class _Listener:
    def __init__(self) -> None:
        self._skills = Skills.load(["en"])
        self._hearing = Hearing(self._skills.grammar("en").jsgf)

    def judge(self, trial: Trial) -> Outcome:
        found = self._hearing.judge(trial.pcm)
        return Outcome(trial, found, self._is_right(found.command, trial))

    def weigh(self, trial: Trial) -> Studied:
        candidates = self._hearing.candidates(trial.pcm)
        return Studied(
            trial,
            tuple((evidence, self._is_right(" ".join(texts(pieces)), trial)) for pieces, evidence in candidates),
        )

    def _is_right(self, command: str, trial: Trial) -> bool:
        return trial.command and self._meaning(command) == self._meaning(trial.text)

    def _meaning(self, text: str) -> object:
        """Intent and slots: "five minute" and "five minutes" are the same timer."""
        intent = self._skills.match(text, "en")
        return (intent.name, dict(intent.slots)) if intent else text


_listener: _Listener | None = None


def _begin() -> None:
    global _listener
    _listener = _Listener()


def _judge(trial: Trial) -> Outcome:
    assert _listener is not None
    return _listener.judge(trial)


def _weigh(trial: Trial) -> Studied:
    assert _listener is not None
    return _listener.weigh(trial)


def _pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), _begin)
