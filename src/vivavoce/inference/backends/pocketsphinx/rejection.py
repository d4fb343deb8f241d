"""Whether the sentence that the grammar found was really said: a small logistic model over the evidence.

`benchmarks/fit_rejection.py` fits the weights and prints them as they stand here; `script/bench commands` measures
what comes of them with other voices, sentences and noises.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from vivavoce.inference.backends.pocketsphinx.evidence import Evidence
from vivavoce.inference.ports import Transcript

BIAS = 3.22
WEIGHTS = Evidence(
    fit=6.95,
    loss=2.62,
    worst_fit=3.08,
    worst_loss=0.638,
    like_loop=4.1,
    like_prose=3.05,
    clarity=-5.84,
    same_words=1.18,
    covered=4.66,
    gaps=-0.602,
    surplus=1.15,
    shortness=3.21,
    slowest=-1.16,
    fastest=1.49,
)
ACCEPT = 0.75
"""Certainty from which a command is carried out."""
UNSURE = 0.15
"""Certainty from which a command is asked back; less is no command."""
READABLE = 0.25
"""Clarity from which free speech is worth quoting."""


@dataclass(frozen=True, slots=True)
class Understanding:
    """`command` with its `certainty` (0–1) that it was said; `prose` with its `clarity` (0–1); either may be empty."""

    command: str = ""
    certainty: float = 0.0
    prose: str = ""
    clarity: float = 0.0


def certainty(evidence: Evidence) -> float:
    """Probability, 0–1, that the command was said."""
    log_odds = BIAS + sum(getattr(WEIGHTS, name) * getattr(evidence, name) for name in Evidence.__dataclass_fields__)
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, log_odds))))


def transcript(heard: Understanding) -> Transcript:
    """A command, a command to ask back, readable speech, speech that was not understood, or nothing."""
    if heard.command and heard.certainty >= UNSURE:
        return Transcript(heard.command, heard.certainty, unsure=heard.certainty < ACCEPT)
    if not heard.prose:
        return Transcript("")
    return Transcript(heard.prose, heard.clarity, rejected=heard.clarity < READABLE)
