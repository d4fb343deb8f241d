"""The three decoders over a few seconds of made speech, and the grammar files they are set up with."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
import soxr

from vivavoce.audio.pcm import INPUT_RATE, view
from vivavoce.errors import ConfigError
from vivavoce.inference.backends.espeak import EspeakSynthesizer
from vivavoce.inference.backends.pocketsphinx.decoders import GrammarDecoder, PhoneDecoder, ProseDecoder, compiled
from vivavoce.inference.backends.pocketsphinx.evidence import texts
from vivavoce.inference.backends.pocketsphinx.pieces import FRAMES_PER_SECOND, Pieces
from vivavoce.inference.ports import SpeechRequest

pytestmark = pytest.mark.journey

GRAMMAR = "#JSGF V1.0; grammar few; public <c> = (what time is it | tell me a joke) [please];"
COMMAND = "what time is it"


@pytest.fixture(scope="module")
def grammar() -> GrammarDecoder:
    return GrammarDecoder(compiled(GRAMMAR))


@pytest.fixture(scope="module")
def voice() -> Iterator[EspeakSynthesizer]:
    voice = EspeakSynthesizer()
    yield voice
    voice.close()


async def said(voice: EspeakSynthesizer, text: str) -> bytes:
    """`text`, 16 kHz, with digital silence around it: nothing but speech."""
    spoken = b"".join([chunk.pcm async for chunk in voice.speak(SpeechRequest(text))])
    sound = soxr.resample(view(spoken), voice.capabilities.rate, INPUT_RATE)
    return np.pad(sound, (INPUT_RATE // 4, INPUT_RATE // 4)).astype("<i2").tobytes()


def assert_whole(pieces: Pieces, pcm: bytes) -> None:
    """They follow one another without a gap, inside the sound (and the quarter second put in front)."""
    assert all(before.stop == after.start for before, after in pairwise(pieces))
    assert 0 <= pieces[0].start < pieces[-1].stop <= (len(pcm) / 32_000 + 0.5) * FRAMES_PER_SECOND


async def test_the_grammar_pass_hears_its_sentence_word_by_word(
    grammar: GrammarDecoder, voice: EspeakSynthesizer
) -> None:
    pcm = await said(voice, COMMAND)
    pieces = grammar.decode(pcm)
    assert texts(pieces) == tuple(COMMAND.split())
    assert_whole(pieces, pcm)


async def test_what_was_heard_before_changes_nothing(grammar: GrammarDecoder, voice: EspeakSynthesizer) -> None:
    pcm = await said(voice, COMMAND)
    first = grammar.decode(pcm)
    grammar.decode(np.random.default_rng(1).normal(0, 3000, 2 * INPUT_RATE).astype("<i2").tobytes())
    assert grammar.decode(pcm) == first


async def test_another_vocal_tract_scores_differently(voice: EspeakSynthesizer) -> None:
    # Two stretched ones: pocketsphinx takes a stretch that it was given last for unchanged, also after none.
    pcm = await said(voice, COMMAND)
    shorter, longer = (GrammarDecoder(compiled(GRAMMAR), stretch) for stretch in (0.92, 1.08))
    assert [piece.score for piece in shorter.decode(pcm)] != [piece.score for piece in longer.decode(pcm)]


async def test_the_phone_loop_hears_phones(voice: EspeakSynthesizer) -> None:
    pcm = await said(voice, COMMAND)
    pieces = PhoneDecoder().decode(pcm)
    assert_whole(pieces, pcm)
    assert {"T", "AY"} & set(texts(pieces)), "of « time »"
    assert all(text.isupper() for text in texts(pieces))


async def test_the_free_pass_reads_words_and_knows_their_phones(voice: EspeakSynthesizer) -> None:
    decoder = ProseDecoder()
    pieces, clarity = decoder.decode(await said(voice, "good morning"))
    assert "morning" in texts(pieces)
    assert 0 < clarity <= 1
    assert decoder.decode(bytes(INPUT_RATE)) == ((), 0.0) or not texts(decoder.decode(bytes(INPUT_RATE))[0])
    assert decoder.phones("time") == ("T", "AY", "M")
    assert decoder.phones("xylozork") == ()


def test_a_grammar_that_is_none_or_has_unknown_words_is_named() -> None:
    with pytest.raises(ConfigError, match="grammar"):
        compiled("this is no grammar")
    with pytest.raises(ConfigError, match="quombat, xylozork"):
        GrammarDecoder(compiled("#JSGF V1.0; grammar g; public <c> = stop | xylozork | quombat;"))
