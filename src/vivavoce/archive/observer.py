"""One session as the archive sees it: its turns become drafts of rows, its sound goes to the recorder.

Called for every frame of everybody who talks. For one that only passes, a number is added and a list grows; what takes
longer happens at the events of a turn, or in `settle`, twice a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from vivavoce.archive.clock import RATE, SampleClock
from vivavoce.archive.journal import ConversationDraft, Journal, RecordingDraft, TurnDraft, title
from vivavoce.archive.layout import CARRIES, StageRow
from vivavoce.archive.placing import Placing
from vivavoce.archive.recorder import Recorder
from vivavoce.archive.rolling import Rolling
from vivavoce.conversation.inputs import Prefill, UserInput, UserText
from vivavoce.conversation.observer import Kept
from vivavoce.conversation.outputs import (
    Hold,
    Output,
    Paused,
    Prefilled,
    Prepared,
    Problem,
    Recorded,
    RecordingChanged,
    Release,
    ReplyAudio,
    ReplyDone,
    ReplyStarted,
    ReplyText,
    Resumed,
    SpeechEnded,
    SpeechStarted,
    Stopped,
    Tokens,
    TranscriptUpdate,
    TurnMetrics,
)
from vivavoce.conversation.views import SessionSpec
from vivavoce.storage.clock import DAY, Clock
from vivavoce.storage.ids import new_id

MARKS: Final = 5_000
"""Words of one reply whose place is kept."""
_MS: Final = RATE // 1000
_STAGE_OF: Final = {"asr_failed": "asr", "llm_failed": "llm", "tts_failed": "tts", "tool_failed": "llm"}


@dataclass(slots=True)
class Known:
    """What there is already of a conversation that goes on. Position in samples."""

    conversation: ConversationDraft
    position: int = 0


@dataclass(frozen=True, slots=True)
class Terms:
    """For how long things are kept, and who keeps them. `backends` names what answers each stage."""

    gateway: str
    transcript_days: int
    recording_days: int
    backends: dict[str, str] = field(default_factory=dict)


class Desk(Protocol):
    """What an observer needs of the archive."""

    journal: Journal
    terms: Terms
    clock: Clock

    def begun(self, observer: ConversationObserver) -> None:
        """It looks on; find out whether its sound may be kept."""
        ...

    def sound(self, recording: RecordingDraft, chunk: bytes, *, last: bool) -> None:
        """Records to be spooled; after the last ones the recording is complete."""
        ...

    def ended(self, observer: ConversationObserver) -> None: ...


class ConversationObserver:
    """See conversation/observer.py `Observer`. Made by the archive for each session of somebody who has signed in."""

    def __init__(self, spec: SessionSpec, known: Known, tell: Callable[[Output], None], desk: Desk) -> None:
        self.spec = spec
        self.draft = known.conversation
        self._tell = tell
        self._desk = desk
        self._now = asyncio.get_running_loop().time
        self._clock = SampleClock(self._now(), known.position)
        self._left = False
        self._state: Recorded = "off"
        self._told: Recorded | None = None
        """What the client knows; None before it is prepared."""
        self._recorder: Recorder | None = None
        self._frame: Callable[[bytes], None] | None = None
        self._recording: Rolling | None = None
        self._turn: TurnDraft | None = None
        self._placing: Placing | None = None
        self._speech_from: int | None = None
        """Samples of the user's sound."""
        self._latest_from = 0
        self._speech_to: int | None = None
        self._message_from = 0
        self._utterance = 0
        self._typed = False
        self._prefilled = ""
        self._confidence: float | None = None
        self._trouble: list[str] = []
        desk.begun(self)

    @property
    def conversation(self) -> str:
        """Empty once it was deleted: then nothing of the session is kept any more."""
        return "" if self.draft.gone else self.draft.id

    @property
    def kept(self) -> Kept:
        terms = self._desk.terms
        return Kept(terms.transcript_days, terms.recording_days, self._state)

    # ── what is heard and said ────────────────────────────────────────────────────────────────

    def heard(self, pcm: bytes) -> None:
        self._clock.fed += len(pcm) >> 1
        if self._frame is not None:
            self._frame(pcm)

    def did(self, event: UserInput) -> None:
        if isinstance(event, UserText):
            self._typed = True
        elif isinstance(event, Prefill):
            self._typed = not event.sounds

    def output(self, output: Output) -> None:
        take = _TAKE.get(type(output))
        if take is not None:
            take(self, output)

    def progress(self, reply: int, ms: float, heard: str) -> None:
        turn = self._turn
        if turn is None or turn.reply != reply or self._placing is None:
            return
        turn.heard = heard
        turn.heard_to = self._heard_to(self._placing, round(ms))
        self._desk.journal.progress(turn)

    def ended(self, last: Output) -> None:
        if self._turn is not None:  # it has no `ReplyDone` any more
            self._close(self._turn, "failed", "failed")
        self._stop_recording()
        draft = self.draft
        if self._left:  # how it stands is the other process's to say
            self._desk.journal.forget(draft)
        elif not (isinstance(last, Problem) and last.code == "restarting"):
            draft.state = "closed"
            draft.ended_at = draft.last_at = self._desk.clock()
            draft.end_reason = (last.reason if isinstance(last, Stopped) else getattr(last, "code", ""))[:24]
        if draft.turns and not self._left:
            self._desk.journal.conversation(draft)
        self._desk.ended(self)

    def leave(self) -> None:
        """Another process goes on with it: what happens here from now on is the end of this session only."""
        self._left = True

    # ── the turn ──────────────────────────────────────────────────────────────────────────────

    def _speech_started(self, output: SpeechStarted) -> None:
        self._latest_from = self._input(output.at)
        if self._speech_from is None:
            self._speech_from = self._latest_from
        self._typed = False

    def _speech_ended(self, output: SpeechEnded) -> None:
        self._speech_to = self._input(output.at)
        if self.spec.kind == "streaming":
            if self._speech_from is None:
                self._speech_from = self._message_from
            self._message_from = self._clock.fed
            self._typed = False

    def _input(self, at: int) -> int:
        """Which of the user's samples that is. A turn-based view counts from when it got its slot: it says so now."""
        return at * _MS if self.spec.kind == "duplex" else self._clock.fed

    def _transcript(self, output: TranscriptUpdate) -> None:
        if output.turn != self._utterance:
            # What was heard since the last turn and was no speech is not its beginning.
            if self._utterance and self.spec.kind == "duplex":
                self._speech_from = self._latest_from
            self._utterance = output.turn
        if output.final:
            self._confidence = output.confidence
            if not output.text:
                self._speech_from = self._speech_to = None

    def _reply_started(self, output: ReplyStarted) -> None:
        if self._turn is not None:
            self._close(self._turn, "failed", "failed")
        now = self._desk.clock()
        said = output.said or (self._prefilled if output.turn else "")
        self._place_input()
        turn = TurnDraft(
            conversation=self.draft,
            reply=output.reply,
            turn=output.turn,
            said=said,
            typed=self._typed and bool(said),
            started_at=now,
        )
        if output.turn and not turn.typed and self._speech_from is not None and self._speech_to is not None:
            turn.said_from = self._clock.at_input(self._speech_from)
            turn.said_to = max(turn.said_from, self._clock.at_input(self._speech_to))
        if self._confidence is not None and not turn.typed:
            turn.stages["confidence"] = round(self._confidence, 3)
        for code in self._trouble:
            _trouble(turn, code)
        self._trouble = []
        self._speech_from = self._speech_to = self._confidence = None
        self._typed, self._prefilled = False, ""
        self._turn, self._placing = turn, None
        self._opened(turn, said, now)

    def _opened(self, turn: TurnDraft, said: str, now: int) -> None:
        draft = self.draft
        draft.turns += 1
        draft.last_at = now
        draft.title = draft.title or title(said)
        self._desk.journal.conversation(draft)
        self._desk.journal.turn(turn)

    def _prefill(self, output: Prefilled) -> None:
        if output.messages and output.messages[-1].role == "user":
            self._prefilled = output.messages[-1].text

    def _text(self, output: ReplyText) -> None:
        turn = self._turn
        if turn is None or turn.reply != output.reply:
            return
        start = len(turn.text)
        turn.text += output.delta
        if output.at is not None and len(turn.marks) < MARKS:
            turn.marks.append((start, len(turn.text), output.at))

    def _metrics(self, output: TurnMetrics) -> None:
        turn = self._turn
        if turn is None or turn.turn != output.turn:
            return
        turn.response_ms = output.response_ms
        backends = self._desk.terms.backends
        rows: list[StageRow] = []
        for stage in output.stages:
            taken, given = CARRIES[stage.name]
            row = StageRow(name=stage.name, start=stage.start, end=stage.end, input=taken, output=given)
            if backend := backends.get(stage.name):
                row["backend"] = backend
            rows.append(row)
        troubles, turn.stages["stages"] = turn.stages.get("stages", []), rows
        for row in troubles:
            _trouble(turn, row["error"])
        turn.stages["queue_ms"] = output.queue_ms
        self.draft.responses.append(output.response_ms)

    def _tokens(self, output: Tokens) -> None:
        if self._turn is not None and self._turn.reply == output.reply:
            self._turn.stages["tokens"] = {
                "cached": output.cached,
                "input": output.input,
                "generated": output.generated,
            }

    def _problem(self, output: Problem) -> None:
        if output.fatal:
            return
        if self._turn is not None:
            _trouble(self._turn, output.code)
        else:  # it belongs to the turn that is about to be
            self._trouble = [*self._trouble[-7:], output.code]

    def _done(self, output: ReplyDone) -> None:
        turn = self._turn
        if turn is None or turn.reply != output.reply:
            return
        turn.heard = output.heard_text
        whole = output.reason in ("completed", "limit", "failed")
        if self._placing is not None:
            turn.heard_to = self._heard_to(self._placing, output.heard_ms)
            if self._recorder is not None:
                stop = None if whole else round(output.heard_ms * self.spec.output_rate / 1000)
                self._recorder.finish(self._placing, stop)
        self._close(turn, "failed" if output.reason == "failed" else "done", output.reason)

    def _close(self, turn: TurnDraft, state: str, reason: str) -> None:
        turn.state, turn.reason = state, reason
        self._turn = self._placing = None
        draft = self.draft
        draft.last_at = self._desk.clock()
        if reason in ("interrupted", "stopped"):
            draft.cuts += 1
        self._desk.journal.turn(turn)
        self._desk.journal.conversation(draft)

    def _heard_to(self, placing: Placing, ms: int) -> int:
        return placing.place(min(placing.came, ms * self.spec.output_rate // 1000))

    # ── the sound of the reply ────────────────────────────────────────────────────────────────

    def _audio(self, output: ReplyAudio) -> None:
        turn, placing = self._turn, self._placing
        if turn is None or turn.reply != output.reply:
            return
        position = self._clock.position(self._now())
        recorder = self._recorder
        if placing is None:
            placing = Placing(output.reply, self.spec.output_rate, output.offset, position)
            self._placing = turn.placing = placing
            if recorder is not None:
                recorder.begin(output.offset)
        elif recorder is not None and output.offset < placing.came:
            recorder.withdraw(placing, output.offset)
        placing.piece(output.offset, len(output.pcm) >> 1, position)
        if recorder is not None:
            recorder.piece(output.offset, output.pcm)

    def _hold(self, _output: Hold | Paused) -> None:
        if self._placing is not None:
            self._placing.hold(self._clock.position(self._now()))

    def _release(self, _output: Release | Resumed) -> None:
        if self._placing is not None:
            self._placing.release(self._clock.position(self._now()))

    # ── recording ─────────────────────────────────────────────────────────────────────────────

    def _prepared(self, output: Prepared) -> None:
        self._told = output.recording

    @property
    def recorded(self) -> Recorded:
        """Whether sound is kept now."""
        return self._state

    def record(self, state: Recorded, reason: str = "") -> None:
        """Sound may be kept from now on, or not any more; the client is told."""
        if state == "on" and self._recorder is None:
            self._start_recording()
        elif state != "on":
            self._stop_recording()
        self._state = state
        if self._told is not None and self._told != state:
            self._told = state
            self._tell(RecordingChanged(state, reason))

    def settle(self, now: float) -> None:
        """Twice a second: give what came its place, and what has one to the spool."""
        self._place_input(now)
        recorder, recording = self._recorder, self._recording
        if recorder is None or recording is None:
            return
        position = self._clock.position(now)
        if self._placing is not None:
            recorder.settle(self._placing, position)
        recording.take(recorder.take(), position, self._placing)

    def _place_input(self, now: float | None = None, *, final: bool = False) -> None:
        position = self._clock.look(self._now() if now is None else now, final=final)
        if position is not None and self._recorder is not None:
            self._recorder.place(position)

    def _start_recording(self) -> None:
        self._place_input(final=True)
        self._recorder = Recorder(self.spec.output_rate)
        self._frame = self._recorder.heard
        if self._placing is not None:
            self._recorder.begin(self._placing.came)
        self._recording = Rolling(
            self._clock.position(self._now()),
            begin=self._new_recording,
            tell=self._desk.journal.recording,
            hand_in=self._desk.sound,
        )

    def _new_recording(self, start: int) -> RecordingDraft:
        now, terms = self._desk.clock(), self._desk.terms
        return RecordingDraft(
            id=new_id(self._desk.clock),
            conversation=self.draft,
            gateway=terms.gateway,
            start=start,
            stop=start,
            created_at=now,
            expires_at=now + terms.recording_days * DAY,
        )

    def _stop_recording(self) -> None:
        recorder, recording = self._recorder, self._recording
        if recorder is None or recording is None:
            return
        self._place_input(final=True)
        position = self._clock.position(self._now())
        if self._placing is not None:
            recorder.finish(self._placing, self._placing.sounding(position))
        self._recorder = self._recording = self._frame = None
        recording.stop(recorder.take(), position)


def _trouble(turn: TurnDraft, code: str) -> None:
    """A problem is an error of its stage, or stands by itself."""
    stage = _STAGE_OF.get(code)
    if stage is None:
        turn.stages.setdefault("errors", []).append(code)
        return
    rows = turn.stages.setdefault("stages", [])
    row = next((row for row in rows if row["name"] == stage), None)
    if row is None:
        row = StageRow(name=stage)
        rows.append(row)
    row["error"] = code


_TAKE: Final[dict[type[Output], Callable[[ConversationObserver, Any], None]]] = {
    ReplyAudio: ConversationObserver._audio,
    ReplyText: ConversationObserver._text,
    SpeechStarted: ConversationObserver._speech_started,
    SpeechEnded: ConversationObserver._speech_ended,
    TranscriptUpdate: ConversationObserver._transcript,
    ReplyStarted: ConversationObserver._reply_started,
    ReplyDone: ConversationObserver._done,
    TurnMetrics: ConversationObserver._metrics,
    Tokens: ConversationObserver._tokens,
    Prefilled: ConversationObserver._prefill,
    Problem: ConversationObserver._problem,
    Hold: ConversationObserver._hold,
    Release: ConversationObserver._release,
    Paused: ConversationObserver._hold,
    Resumed: ConversationObserver._release,
    Prepared: ConversationObserver._prepared,
}
