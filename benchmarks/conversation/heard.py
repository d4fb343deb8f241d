"""What was heard: replies are interrupted at random moments, and `reply_done.heard_text` is compared with the truth.

The truth is the loudspeaker's position when the flush reached it, and the word times of the rendered reply. It is
compared for clients that report what they played and for those that do not, behind lines of random delay, with
voices that tell their word times and with the same voices robbed of them.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from benchmarks.conversation.listener import Line, Listener
from benchmarks.conversation.recital import Recital, Word, rendered, words_played
from benchmarks.conversation.result import Check, Options, Result, columns
from vivavoce.conversation.inputs import UserText
from vivavoce.conversation.outputs import Flush, ReplyDone
from vivavoce.conversation.views import SessionSpec
from vivavoce.inference.backends.espeak import EspeakSynthesizer
from vivavoce.inference.backends.scripted import ScriptedSynthesizer
from vivavoce.inference.words import spans
from vivavoce.testing import virtual
from vivavoce.testing.rehearsal import Rehearsal

RATE = 24_000
INTERRUPTIONS = 40
"""In each case."""
GOAL_WORDS = 1.0

REPLIES = {
    "en": "Well, the old lighthouse was built in 1821 by a family of stonemasons. It is forty metres high, and on "
    "clear nights its extraordinarily bright lamp can be seen from the islands. Nobody lives there any more.",
    "zh": "那座灯塔是一百多年前建的，高四十米。晴朗的夜晚，从岛上也能看见它的灯光。现在已经没有人住在那里了。",
}
CHARACTER_S = {"en": 0.07, "zh": 0.2}
"""The pace of the scripted voice."""
INTERRUPTION = {"en": "no that is wrong", "zh": "不对不是这样"}


@dataclass(slots=True)
class Case:
    """A voice in a language, with or without word times, heard by a client that reports or not."""

    voice: str
    language: str
    word_times: bool
    reports: bool
    errors: list[int] = field(default_factory=list)
    """Words told minus words played, one per interruption."""

    @property
    def p95(self) -> float:
        return float(np.percentile(np.abs(self.errors), 95))


def measure(options: Options) -> Result:
    """Error of the heard text in words (in Chinese: characters), over all cases."""
    chance = random.Random(options.seed)
    cases: list[Case] = []
    for (voice, language), recital in asyncio.run(_recitals()).items():
        words = recital.words()
        for word_times, reports in product((True, False), (True, False)):
            case = Case(voice, language, word_times, reports)
            reciting = recital if word_times else recital.without_word_times()
            for _ in range(options.times(INTERRUPTIONS)):
                line = Line(chance.uniform(0, 0.1), chance.uniform(0, 0.1))
                moment = chance.randrange(0, int(words[-1].end * 1000) - 600, 20)
                case.errors.append(virtual.run(_interrupt(case, reciting, words, line, moment)))
            cases.append(case)
    return _result(cases)


async def _recitals() -> dict[tuple[str, str], Recital]:
    espeak = EspeakSynthesizer()
    try:
        recitals: dict[tuple[str, str], Recital] = {}
        for language, reply in REPLIES.items():
            scripted = ScriptedSynthesizer(rate=RATE, character_s=CHARACTER_S[language], first_frame_s=0.0, speed=1e6)
            recitals["espeak", language] = await rendered(espeak, reply, language)
            recitals["scripted", language] = await rendered(scripted, reply, language)
        return recitals
    finally:
        espeak.close()


async def _interrupt(case: Case, recital: Recital, words: list[Word], line: Line, moment: int) -> int:
    """The error in words of an interruption `moment` ms after the first sound."""
    spec = SessionSpec("heard", language=case.language, output_rate=RATE)
    said, reply = INTERRUPTION[case.language], REPLIES[case.language]
    async with Rehearsal(heard=said, reply=[reply, ""], synthesizer=recital, spec=spec) as play:
        listener = Listener(RATE, line, reports=case.reports)
        listener.session, play.speaker = play.session, listener
        play.session.handle(UserText("tell me more"))
        while not listener.received:
            await play.quiet(20)
        await play.quiet(moment)
        while not play.all(Flush):
            await play.speak(20)
        await play.quiet(1000)
        done = play.all(ReplyDone)[0]
        assert reply.startswith(done.heard_text.strip()), "what was heard is what was said"
        return len(spans(done.heard_text)) - words_played(words, listener.played_at_flush[1])


def _result(cases: list[Case]) -> Result:
    table = columns("Heard text against the words really played", "case", "interruptions", "p95 words", "max", "bias")
    figures = []
    for case in cases:
        times, told = "timed" if case.word_times else "untimed", "reports" if case.reports else "no reports"
        name = f"{case.voice} {case.language}, {times}, {told}"
        worst, bias = max(map(abs, case.errors)), float(np.mean(case.errors))
        table.add_row(name, str(len(case.errors)), f"{case.p95:.1f}", str(worst), f"{bias:+.2f}")
        figures.append({"case": name, "p95_words": case.p95, "max_words": worst, "bias_words": bias})
    everything = [abs(error) for case in cases for error in case.errors]
    p95 = float(np.percentile(everything, 95))
    worst_case = max(case.p95 for case in cases)
    return Result(
        [
            Check("error of the heard text, p95", f"{p95:.1f} words", "≤ 1", p95 <= GOAL_WORDS),
            Check("the same in the worst case", f"{worst_case:.1f} words", "≤ 1", worst_case <= GOAL_WORDS),
        ],
        {"interruptions": len(everything), "p95_words": p95, "worst_case_p95_words": worst_case, "cases": figures},
        [table],
    )
