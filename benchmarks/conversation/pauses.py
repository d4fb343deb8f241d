"""Turns with pauses inside: sentences spoken in two parts with a silence between them, and recordings of people.

Where people pause is told by function words alone, not by the product's own tables: *before* one («turn down | the
volume», a phrase border) and *after* one («set a timer for | two hours», hanging), the latter sometimes with an «um».
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks.conversation.ears import Words
from benchmarks.conversation.voices import VOICES, Utterance, in_a_room, quiet, say, word_ends
from vivavoce.audio.containers import read
from vivavoce.audio.pcm import INPUT_RATE, Samples, ms
from vivavoce.inference.words import spans

Kind = Literal["clean", "border", "hanging", "recording"]

SHORTEST_MS, LONGEST_MS = 100, 1500
"""Pauses, spread evenly over their logarithm."""
BEFORE_MS, AFTER_MS = 500, 6000
"""Silence around a turn: the longest endpoint delay fits behind it."""

_FUNCTION_WORDS = frozenset(
    re.split(
        r"\s+",
        "the a an of for to in on at with from by up down about and or but so because that if when than as while until "
        "my your his her our their this these is are was were do does did can could will would has have had",
    )
)


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn's sound and words. It ends at `end` ms; a commit before that cuts the speaker off."""

    kind: Kind
    sound: Samples
    words: Words | None
    """None where nobody wrote down what is said."""
    end: int


def spoken_turns(sentences: Iterable[str], seed: int) -> Iterator[Turn]:
    """Each sentence whole, with a pause at a phrase border, and with one after a hanging word, where it has them."""
    chance = random.Random(seed)
    for number, sentence in enumerate(sentences):
        voice = VOICES[number % len(VOICES)]
        words = sentence.split()
        yield _joined("clean", [say(sentence, voice)], 0, number)
        if borders := phrase_borders(words):
            at = chance.choice(borders)
            yield _joined("border", [say(part, voice) for part in _parts(words, at)], _pause(chance), number)
        if borders := hanging_borders(words):
            at = chance.choice(borders)
            first, second = _parts(words, at)
            filler = " um" if chance.random() < 0.3 else ""
            yield _joined("hanging", [say(first + filler, voice), say(second, voice)], _pause(chance), number)


def phrase_borders(words: list[str]) -> list[int]:
    """Places where a function word begins a phrase; two words stand before it, so that there is a phrase to end."""
    places = range(2, len(words))
    return [at for at in places if words[at] in _FUNCTION_WORDS and words[at - 1] not in _FUNCTION_WORDS]


def hanging_borders(words: list[str]) -> list[int]:
    """Places behind a function word, where what was said asks for more."""
    return [at for at in range(2, len(words)) if words[at - 1] in _FUNCTION_WORDS]


def recorded_turns(folder: Path) -> Iterator[Turn]:
    """Each WAV or FLAC file as one turn, with the words of the `.txt` file of its name, if there is one."""
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in (".wav", ".flac"):
            continue
        sound = read(path, INPUT_RATE).samples
        loud = np.flatnonzero(np.abs(sound.astype(np.int32)) > np.abs(sound.astype(np.int32)).max() // 30)
        first, last = int(loud[0]), int(loud[-1]) + 1
        script = path.with_suffix(".txt")
        words = _written(script.read_text(encoding="utf-8"), sound[first:last], first) if script.exists() else None
        yield Turn("recording", np.concatenate([sound, quiet(AFTER_MS)]), words, round(ms(last, INPUT_RATE)))


def _written(text: str, sound: Samples, first: int) -> Words:
    """The words spread over the loud parts of `sound`, which begins at sample `first`."""
    text = " ".join(text.split())
    active = np.flatnonzero(np.abs(sound.astype(np.int32)) > np.abs(sound.astype(np.int32)).max() // 30)
    ends = [first + int(active[min(end, len(active) - 1)]) for end in word_ends(text, len(active))]
    return Words(_texts(text), tuple(round(ms(end, INPUT_RATE)) for end in ends))


def _joined(kind: Kind, parts: list[Utterance], pause: int, seed: int) -> Turn:
    pieces = [quiet(BEFORE_MS)]
    texts: list[str] = []
    ends: list[int] = []
    at = len(pieces[0])
    for part in parts:
        if len(pieces) > 1:
            pieces.append(quiet(pause))
            at += len(pieces[-1])
        pieces.append(part.sound)
        texts += _texts(part.text)
        ends += [round(ms(at + end, INPUT_RATE)) for end in part.ends]
        at += len(part.sound)
    pieces.append(quiet(AFTER_MS))
    return Turn(
        kind, in_a_room(np.concatenate(pieces), seed), Words(tuple(texts), tuple(ends)), round(ms(at, INPUT_RATE))
    )


def _parts(words: list[str], at: int) -> tuple[str, str]:
    return " ".join(words[:at]), " ".join(words[at:])


def _texts(text: str) -> tuple[str, ...]:
    return tuple(text[start:stop] for start, stop in spans(text))


def _pause(chance: random.Random) -> int:
    return round(math.exp(chance.uniform(math.log(SHORTEST_MS), math.log(LONGEST_MS))))
