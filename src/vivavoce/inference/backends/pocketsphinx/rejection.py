"""Whether the sentence that the grammar found was really said: a small logistic model over the evidence.

`benchmarks/fit_rejection.py` fits the weights and prints them as they stand here; `script/bench commands` measures
what comes of them with other voices, sentences and noises.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from vivavoce.inference.backends.pocketsphinx.evidence import Evidence
from vivavoce.inference.ports import Transcript

BIAS = -2.74
WEIGHTS = Evidence(
    fit=2.6,
    loss=3.27,
    worst_fit=2.41,
    worst_loss=0.381,
    like_loop=5.61,
    like_prose=3.28,
    clarity=-1.85,
    same_words=2.24,
    covered=3.68,
    gaps=-2.12,
    surplus=0.0795,
    shortness=11.8,
    slowest=-1.73,
    fastest=2.47,
)
ACCEPT = 0.5
"""Certainty from which a command is carried out."""
UNSURE = 0.2
"""Certainty from which a command is asked back; less is no command."""
READABLE = 0.5
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
