"""Pocketsphinx's decoder, set up three ways over the model of its wheel: for a grammar, for phones, for free speech.

Every decode is of a whole stretch of sound, normalised over itself (batch CMN). Feeding sound as it comes, with the
running mean that this needs, was tried: the grammar pass then understood 51 % of noisy commands instead of 78 %, and
each result depended on who had spoken before.
"""

from __future__ import annotations

import math
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pocketsphinx

from vivavoce.audio.pcm import view
from vivavoce.errors import BackendUnavailable, ConfigError
from vivavoce.inference.backends.pocketsphinx.automaton import Automaton, minimal, parse_fsg
from vivavoce.inference.backends.pocketsphinx.pieces import FRAMES_PER_SECOND, Piece, Pieces

_MODEL = Path(pocketsphinx.get_model_path()) / "en-us"
_DICTIONARY = _MODEL / "cmudict-en-us.dict"
_LEADING_QUIET = bytes(2 * 16_000 // 4)
"""0.25 s: the decoder drops the first word of sound that begins at once."""
_FLOOR = 0.04
"""Faint noise, 28 dB below the sound as a whole: about what a quiet room and a laptop give."""
_LEAST_FLOOR_RMS = 20.0
_ROOM_RMS = 10.0
"""The quietest 20 ms of a recording are louder than this, of 32,768 (−70 dB)."""
_BLOCK = 320
_LOG_UNIT = math.log(1.0001)
_WORST = -400.0
_GRAMMAR_WEIGHT = 3.0
"""How much the grammar's probabilities count beside the sound: of 99 commands 79 % were right with 0, 83 % with 3, 80 %
with 6.5. A number is then less likely than "up" after "volume", which has a hundred of them."""
_RAREST = 1e-4
_EMPTY_STEPS = ("(NULL)", "</s>")
_VARIANT = re.compile(r"\(\d+\)$")


class GrammarDecoder:
    """Hears the sentences of a grammar and nothing else."""

    def __init__(self, automaton: Automaton, stretch: float = 1.0) -> None:
        """`stretch` scales the frequency axis, as shorter and longer vocal tracts do; 1 is the model's own.

        Raises ConfigError for words without a pronunciation.
        """
        with _file("".join(_pronunciations(automaton.words)), ".dict") as dictionary:
            # All senones are scored, so that scores of different passes are comparable; wide beams, which the small
            # automaton makes cheap; no best-path pass, which may end in the middle of a sentence.
            self._decoder = _decoder(
                dict=dictionary,
                compallsen=True,
                bestpath=False,
                topn=8,
                wip=0.3,
                pip=0.5,
                beam=1e-80,
                pbeam=1e-80,
                wbeam=1e-60,
                **({"warp_type": "inverse_linear", "warp_params": str(stretch)} if stretch != 1 else {}),
            )
        end = max(automaton.rows) + 1
        steps: list[tuple[int, int, float] | tuple[int, int, float, str]] = []
        for state, row in automaton.rows.items():
            steps += [(state, to, _weight(share), word) for word, (to, share) in row.items()]
            if state in automaton.ends:
                steps.append((state, end, _weight(automaton.ends[state])))
        self._decoder.add_fsg("grammar", self._decoder.create_fsg("grammar", automaton.start, end, steps))
        self._decoder.activate_search("grammar")

    def decode(self, pcm: bytes) -> Pieces:
        """The best sentence with its fillers; empty when no sentence fits at all."""
        pieces = _decode(self._decoder, pcm)
        return tuple(piece for piece in pieces if piece.text not in _EMPTY_STEPS)


class PhoneDecoder:
    """A loop over all phones: what was said without knowing any word."""

    def __init__(self) -> None:
        self._decoder = _decoder(dict=None, compallsen=True)
        self._decoder.add_allphone_file("phones", str(_MODEL / "en-us-phone.lm.bin"))
        self._decoder.activate_search("phones")

    def decode(self, pcm: bytes) -> Pieces:
        return _decode(self._decoder, pcm)


class ProseDecoder:
    """Free speech with the wheel's language model; readable for clean speech, rough for the rest."""

    def __init__(self) -> None:
        # Narrower than the default: a third faster, hardly another word.
        self._decoder = _decoder(dict=str(_DICTIONARY), lm=str(_MODEL / "en-us.lm.bin"), maxhmmpf=3000, maxwpf=10)

    def decode(self, pcm: bytes) -> tuple[Pieces, float]:
        """The words, whose scores are on a scale of their own, and the posterior probability per word, 0–1."""
        pieces = _decode(self._decoder, pcm)
        spoken = sum(not piece.filler for piece in pieces)
        return pieces, min(1.0, self._decoder.get_prob() ** (1 / spoken)) if spoken else 0.0

    def phones(self, variant: str) -> tuple[str, ...]:
        """The phones of a word as the dictionary writes it, `(2)` and all; empty when it is not there."""
        found = self._decoder.lookup_word(variant)
        return tuple(found.split()) if found else ()


def compiled(jsgf: str) -> Automaton:
    """The automaton of a JSGF document. Raises ConfigError when it is none."""
    with _file("", ".fsg") as path:
        try:
            _decoder(dict=None).parse_jsgf(jsgf).writefile(path)
        except (ValueError, RuntimeError) as error:
            raise ConfigError("the recogniser cannot read the grammar of the skills") from error
        return minimal(*parse_fsg(Path(path).read_text()))


def _pronunciations(words: frozenset[str]) -> list[str]:
    """The dictionary's lines for `words`. The whole of it would cost each decoder 130 ms and 26 MB."""
    with _DICTIONARY.open(encoding="utf-8") as lines:
        heads = ((line, line.split(" ", 1)[0].split("(", 1)[0]) for line in lines)
        found = {line: word for line, word in heads if word in words}
    missing = sorted(words.difference(found.values()))
    if missing:
        raise ConfigError(f"the recogniser has no pronunciation for: {', '.join(missing)}")
    return list(found)


@contextmanager
def _file(text: str, suffix: str) -> Iterator[str]:
    """The name of a file with that text, for as long as the library needs one."""
    handle, name = tempfile.mkstemp(suffix=suffix)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        yield name
    finally:
        os.unlink(name)


def _decoder(**options: object) -> pocketsphinx.Decoder:
    try:
        return pocketsphinx.Decoder(hmm=str(_MODEL / "en-us"), loglevel="FATAL", **{"lm": None, **options})
    except (RuntimeError, ValueError) as error:
        raise BackendUnavailable("pocketsphinx could not load its model", code="asr_failed") from error


def _decode(decoder: pocketsphinx.Decoder, pcm: bytes) -> Pieces:
    # Forgets the noise that it learnt in the sound before, which may have been another person's.
    decoder.reinit_feat()
    decoder.start_utt()
    try:
        decoder.process_raw(_in_a_room(pcm), full_utt=True)
    finally:
        decoder.end_utt()
    return tuple(
        Piece(
            text=_VARIANT.sub("", segment.word),
            variant=segment.word,
            start=segment.start_frame,
            stop=segment.end_frame + 1,
            score=_log(segment.ascore) / max(1, segment.end_frame + 1 - segment.start_frame),
        )
        for segment in decoder.seg() or ()
    )


def _weight(share: float) -> float:
    """A probability of the grammar as the search shall count it, which applies no language weight of its own to it."""
    return float(max(share, _RAREST) ** _GRAMMAR_WEIGHT)


def _in_a_room(pcm: bytes) -> bytes:
    """The sound after a lead-in; where it holds digital silence, over a floor of faint noise, the same each time.

    Digital silence (made speech, a gate in the sender) drags the mean of the normalisation so far down that clean
    speech is not understood: of 23 commands in four voices 10 were, with a floor 19. Recordings have a floor already;
    they are left alone, since another one made words of human speech wrong.
    """
    led_in = _LEADING_QUIET + pcm
    if not _is_gated(pcm):
        return led_in
    sound = view(led_in).astype(np.float32)
    floor = max(_LEAST_FLOOR_RMS, _FLOOR * float(np.sqrt(np.mean(sound**2))))
    noise = np.random.default_rng(0).standard_normal(len(sound), dtype=np.float32)
    return np.clip(sound + floor * noise, -32_768, 32_767).astype("<i2").tobytes()


def _is_gated(pcm: bytes) -> bool:
    """Whether its quietest moments are quieter than any room."""
    sound = view(pcm)
    blocks = sound[: len(sound) // _BLOCK * _BLOCK].reshape(-1, _BLOCK).astype(np.float32)
    return not len(blocks) or float(np.percentile(np.sqrt((blocks**2).mean(axis=1)), 5)) < _ROOM_RMS


def _log(likelihood: float) -> float:
    """The library hands out exp(log-likelihood); back to its integer log, or the worst for an underflow."""
    return math.log(likelihood) / _LOG_UNIT if likelihood > 0 else _WORST * FRAMES_PER_SECOND
