"""The listening half of a conversation in audio time alone: Silero, the segmenter, and the turn machine.

It is the way of cascade/duplex.py without its clock, so that minutes of speech are judged in milliseconds under
one policy after another. The recogniser is imitated: it knows the words and tells them a little after they were said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from vivavoce.audio.level import EnergyGate
from vivavoce.audio.pcm import INPUT_RATE, Samples
from vivavoce.audio.segmenter import Segmenter, SegmenterSettings
from vivavoce.conversation.events import Arm, Command, Disarm, Event, Final, Forget, Listen, Partial, Settle, TimerFired
from vivavoce.conversation.interruption import InterruptionJudge, RuleJudge
from vivavoce.conversation.turn import TurnMachine, TurnPolicy
from vivavoce.inference.backends.silero import SileroVad
from vivavoce.inference.ports import Transcript

WINDOW = 512
WINDOW_MS = WINDOW * 1000 // INPUT_RATE
PARTIAL_LAG_MS = 240
"""A word is in the partial text so long after it was said."""
FINAL_LAG_MS = 100
"""The final text is there so long after it was asked for."""


@dataclass(frozen=True, slots=True)
class Words:
    """What the recogniser understands: words and when each is over, in ms; none, if it understands nothing."""

    texts: tuple[str, ...] = ()
    ends: tuple[int, ...] = ()

    def between(self, since: int, until: int) -> str:
        said = zip(self.texts, self.ends, strict=True)
        return " ".join(text for text, end in said if since < end <= until)


def scores(sound: Samples, vad: SileroVad) -> list[float]:
    """The probability of speech of each whole window of `sound`, gated as in the product."""
    state, gate = vad.start(), EnergyGate()
    segmenter = Segmenter(SegmenterSettings(), WINDOW)
    out: list[float] = []
    for start in range(0, len(sound) - WINDOW + 1, WINDOW):
        window = sound[start : start + WINDOW]
        hushed = not segmenter.maybe and gate.quiet(window)
        score = 0.0 if hushed else vad.score(np.ascontiguousarray(window)[None], [state])[0]
        segmenter.push(score)
        out.append(score)
    return out


@dataclass(slots=True)
class Ears:
    """One conversation being listened to; `log` is what the turn machine wanted done, and when."""

    policy: TurnPolicy
    words: Words
    judge: InterruptionJudge = field(default_factory=RuleJudge)
    log: list[tuple[int, Command]] = field(default_factory=list)
    machine: TurnMachine = field(init=False)
    _now: int = 0
    _since: int | None = None
    _partial: str = ""
    _timers: dict[str, int] = field(default_factory=dict)
    _finals: list[tuple[int, Final]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.machine = TurnMachine(self.policy, self.judge)

    def listen(self, heard: Sequence[float], until: Callable[[Command], bool] = lambda _: False) -> None:
        """Push the scores of all windows, or stop once a command satisfies `until`."""
        segmenter = Segmenter(SegmenterSettings(), WINDOW)
        for score in heard:
            self._now += WINDOW_MS
            self._understand()
            for boundary in segmenter.push(score):
                self.handle(boundary)
            for name in [name for name, moment in self._timers.items() if moment <= self._now]:
                del self._timers[name]
                self.handle(TimerFired(name))
            if any(until(command) for at, command in self.log[-8:]):
                return

    def handle(self, event: Event) -> None:
        for command in self.machine.handle(event, self._now):
            self.log.append((self._now, command))
            self._carry_out(command)

    def when(self, kind: type[Command]) -> int | None:
        """The moment of the first command of that kind."""
        return next((at for at, command in self.log if isinstance(command, kind)), None)

    def _carry_out(self, command: Command) -> None:
        match command:
            case Arm(name, at):
                self._timers[name] = at
            case Disarm(name):
                self._timers.pop(name, None)
            case Listen(_, since):
                self._since, self._partial = since, ""
            case Forget():
                self._since = None
                self._finals.clear()
            case Settle(number):
                assert self._since is not None
                final = Final(number, Transcript(self.words.between(self._since, self._now), confidence=0.9))
                self._finals = [(self._now + FINAL_LAG_MS, final)]
            case _:
                pass

    def _understand(self) -> None:
        """Texts that are due by now."""
        if self._since is not None:
            text = self.words.between(self._since, self._now - PARTIAL_LAG_MS)
            if text != self._partial:
                self._partial = text
                self.handle(Partial(text))
        due = [final for at, final in self._finals if at <= self._now]
        self._finals = [item for item in self._finals if item[0] > self._now]
        for final in due:
            self.handle(final)
