"""The values between the skills and whoever runs them: what was meant, what is answered, what shall happen.

Answering is free of side effects, because a reply may be prepared before its turn is committed and then be
thrown away. What a skill wants to happen is said in `SkillReply.effects`; `SkillMemory.commit` and the engine
do it once the turn is committed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vivavoce.conversation.skills.memory import SkillMemory

Slot = str | int | float


@dataclass(frozen=True, slots=True)
class Intent:
    """What a sentence means: the name of a skill and its slots. `text` is the sentence as it came.

    `free` intents were understood around free words ("where are my …"), so with a language model behind
    the skills they are the ones that it might answer better.
    """

    name: str
    slots: Mapping[str, Slot] = field(default_factory=dict, hash=False)
    text: str = ""
    free: bool = False


# ── effects ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class SetVolume:
    """Loudness of everything said from now on, 0–100."""

    percent: int


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Ring `seconds` after the commit. `label` is a word for it ("pasta"), or empty: named by its duration."""

    id: int
    seconds: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Forget the timer; None: all of them. Unknown ids are no error, the timer may just have rung."""

    id: int | None


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep a fact, in the words of the person ("my keys are in the drawer")."""

    fact: str


@dataclass(frozen=True, slots=True)
class Forget:
    """Forget every fact of this conversation."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A question was put to the person: their "yes" means `intent`, anything else drops it."""

    intent: Intent


Effect = SetVolume | SetTimer | CancelTimer | Remember | Forget | Ask


# ── context and reply ─────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class SkillContext:
    """All that a skill may know. `now` is aware and in the person's time zone; `memory` is only read."""

    language: str
    now: datetime
    memory: SkillMemory


@dataclass(frozen=True, slots=True)
class SkillReply:
    """What to say, and what to do once the turn is committed, before the first sound leaves.

    `stop`: say nothing and be quiet. `failed`: it could not be done, and `text` says why, to the person or to
    the language model that called; where there is a model behind the skills, it may know better.
    """

    text: str
    effects: tuple[Effect, ...] = ()
    stop: bool = False
    failed: bool = False
