"""Whether the sentence that the grammar found was really said: a small logistic model over the evidence.

`benchmarks/fit_rejection.py` fits the weights and prints them as they stand here: 284 trials of six synthetic voices
with hiss, hum and babble to 10 dB, three candidates each. The thresholds were set where, each voice judged by a model
that had not heard it, less than 1 % of other speech passes for a command, and 14 % is asked back. `script/bench
commands` measures what comes of them with other voices, sentences and noises. People were not among the voices: of
three recordings of them none passes and one is asked back, which is no measurement.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from vivavoce.inference.backends.pocketsphinx.evidence import Evidence
from vivavoce.inference.ports import Transcript

BIAS = -0.262
WEIGHTS = Evidence(
    fit=5.9,
    loss=0.746,
    worst_fit=3.11,
    worst_loss=0.207,
    like_loop=4.58,
    like_prose=4.48,
    clarity=-5.26,
    same_words=0.102,
    covered=5.55,
    gaps=-1.12,
    surplus=1.36,
    shortness=13,
    slowest=-1.44,
    fastest=0.766,
)
ACCEPT = 0.75
"""Certainty from which a command is carried out."""
UNSURE = 0.15
"""Certainty from which a command is asked back; less is no command."""
BIAS_BY_SOUND = 4.99
WEIGHTS_BY_SOUND = Evidence(
    fit=5.38,
    loss=4.7,
    worst_fit=2.27,
    worst_loss=0.074,
    like_loop=4.1,
    like_prose=0,
    clarity=0,
    same_words=0,
    covered=1.39,
    gaps=-2.01,
    surplus=0.513,
    shortness=2.45,
    slowest=-1.0,
    fastest=-0.369,
)
"""The same without the free pass, which costs as much as all the others: fitted on every fourth trial."""
ACCEPT_BY_SOUND = 0.8
"""Certainty by sound from which the free pass is not needed. Of 74 commands of voices unheard before 24 have it and are
right, 1 is wrong; of 114 other utterances 1 has it.
"""
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
    return _probability(BIAS, WEIGHTS, evidence)


def certainty_by_sound(evidence: Evidence) -> float:
    """The same from what the grammar and the loop alone have said."""
    return _probability(BIAS_BY_SOUND, WEIGHTS_BY_SOUND, evidence)


def _probability(bias: float, weights: Evidence, evidence: Evidence) -> float:
    log_odds = bias + sum(getattr(weights, name) * getattr(evidence, name) for name in Evidence.__dataclass_fields__)
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, log_odds))))


def transcript(heard: Understanding) -> Transcript:
    """A command, a command to ask back, readable speech, speech that was not understood, or nothing."""
    if heard.command and heard.certainty >= UNSURE:
        return Transcript(heard.command, heard.certainty, unsure=heard.certainty < ACCEPT)
    if not heard.prose:
        return Transcript("")
    return Transcript(heard.prose, heard.clarity, rejected=heard.clarity < READABLE)
