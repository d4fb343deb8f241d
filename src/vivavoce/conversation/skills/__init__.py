"""Skills: what the system can do without a language model, and offers to one as tools.

`sentences/*.yaml` define them; docs/skills.md says how. `Skills` is the door.
"""

from vivavoce.conversation.skills.library import Skills
from vivavoce.conversation.skills.memory import SkillMemory, Timer
from vivavoce.conversation.skills.values import (
    Ask,
    CancelTimer,
    Effect,
    Forget,
    Intent,
    Remember,
    SetTimer,
    SetVolume,
    SkillContext,
    SkillReply,
    Slot,
)

__all__ = [
    "Ask",
    "CancelTimer",
    "Effect",
    "Forget",
    "Intent",
    "Remember",
    "SetTimer",
    "SetVolume",
    "SkillContext",
    "SkillMemory",
    "SkillReply",
    "Skills",
    "Slot",
    "Timer",
]
