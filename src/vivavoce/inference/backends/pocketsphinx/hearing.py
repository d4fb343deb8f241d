"""The decoders of one process, and what they make of a stretch of sound."""

from __future__ import annotations

import numpy as np

from vivavoce.audio.pcm import INPUT_RATE, view
from vivavoce.inference.backends.pocketsphinx.decoders import GrammarDecoder, PhoneDecoder, ProseDecoder, compiled
from vivavoce.inference.backends.pocketsphinx.evidence import Evidence, gather, texts
from vivavoce.inference.backends.pocketsphinx.pieces import Pieces
from vivavoce.inference.backends.pocketsphinx.rejection import Understanding, certainty

_BLOCK = INPUT_RATE // 50
_AUDIBLE = 60.0
"""RMS, of 32,768, of the loudest blocks: below it there is nothing to recognise (−55 dB)."""
_CONTRAST = 2.0
"""The loudest blocks over the quietest (6 dB): speech has more, even in noise of 10 dB (3.3); fans and hiss less."""


class Hearing:
    """Not thread-safe, and each call keeps the interpreter's lock: made for a process of its own."""

    def __init__(self, jsgf: str | None) -> None:
        self._grammar = GrammarDecoder(compiled(jsgf)) if jsgf else None
        self._loop = PhoneDecoder()
        self._prose = ProseDecoder()

    def glance(self, pcm: bytes) -> Understanding:
        """The grammar pass alone: a first idea of sound that is still growing."""
        if self._grammar is None or not audible(pcm):
            return Understanding()
        return Understanding(command=" ".join(texts(self._grammar.decode(pcm))))

    def read(self, pcm: bytes) -> Understanding:
        """The free pass alone: a part of speech that is too long for a command."""
        if not audible(pcm):
            return Understanding()
        prose, clarity = self.prose(pcm)
        return Understanding(prose=" ".join(texts(prose)), clarity=clarity)

    def judge(self, pcm: bytes) -> Understanding:
        """All passes, and how certain the command is."""
        if not audible(pcm):
            return Understanding()
        prose, clarity = self.prose(pcm)
        text = " ".join(texts(prose))
        command, evidence = self.evidence(pcm, prose)
        if evidence is None:
            return Understanding(prose=text, clarity=clarity)
        return Understanding(" ".join(texts(command)), certainty(evidence), text, clarity)

    def evidence(self, pcm: bytes, prose: Pieces) -> tuple[Pieces, Evidence | None]:
        """The command and what speaks for it; None when no sentence of the grammar fits."""
        command = self._grammar.decode(pcm) if self._grammar else ()
        if not texts(command):
            return (), None
        return command, gather(command, self._loop.decode(pcm), prose, self._prose.phones)

    def prose(self, pcm: bytes) -> tuple[Pieces, float]:
        """The free pass: its words, and how clear they are, 0–1."""
        return self._prose.decode(pcm)


def audible(pcm: bytes) -> bool:
    """Whether it may hold speech: some of its 20 ms blocks are loud enough, and it is no steady noise."""
    sound = view(pcm)
    blocks = sound[: len(sound) // _BLOCK * _BLOCK].reshape(-1, _BLOCK).astype(np.float32)
    if not len(blocks):
        return False
    quiet, loud = np.percentile(np.sqrt((blocks**2).mean(axis=1)), (5, 95))
    return bool(loud >= _AUDIBLE and loud >= _CONTRAST * quiet)
