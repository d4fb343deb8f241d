"""What the turn machine is told and what it answers: events in, commands out. Plain values, no behaviour.

Beside these events it takes the segmenter's boundaries and the person's Commit, Interrupt and UserText.
"""

from __future__ import annotations

from dataclasses import dataclass

from vivavoce.audio.segmenter import Boundary
from vivavoce.conversation.inputs import Commit as UserCommit
from vivavoce.conversation.inputs import Interrupt, UserText
from vivavoce.conversation.outputs import EndReason, Output
from vivavoce.inference.ports import Transcript

ANNOUNCEMENTS = 20
"""Announcements waiting for silence; the oldest is dropped beyond that (timers ring late, not for ever)."""


# ── events ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Partial:
    text: str


@dataclass(frozen=True, slots=True)
class Final:
    """The transcript asked for by `Settle(settle)`."""

    settle: int
    transcript: Transcript


@dataclass(frozen=True, slots=True)
class RecognitionFailed:
    settle: int
    message: str


@dataclass(frozen=True, slots=True)
class Saying:
    """Words of the reply that are sounding about now."""

    reply: int
    text: str


@dataclass(frozen=True, slots=True)
class FirstClause:
    """The committed reply has words, which are being synthesised."""

    reply: int


@dataclass(frozen=True, slots=True)
class FirstSound:
    """The committed reply has its first sound."""

    reply: int


@dataclass(frozen=True, slots=True)
class ReplyOver:
    """The reply has been played, or what was heard of it is settled."""

    reply: int


@dataclass(frozen=True, slots=True)
class TimerFired:
    name: str


@dataclass(frozen=True, slots=True)
class Announce:
    text: str


Event = (
    Boundary
    | Partial
    | Final
    | RecognitionFailed
    | Saying
    | FirstClause
    | FirstSound
    | ReplyOver
    | TimerFired
    | Announce
    | UserText
    | UserCommit
    | Interrupt
)


# ── commands ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Listen:
    """Open a recognition with the sound from `since` on."""

    turn: int
    since: int


@dataclass(frozen=True, slots=True)
class Settle:
    """Finish the recognition as if the utterance ended here; keep the sound."""

    settle: int


@dataclass(frozen=True, slots=True)
class Seal:
    """The utterance is over by decree, perhaps in the middle of a word: sound from now on is of the next one."""


@dataclass(frozen=True, slots=True)
class Relisten:
    """The user went on: recognise the whole utterance again, and what follows."""


@dataclass(frozen=True, slots=True)
class Forget:
    """Drop the recognition and its sound."""


@dataclass(frozen=True, slots=True)
class Prepare:
    """Begin a reply, inaudible. `say` is an announcement instead of an answer to `transcript`."""

    attempt: int
    transcript: Transcript
    say: str = ""


@dataclass(frozen=True, slots=True)
class Discard:
    attempt: int


@dataclass(frozen=True, slots=True)
class Commit:
    """The turn is the user's word now: make attempt `attempt` audible as reply `reply`."""

    attempt: int
    reply: int
    turn: int
    said: str
    speech_ended: int


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop making the reply and flush it everywhere."""

    reply: int
    reason: EndReason


@dataclass(frozen=True, slots=True)
class Arm:
    """Send `TimerFired(name)` when audio time reaches `at`; replaces a timer of that name."""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Disarm:
    name: str


@dataclass(frozen=True, slots=True)
class Emit:
    output: Output


@dataclass(frozen=True, slots=True)
class End:
    """End the session."""

    reason: str


Command = Listen | Settle | Seal | Relisten | Forget | Prepare | Discard | Commit | Cancel | Arm | Disarm | Emit | End
