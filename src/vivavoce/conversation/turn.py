"""The turn machine: who speaks, who waits, and what becomes of a reply that is interrupted.

Pure. `handle(event, at)` takes what happened and the audio time in ms, and returns the commands to carry
out. It reads no clock: time passes because sound arrives, so a test is exact and an hour takes no time.

Two tracks move side by side:

    the user     QUIET ──confirmed──▶ SPEAKING ──ended──▶ TRAILING ──endpoint──▶ QUIET  (the turn is committed)
                                          ▲────confirmed─────┘

    the reply    none ──prepare──▶ prepared ──commit──▶ audible ──over──▶ none
                                    │ discard            │ onset: ducked → confirmed: held
                                    ▼                    │   judged "resume": released, no sample lost
                                   none                  └   judged "cancel": flushed

Rules that hold in every state (tests/conversation/test_turn.py proves them over random event sequences):
- nothing with side effects before `Commit`: `Settle`, `Prepare` and `Discard` can be undone;
- reply numbers grow by one; a cancelled number is never spoken of again but by its `Cancel`;
- every utterance ends: by endpoint, by being forgotten, or by its limit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from vivavoce.audio.segmenter import Confirmed, Dismissed, Ended, Onset
from vivavoce.conversation.endpointing import EndpointSettings, endpoint_delay
from vivavoce.conversation.events import (
    ANNOUNCEMENTS,
    Announce,
    Arm,
    Cancel,
    Command,
    Commit,
    Disarm,
    Discard,
    Emit,
    End,
    Event,
    Final,
    FirstClause,
    FirstSound,
    Forget,
    Listen,
    Partial,
    Prepare,
    RecognitionFailed,
    Relisten,
    ReplyOver,
    Saying,
    Seal,
    Settle,
    TimerFired,
)
from vivavoce.conversation.inputs import Commit as UserCommit
from vivavoce.conversation.inputs import Interrupt, UserText
from vivavoce.conversation.interruption import Evidence, InterruptionJudge, Verdict
from vivavoce.conversation.outputs import (
    Duck,
    EndReason,
    Hold,
    Output,
    Problem,
    Release,
    SpeechEnded,
    SpeechStarted,
    State,
    StateChanged,
    TranscriptUpdate,
)
from vivavoce.inference.ports import Transcript

JUDGE_AGAIN_MS = 200
"""While a reply is held, the interruption is judged on news and at least this often."""
REPLY_TAIL = 240
"""Characters of the reply kept to recognise its echo."""


@dataclass(frozen=True, slots=True)
class TurnPolicy:
    """Bounds of turn-taking. Durations in ms of audio."""

    endpoint: EndpointSettings = field(default_factory=EndpointSettings)
    patience: float = 1.0
    language: str = "en"
    preempt: bool = True
    """Prepare a reply at the first plausible end of speech. Costs a recognition per pause."""
    tail: int = 0
    """Sound from after the end of speech that the recogniser wants to hear before it is asked for the words."""
    duck_gain: float = 0.3
    utterance_limit: int = 60_000
    silence_limit: int = 30 * 60_000


# ── the machine ───────────────────────────────────────────────────────────────────────────────────


class _User(Enum):
    QUIET = auto()
    SPEAKING = auto()
    TRAILING = auto()


@dataclass(slots=True)
class _Utterance:
    turn: int
    began: int
    ended: int = 0
    partial: str | None = None
    settle: int = 0
    final: Transcript | None = None
    attempt: int = 0
    due: bool = False
    """The endpoint has passed; only the final transcript is missing."""
    closed: bool = False
    """Over by decree («your turn», the limit): who goes on begins a new one."""

    @property
    def words(self) -> str:
        return self.final.text if self.final is not None else self.partial or ""


@dataclass(slots=True)
class _Speech:
    began: int
    ended: int | None = None


@dataclass(slots=True)
class _Reply:
    number: int
    tail: str = ""
    sounding: bool = False
    ducked: bool = False
    held: bool = False


class TurnMachine:
    """See the head of this module. One per duplex session."""

    def __init__(self, policy: TurnPolicy, judge: InterruptionJudge, *, first_reply: int = 1) -> None:
        self._policy = policy
        self._judge = judge
        self._user = _User.QUIET
        self._candidate = False
        self._utterance: _Utterance | None = None
        self._next: _Speech | None = None
        """Speech that began while the words of a closed utterance were still awaited."""
        self._reply: _Reply | None = None
        self._turns = 0
        self._settles = 0
        self._attempts = 0
        self._replies = first_reply - 1
        self._waiting: deque[str] = deque(maxlen=ANNOUNCEMENTS)
        self._state: State = "listening"
        self._out: list[Command] = []

    def start(self) -> list[Command]:
        """What to do before the first event."""
        return [Arm("silence", self._policy.silence_limit), Emit(StateChanged("listening"))]

    @property
    def speaking(self) -> bool:
        """The user is in the middle of an utterance (quiet windows matter, none may be skipped)."""
        return self._user is not _User.QUIET or self._candidate

    def handle(self, event: Event, at: int) -> list[Command]:
        """What follows from `event`, which happened when `at` ms of sound had come in."""
        self._out = []
        _HANDLERS[type(event)](self, event, at)
        return self._out

    # ── the user's voice ──────────────────────────────────────────────────────────────────────

    def _on_onset(self, event: Onset, at: int) -> None:
        self._candidate = True
        reply = self._reply
        if reply and reply.sounding and not reply.held:
            self._duck(reply)

    def _on_dismissed(self, event: Dismissed, at: int) -> None:
        self._candidate = False
        if self._reply and not self._reply.held:
            self._unduck(self._reply)
        if self._utterance and self._utterance.due:
            self._endpoint(self._utterance, at)
        elif self._waiting:  # an announcement that came while somebody seemed to begin
            self._idle(at)

    def _on_confirmed(self, event: Confirmed, at: int) -> None:
        self._candidate = False
        utterance = self._utterance
        if utterance is not None and utterance.closed:
            self._next = _Speech(event.at)
            self._endpoint(utterance, at)
            return
        if utterance is None:
            self._open(event.at)
        elif self._user is _User.TRAILING:
            self._go_on(utterance)
        self._user = _User.SPEAKING
        if self._reply and not self._reply.held:
            self._reply.held = True
            self._emit(Hold(self._reply.number))
        if self._reply:
            self._do(Arm("judge", at + JUDGE_AGAIN_MS))

    def _open(self, since: int) -> None:
        self._turns += 1
        self._utterance = _Utterance(self._turns, since)
        self._do(Disarm("silence"), Listen(self._turns, since))
        self._do(Arm("utterance", since + self._policy.utterance_limit))
        self._emit(SpeechStarted(since))

    def _open_next(self, at: int) -> None:
        """The closed utterance is done with: whoever went on meanwhile is heard now, from where they began."""
        speech, self._next = self._next, None
        if speech is None:
            return
        self._on_confirmed(Confirmed(speech.began), at)
        if speech.ended is not None:
            self._on_ended(Ended(speech.ended), at)

    def _go_on(self, utterance: _Utterance) -> None:
        """Speech again before the endpoint: what was prepared is void, the sound is one utterance."""
        self._do(Disarm("endpoint"), Disarm("settle"))
        utterance.due = False
        utterance.final = None
        if utterance.attempt:
            self._do(Discard(utterance.attempt))
            utterance.attempt = 0
        if utterance.settle:
            utterance.settle = 0
            self._do(Relisten())

    def _on_ended(self, event: Ended, at: int) -> None:
        utterance = self._utterance
        if self._next is not None:
            self._next.ended = event.at
        if utterance is None or self._user is not _User.SPEAKING:
            return
        self._user = _User.TRAILING
        utterance.ended = event.at
        # An interruption has to be judged by its words, so its transcript is asked for at once.
        if self._policy.preempt or self._reply:
            if self._policy.tail:
                self._do(Arm("settle", event.at + self._policy.tail))
            else:
                self._settle(utterance)
        self._arm_endpoint(utterance, at)

    def _settle(self, utterance: _Utterance) -> None:
        self._do(Disarm("settle"))
        self._settles += 1
        utterance.settle = self._settles
        self._do(Settle(utterance.settle))

    def _arm_endpoint(self, utterance: _Utterance, at: int) -> None:
        words = utterance.final.text if utterance.final else utterance.partial
        policy = self._policy
        delay = endpoint_delay(words, policy.language, policy.endpoint, policy.patience)
        self._do(Arm("endpoint", max(at, utterance.ended + delay)))

    # ── what was understood ───────────────────────────────────────────────────────────────────

    def _on_partial(self, event: Partial, at: int) -> None:
        utterance = self._utterance
        if utterance is None or utterance.final is not None or event.text == utterance.partial:
            return
        utterance.partial = event.text
        self._emit(TranscriptUpdate(utterance.turn, event.text, final=False, at=at))
        if self._reply and self._reply.held:
            self._weigh(self._reply, utterance, at)
        elif self._user is _User.TRAILING:
            self._arm_endpoint(utterance, at)

    def _on_final(self, event: Final, at: int) -> None:
        utterance = self._utterance
        if utterance is None or event.settle != utterance.settle:
            return
        utterance.final = event.transcript
        if self._reply and self._reply.held and not self._weigh(self._reply, utterance, at):
            return
        if self._utterance is None:  # a backchannel: resumed and forgotten
            return
        if utterance.due:
            self._endpoint(utterance, at)
            return
        if event.transcript.text:
            utterance.attempt = self._prepare(event.transcript)
        self._arm_endpoint(utterance, at)

    def _on_recognition_failed(self, event: RecognitionFailed, at: int) -> None:
        utterance = self._utterance
        if utterance is None or event.settle != utterance.settle:
            return
        self._emit(Problem("asr_failed", event.message, retryable=True))
        self._forget(utterance, at)
        if self._reply:
            self._release(self._reply)

    # ── the end of an utterance ───────────────────────────────────────────────────────────────

    def _endpoint(self, utterance: _Utterance, at: int) -> None:
        """No more is expected of the user: commit, as soon as it is known what was said."""
        utterance.due = True
        if self._candidate:  # somebody may be going on this very moment; Dismissed or Confirmed will tell
            return
        if utterance.final is None:
            if not utterance.settle:
                self._settle(utterance)
            self._enter("recognising")
            return
        if self._reply and self._reply.held and not self._weigh(self._reply, utterance, at, last=True):
            return
        if self._utterance is not None:
            self._commit(utterance, at)

    def _commit(self, utterance: _Utterance, at: int) -> None:
        transcript = utterance.final
        assert transcript is not None
        self._close(utterance, transcript)
        if not transcript.text:
            if utterance.attempt:
                self._do(Discard(utterance.attempt))
            self._idle(at)
            self._open_next(at)
            return
        if self._reply:  # committed without having been interrupted in time: the newer turn wins
            self._cancel(self._reply, "interrupted")
        attempt = utterance.attempt or self._prepare(transcript)
        self._replies += 1
        self._reply = _Reply(self._replies)
        self._enter("thinking")
        self._do(Commit(attempt, self._replies, utterance.turn, transcript.text, utterance.ended))
        self._open_next(at)

    def _close(self, utterance: _Utterance, transcript: Transcript) -> None:
        """The utterance is over; its final words are shown whatever becomes of them."""
        self._user = _User.QUIET
        self._utterance = None
        self._do(Disarm("endpoint"), Disarm("settle"), Disarm("utterance"), Disarm("judge"), Forget())
        self._emit(SpeechEnded(utterance.ended))
        self._emit(
            TranscriptUpdate(
                utterance.turn, transcript.text, final=True, at=utterance.ended, confidence=transcript.confidence
            )
        )

    def _forget(self, utterance: _Utterance, at: int) -> None:
        """Drop an utterance that is no turn: a backchannel, noise, a failed recognition."""
        if utterance.attempt:
            self._do(Discard(utterance.attempt))
        utterance.ended = utterance.ended or at
        self._close(utterance, utterance.final or Transcript(utterance.partial or ""))
        self._idle(at)
        self._open_next(at)

    # ── the interruption ──────────────────────────────────────────────────────────────────────

    def _weigh(self, reply: _Reply, utterance: _Utterance, at: int, *, last: bool = False) -> bool:
        """Judge the interruption of a held reply. True when the utterance stands as a turn of its own."""
        ended = self._user is _User.TRAILING and not self._candidate
        verdict = self._ask(reply, utterance, at, ended=ended)
        if verdict == "wait" and last:
            verdict = "cancel" if utterance.words else "resume"
        if verdict == "cancel":
            self._cancel(reply, "interrupted")
            return True
        if verdict == "resume" and ended and utterance.final is not None:
            self._forget(utterance, at)
            self._release(reply)
            return False
        self._do(Arm("judge", at + JUDGE_AGAIN_MS))
        return False

    def _ask(self, reply: _Reply, utterance: _Utterance, at: int, *, ended: bool) -> Verdict:
        until = utterance.ended if ended else at
        return self._judge.judge(
            Evidence(
                words=utterance.words,
                speech_ms=until - utterance.began,
                ended=ended,
                silence_ms=at - utterance.ended if ended else 0,
                reply_text=reply.tail,
                language=self._policy.language,
            )
        )

    def _release(self, reply: _Reply) -> None:
        if reply.held:
            reply.held = False
            self._do(Disarm("judge"))
            self._emit(Release(reply.number))
            self._enter("speaking" if reply.sounding else "thinking")
        self._unduck(reply)

    def _duck(self, reply: _Reply) -> None:
        reply.ducked = True
        self._emit(Duck(reply.number, self._policy.duck_gain))

    def _unduck(self, reply: _Reply) -> None:
        if reply.ducked:
            reply.ducked = False
            self._emit(Duck(reply.number, 1.0))

    def _cancel(self, reply: _Reply, reason: EndReason) -> None:
        self._reply = None
        self._do(Disarm("judge"), Cancel(reply.number, reason))
        self._enter("listening")

    # ── the reply ─────────────────────────────────────────────────────────────────────────────

    def _prepare(self, transcript: Transcript, say: str = "") -> int:
        self._attempts += 1
        self._do(Prepare(self._attempts, transcript, say))
        return self._attempts

    def _on_saying(self, event: Saying, at: int) -> None:
        if self._reply and self._reply.number == event.reply:
            self._reply.tail = (self._reply.tail + event.text)[-REPLY_TAIL:]

    def _on_first_clause(self, event: FirstClause, at: int) -> None:
        if self._reply and self._reply.number == event.reply and not self._utterance:
            self._enter("synthesising")

    def _on_first_sound(self, event: FirstSound, at: int) -> None:
        if self._reply and self._reply.number == event.reply:
            self._reply.sounding = True
            if self._candidate and not self._reply.held:
                self._duck(self._reply)
            if not self._reply.held:
                self._enter("speaking")

    def _on_reply_over(self, event: ReplyOver, at: int) -> None:
        if self._reply and self._reply.number == event.reply:
            self._reply = None
            self._do(Disarm("judge"))
            self._idle(at)

    def _idle(self, at: int) -> None:
        """Nobody has anything to say: announcements have their moment, and silence its limit."""
        if self._utterance or self._reply:
            return
        if self._waiting and not self._candidate:
            self._announce(self._waiting.popleft(), at)
            return
        self._enter("listening")
        self._do(Arm("silence", at + self._policy.silence_limit))

    def _on_announce(self, event: Announce, at: int) -> None:
        self._waiting.append(event.text)
        self._idle(at)

    def _announce(self, text: str, at: int) -> None:
        attempt = self._prepare(Transcript(""), say=text)
        self._replies += 1
        self._reply = _Reply(self._replies)
        self._do(Disarm("silence"), Commit(attempt, self._replies, 0, "", at))

    # ── the user's hands ──────────────────────────────────────────────────────────────────────

    def _on_text(self, event: UserText, at: int) -> None:
        if self._utterance:  # what is typed replaces what is being said
            self._forget_silently(self._utterance)
        if self._reply:
            self._cancel(self._reply, "interrupted")
        self._turns += 1
        self._replies += 1
        transcript = Transcript(event.text, confidence=1.0)
        attempt = self._prepare(transcript)
        self._reply = _Reply(self._replies)
        self._do(Disarm("silence"))
        self._emit(TranscriptUpdate(self._turns, event.text, final=True, at=at, confidence=1.0))
        self._enter("thinking")
        self._do(Commit(attempt, self._replies, self._turns, event.text, at))

    def _forget_silently(self, utterance: _Utterance) -> None:
        if utterance.attempt:
            self._do(Discard(utterance.attempt))
        utterance.ended = utterance.ended or utterance.began
        self._close(utterance, utterance.final or Transcript(utterance.partial or ""))

    def _on_commit(self, event: UserCommit, at: int) -> None:
        utterance = self._utterance
        if utterance is None or utterance.closed:
            return
        if self._user is _User.SPEAKING:
            self._user = _User.TRAILING
            utterance.ended = at
            self._settle(utterance)
        utterance.closed = True
        self._candidate = False
        self._do(Disarm("utterance"), Seal())
        self._endpoint(utterance, at)

    def _on_interrupt(self, event: Interrupt, at: int) -> None:
        if self._reply:
            self._cancel(self._reply, "stopped")
            self._idle(at)

    # ── time ──────────────────────────────────────────────────────────────────────────────────

    def _on_timer(self, event: TimerFired, at: int) -> None:
        utterance, reply = self._utterance, self._reply
        if event.name == "endpoint" and utterance:
            self._endpoint(utterance, at)
        elif event.name == "settle" and utterance and not utterance.settle:
            self._settle(utterance)
        elif event.name == "judge" and utterance and reply and reply.held:
            self._weigh(reply, utterance, at)
        elif event.name == "utterance" and utterance:
            self._emit(Problem("utterance_limit", "You spoke for a long time; here is an answer to that much."))
            self._on_commit(UserCommit(), at)
        elif event.name == "silence" and not utterance and not reply:
            # Whoever carries it out may know better: a timer is to ring.
            self._do(End("idle"), Arm("silence", at + self._policy.silence_limit))

    # ── small things ──────────────────────────────────────────────────────────────────────────

    def _enter(self, state: State) -> None:
        if state != self._state:
            self._state = state
            self._emit(StateChanged(state))

    def _emit(self, output: Output) -> None:
        self._out.append(Emit(output))

    def _do(self, *commands: Command) -> None:
        self._out.extend(commands)


_HANDLERS: dict[type[Event], Callable[[TurnMachine, Any, int], None]] = {
    Onset: TurnMachine._on_onset,
    Dismissed: TurnMachine._on_dismissed,
    Confirmed: TurnMachine._on_confirmed,
    Ended: TurnMachine._on_ended,
    Partial: TurnMachine._on_partial,
    Final: TurnMachine._on_final,
    RecognitionFailed: TurnMachine._on_recognition_failed,
    Saying: TurnMachine._on_saying,
    FirstClause: TurnMachine._on_first_clause,
    FirstSound: TurnMachine._on_first_sound,
    ReplyOver: TurnMachine._on_reply_over,
    TimerFired: TurnMachine._on_timer,
    Announce: TurnMachine._on_announce,
    UserText: TurnMachine._on_text,
    UserCommit: TurnMachine._on_commit,
    Interrupt: TurnMachine._on_interrupt,
}
