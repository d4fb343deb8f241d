"""Whether the sentence that the grammar found was really said: a small logistic model over the evidence.

`benchmarks/fit_rejection.py` fits the weights and prints them as they stand here: 284 trials of six synthetic voices
with hiss, hum and babble to 10 dB, three candidates each. The thresholds were set where, each voice judged by a model
that had not heard it, 1 % of other speech passes for a command. `script/bench commands` measures what comes of them
with other voices, sentences and noises. People were not among the voices: three recordings of them are rejected as
they should be, which is no measurement.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from vivavoce.inference.backends.pocketsphinx.evidence import Evidence
from vivavoce.inference.ports import Transcript

BIAS = 4.23
WEIGHTS = Evidence(
    fit=7,
    loss=1.52,
    worst_fit=3.02,
    worst_loss=0.993,
    like_loop=4.15,
    like_prose=3.46,
    clarity=-5.62,
    same_words=1.24,
    covered=3.75,
    gaps=-0.573,
    surplus=1.16,
    shortness=3.63,
    slowest=-1.86,
    fastest=0.986,
)
ACCEPT = 0.7
"""Certainty from which a command is carried out."""
UNSURE = 0.12
"""Certainty from which a command is asked back; less is no command."""
READABLE = 0.18
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
