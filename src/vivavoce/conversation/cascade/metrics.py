"""Where the time of a turn went, in ms from the end of speech. Stages overlap, so each has a start and an end."""

from __future__ import annotations

from dataclasses import dataclass

from vivavoce.conversation.cascade.speaking import Stamps
from vivavoce.conversation.outputs import Stage, TurnMetrics


@dataclass(slots=True)
class TurnClock:
    """Loop times of the hearing half of a turn; 0 until reached. `ended` is when the last speech came in."""

    ended: float = 0.0
    settle: float = 0.0
    final: float = 0.0
    turn: int = 0

    @classmethod
    def typed(cls, moment: float) -> TurnClock:
        """A typed turn ends when it arrives and needs no recognition."""
        return cls(moment)

    def metrics(self, reply: Stamps, sent: float) -> TurnMetrics:
        """The turn's figures, when the first sound of its reply left at `sent`."""

        def stage(name: str, start: float, end: float) -> Stage:
            return Stage(name, self._ms(start), max(self._ms(start), self._ms(end)))  # type: ignore[arg-type]

        stages = [stage("endpoint", self.ended, reply.committed)]
        if self.settle:
            stages.append(stage("asr", self.settle, self.final))
        stages += [
            stage("llm", reply.began, reply.first_clause),
            stage("tts", reply.first_clause, reply.first_sound),
            stage("send", max(reply.first_sound, reply.committed), sent),
        ]
        return TurnMetrics(self.turn, self._ms(sent), 0, tuple(stages))

    def _ms(self, moment: float) -> int:
        return round((moment - self.ended) * 1000)
