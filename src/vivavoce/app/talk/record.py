"""What happened, on the sample clock: turns with their words and timings, and marks for the timeline."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from vivavoce.wire import base, duplex

Kind = Literal["duck", "hold", "release", "flush"]

_MARKS: dict[type, Kind] = {
    duplex.Duck: "duck",
    duplex.Hold: "hold",
    duplex.Release: "release",
    duplex.Flush: "flush",
}


@dataclass(slots=True)
class Turn:
    """One turn; times in ms of the clock. `number` is the turn's, `reply` that of its reply (0: none)."""

    number: int
    said: str = ""
    spoke_until: int | None = None
    reply: int = 0
    text: str = ""
    heard: str = ""
    reason: str = ""
    heard_ms: int = 0
    sound_from: int | None = None
    """When the first sound of the reply came out."""
    sound_until: int | None = None
    metrics: duplex.Metrics | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "said": self.said,
            "reply": self.text.strip(),
            "heard": self.heard.strip(),
            "reason": self.reason,
            "metrics": self._metrics(),
        }

    def _metrics(self) -> dict[str, Any]:
        out: dict[str, Any] = {"heard_ms": self.heard_ms}
        if self.sound_from is not None and self.spoke_until is not None:
            out["until_heard_ms"] = self.sound_from - self.spoke_until
        if self.metrics is not None:
            out["response_ms"] = self.metrics.response_ms
            out["queue_ms"] = self.metrics.queue_ms
            out["stages"] = [
                {"name": stage.name, "start": stage.start, "end": stage.end} for stage in self.metrics.stages
            ]
        return out


@dataclass(frozen=True, slots=True)
class Mark:
    """A command for the loudspeaker, `at` ms of the clock."""

    at: int
    kind: Kind
    reply: int


@dataclass(slots=True)
class Record:
    """Fed with every message of the server, each at its moment on the clock."""

    turns: list[Turn] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    speech: list[tuple[int, int | None]] = field(default_factory=list)
    """Stretches of the user's speech as the server tells them."""
    problems: list[base.Error] = field(default_factory=list)
    _quiet_since: int | None = None
    _replies: dict[int, Turn] = field(default_factory=dict)

    def take(self, message: duplex.ServerMessage, at: int) -> None:
        """A message that came at that ms of the clock."""
        match message:
            case duplex.SpeechStarted(at=began):
                self.speech.append((began, None))
            case duplex.SpeechEnded(at=ended):
                self._quiet_since = ended
                if self.speech:
                    self.speech[-1] = (self.speech[-1][0], ended)
            case base.Transcript(turn=number, text=text, final=True):
                turn = self._turn(number)
                turn.said, turn.spoke_until = text, self._quiet_since
            case duplex.ReplyStarted(reply=reply, turn=number):
                self._reply(reply, number)
            case duplex.ReplyText(reply=reply, delta=delta):
                if replied := self._replies.get(reply):
                    replied.text += delta
            case duplex.ReplyDone(reply=reply, reason=reason, heard_ms=heard_ms, heard_text=heard):
                if replied := self._replies.get(reply):
                    replied.heard, replied.reason, replied.heard_ms = heard, reason, heard_ms
            case duplex.Metrics(turn=number):
                self._turn(number).metrics = message
            case duplex.Duck() | duplex.Hold() | duplex.Release() | duplex.Flush():
                self.marks.append(Mark(at, _MARKS[type(message)], message.reply))
            case base.Error():
                self.problems.append(message)

    def sounded(self, reply: int, begin: int, end: int) -> None:
        """Sound of that reply came out from `begin` to `end` ms."""
        if turn := self._replies.get(reply):
            if turn.sound_from is None:
                turn.sound_from = begin
            turn.sound_until = end

    def typed(self, text: str) -> None:
        """The user typed; the turn that follows has no end of speech."""
        self._quiet_since = None

    def as_json(self, seconds: float) -> dict[str, Any]:
        """The object that `--json` prints."""
        return {"turns": [turn.as_json() for turn in self.turns], "seconds": round(seconds, 3)}

    def _reply(self, reply: int, number: int) -> None:
        turn = self._turn(number)
        if turn.reply:  # an announcement follows the reply of the same turn
            turn = Turn(number)
            self.turns.append(turn)
        turn.reply = reply
        self._replies[reply] = turn

    def _turn(self, number: int) -> Turn:
        for turn in reversed(self.turns):
            if turn.number == number:
                return turn
        turn = Turn(number)
        self.turns.append(turn)
        return turn
