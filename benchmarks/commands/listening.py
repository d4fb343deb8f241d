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
from vivavoce.inference.backends.pocketsphinx.hearing import Hearing, audible
from vivavoce.inference.backends.pocketsphinx.rejection import Understanding, certainty


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was made of a trial. `right`: the command found means what was said; `evidence` as far as there is any."""

    trial: Trial
    found: Understanding
    right: bool
    evidence: Evidence | None


def listen(trials: Iterable[Trial]) -> Iterator[Outcome]:
    """Each trial's outcome, in order."""
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), _begin) as pool:
        yield from pool.map(_judge, trials)


class _Listener:
    def __init__(self) -> None:
        self._skills = Skills.load(["en"])
        self._hearing = Hearing(self._skills.grammar("en").jsgf)

    def judge(self, trial: Trial) -> Outcome:
        if not audible(trial.pcm):
            return Outcome(trial, Understanding(), not trial.text, None)
        prose, clarity = self._hearing.prose(trial.pcm)
        pieces, evidence = self._hearing.evidence(trial.pcm, prose)
        command = " ".join(texts(pieces))
        sure = certainty(evidence) if evidence else 0.0
        found = Understanding(command, sure, " ".join(texts(prose)), clarity)
        return Outcome(trial, found, self._meaning(command) == self._meaning(trial.text), evidence)

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
