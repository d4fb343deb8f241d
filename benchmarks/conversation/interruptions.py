"""Barge-in decisions: somebody makes a sound over a reply. «mhm» must not stop it, «wait a moment» must.

The voices speak over a reply without echo; what the recogniser makes of it is either what was said, a little late,
or nothing at all, which is how a recogniser that does not know the words behaves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from statistics import median

import numpy as np

from benchmarks.conversation.ears import Ears, Words, scores
from benchmarks.conversation.result import Check, Options, Result, columns, share
from benchmarks.conversation.voices import VOICES, in_a_room, quiet, say
from vivavoce.audio.pcm import INPUT_RATE
from vivavoce.conversation.events import Cancel, FirstSound, Saying
from vivavoce.conversation.inputs import UserText
from vivavoce.conversation.turn import TurnPolicy
from vivavoce.inference.backends.espeak.voices import EspeakVoice
from vivavoce.inference.backends.silero import SileroVad

BACKCHANNELS = ("mhm", "mm hmm", "yeah", "okay", "uh huh", "right", "I see", "oh really")
INTERRUPTIONS = (
    "stop",
    "no",
    "Tuesday",
    "wait a moment",
    "what about tomorrow",
    "can you say that again",
    "okay but I need it earlier",
    "yeah no that is not what I meant",
)
SPEEDS = (0.85, 1.1)
REPLY = "The train to the harbour leaves at noon, and you can buy a ticket at the station before you board it."
BEFORE_MS, AFTER_MS = 600, 2500
GOAL = 0.02
"""Of either kind may be taken for the other, where the words are known."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Something said over a reply, from `begin` ms after the reply's first sound on, with the scores of its windows."""

    text: str
    words: Words
    begin: int
    heard: list[float]


@dataclass(slots=True)
class Tally:
    """What became of the reply over all sounds of one kind."""

    wanted: bool
    """Whether they should have stopped it."""
    stops_ms: list[int] = field(default_factory=list)
    said: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    """Texts that were taken for the other kind, and how often."""

    def add(self, text: str, stop: int | None) -> None:
        self.said += 1
        if stop is not None:
            self.stops_ms.append(stop)
        if (stop is not None) is not self.wanted:
            self.wrong[text] += 1

    @property
    def share_wrong(self) -> float:
        return self.wrong.total() / self.said


def measure(options: Options) -> Result:
    """Backchannels that stopped the reply and interruptions that did not, with the words known and unknown."""
    voices = VOICES[: options.times(len(VOICES))]
    tallies: dict[tuple[str, str], Tally] = {}
    for kind, texts, wanted in (("backchannel", BACKCHANNELS, False), ("interruption", INTERRUPTIONS, True)):
        sounds = list(_sounds(texts, voices))
        for known in ("words known", "words unknown"):
            tally = tallies[kind, known] = Tally(wanted)
            for sound in sounds:
                tally.add(sound.text, stopped(sound, sound.words if known == "words known" else Words()))
    return _result(tallies)


def stopped(sound: Sound, words: Words) -> int | None:
    """ms from the beginning of what was said to the end of the reply; None when the reply went on."""
    ears = Ears(TurnPolicy(), words)
    ears.handle(UserText("when does the train leave"))
    ears.handle(Saying(1, REPLY))
    ears.handle(FirstSound(1))
    ears.log.clear()
    ears.listen(sound.heard, lambda command: isinstance(command, Cancel))
    at = ears.when(Cancel)
    return None if at is None else at - sound.begin


def _sounds(texts: Sequence[str], voices: Sequence[EspeakVoice]) -> Iterator[Sound]:
    vad = SileroVad()
    for number, (text, voice, speed) in enumerate(product(texts, voices, SPEEDS)):
        said = say(text, voice, speed)
        begin = BEFORE_MS + 7 * number % 32  # anywhere within a window
        before, after = quiet(begin), quiet(AFTER_MS)
        ends = tuple(begin + end * 1000 // INPUT_RATE for end in said.ends)
        sound = in_a_room(np.concatenate([before, said.sound, after]), number)
        yield Sound(text, Words(tuple(text.split()), ends), begin, scores(sound, vad))


def _result(tallies: dict[tuple[str, str], Tally]) -> Result:
    table = columns("Said over a reply", "", "stopped it", "median ms to the stop", "taken for the other kind")
    for (kind, known), tally in tallies.items():
        times = f"{median(tally.stops_ms):.0f}" if tally.stops_ms else "–"
        wrong = ", ".join(f"{text} ({count})" for text, count in tally.wrong.most_common())
        table.add_row(f"{kind}, {known}", share(len(tally.stops_ms), tally.said), times, wrong or "none")
    what = {"backchannel": "backchannels that stopped the reply", "interruption": "interruptions that did not"}
    checks = [
        Check(f"{what[kind]}, {known}", f"{tally.share_wrong:.1%}", "≤ 2 %", tally.share_wrong <= GOAL)
        if known == "words known"
        else Check(f"{what[kind]}, {known}", f"{tally.share_wrong:.1%}")
        for (kind, known), tally in tallies.items()
    ]
    figures = {
        f"{kind}, {known}": {
            "said": tally.said,
            "stopped": len(tally.stops_ms),
            "median_stop_ms": median(tally.stops_ms) if tally.stops_ms else None,
            "wrong": dict(tally.wrong),
        }
        for (kind, known), tally in tallies.items()
    }
    return Result(checks, figures, [table])
