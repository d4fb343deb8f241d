"""The ground truth of what is spoken: a reply rendered beforehand, whose every word is known to the sample.

A real synthesizer works in threads, which virtual time does not see. So the reply is rendered once in real time,
clause by clause as the cascade will ask for it, and recited from then on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from itertools import pairwise

from vivavoce import aio
from vivavoce.audio.pcm import SAMPLE_BYTES
from vivavoce.conversation.clauses import ClauseSplitter
from vivavoce.inference.ports import SpeechChunk, SpeechRequest, Synthesizer, SynthesizerCapabilities, WordMark
from vivavoce.inference.words import spans

FIRST_FRAME_S = 0.05
SPEED = 5.0
"""A recital is made this many times faster than it sounds, as a synthesizer on a modest machine does."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a reply and when it sounds, in seconds of the reply."""

    text: str
    begin: float
    end: float


class Recital:
    """A synthesizer that recites what was rendered, with its word times or as if it had none."""

    def __init__(self, spoken: dict[str, list[SpeechChunk]], capabilities: SynthesizerCapabilities) -> None:
        self.spoken = spoken
        self.capabilities = capabilities

    def without_word_times(self) -> Recital:
        """The same sound from a synthesizer that tells nothing of words."""
        bare = {text: [SpeechChunk(chunk.pcm) for chunk in chunks] for text, chunks in self.spoken.items()}
        return Recital(bare, replace(self.capabilities, word_times=False, phonemes=False))

    async def speak(self, request: SpeechRequest) -> AsyncIterator[SpeechChunk]:
        due = aio.now() + FIRST_FRAME_S
        for chunk in self.spoken[request.text]:
            await asyncio.sleep(max(0.0, due - aio.now()))
            yield chunk
            due += samples_of(chunk) / (self.capabilities.rate * SPEED)

    def words(self) -> list[Word]:
        """All words in the order in which they sound, each until the next one begins or its clause ends."""
        rate = self.capabilities.rate
        words: list[Word] = []
        start = 0
        for text, chunks in self.spoken.items():
            stop = start + sum(map(samples_of, chunks))
            marks = [mark for chunk in chunks for mark in chunk.marks if isinstance(mark, WordMark)]
            borders = [start + mark.at for mark in marks] + [stop]
            for mark, (begin, end) in zip(marks, pairwise(borders), strict=True):
                words.append(Word(text[mark.start : mark.stop], begin / rate, end / rate))
            start = stop
        return words


async def rendered(synthesizer: Synthesizer, reply: str, language: str) -> Recital:
    """`reply` as `synthesizer` speaks it when it comes from a language model word by word."""
    spoken: dict[str, list[SpeechChunk]] = {}
    for clause in clauses(reply, language):
        request = SpeechRequest(clause.strip(), language)
        async with aio.closing(synthesizer.speak(request)) as chunks:
            spoken[request.text] = [chunk async for chunk in chunks]
    return Recital(spoken, synthesizer.capabilities)


def clauses(reply: str, language: str) -> list[str]:
    """As the cascade cuts `reply`. They must differ, since a recital knows them by their text."""
    splitter = ClauseSplitter(language)
    borders = [0, *(stop for _, stop in spans(reply))]
    cut = [clause for begin, end in pairwise(borders) for clause in splitter.push(reply[begin:end])]
    cut.append(splitter.flush())
    cut = [clause for clause in cut if clause.strip()]
    assert len(set(cut)) == len(cut), "a recital needs clauses that differ"
    return cut


def words_played(words: list[Word], seconds: float) -> int:
    """How many of `words` were heard when `seconds` were played: those of which at least half was."""
    return sum((word.begin + word.end) / 2 <= seconds for word in words)


def samples_of(chunk: SpeechChunk) -> int:
    return len(chunk.pcm) // SAMPLE_BYTES
