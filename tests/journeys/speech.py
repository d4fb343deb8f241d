"""What is said in the journeys, made by the offline voice; and what is heard, by a recogniser that knows no session."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

import numpy as np
import pocketsphinx
import soxr

from vivavoce.app.build import voice_of
from vivavoce.app.settings import Settings
from vivavoce.app.settings.values import Talk
from vivavoce.audio.pcm import INPUT_RATE, SAMPLE_BYTES, Pcm
from vivavoce.audio.resample import resample

GRAMMAR = """#JSGF V1.0;
grammar replies;
public <reply> = <time> | <volume> | <timer>;
<time> = it is (<five> | a quarter | <number> minutes | one minute) (to | past) <hour> | it is half past <hour> |
  it is <hour> o'clock;
<five> = five | ten | twenty | twenty five;
<volume> = the volume is <number> percent;
<timer> = a timer for <number> (seconds | minutes | hours) starting now;
<hour> = one | <few>;
<few> = two | three | four | five | six | seven | eight | nine | ten | eleven | twelve;
<number> = <few> | thirteen | fourteen | fifteen | sixteen | seventeen | eighteen | nineteen | <tens> [one | <few>];
<tens> = twenty | thirty | forty | fifty | sixty | seventy | eighty | ninety;
"""
"""What replies may sound like: the listener must tell one from some two thousand others."""


async def spoken(text: str, voice: str = "en-gb-f") -> bytes:
    """`text` as 16 kHz PCM. The default voice is the one that the offline recogniser understands best."""
    return resample(await voice_of(Settings(talk=Talk(voice=voice)), text, 1.0), INPUT_RATE).data


def quiet(seconds: float) -> bytes:
    return bytes(round(seconds * INPUT_RATE) * SAMPLE_BYTES)


def recognised(reply: Pcm) -> list[str]:
    """The words that the sound of a reply is made of."""
    # A little slower and lower than it was said, because the recogniser was trained on calmer voices, and in a room
    # that is not dead silent, because digital silence spoils its normalisation.
    calm = np.pad(soxr.resample(reply.samples.astype(np.float32), reply.rate * 0.85, INPUT_RATE), 8_000)
    room = np.random.default_rng(0).normal(0, 60, len(calm))
    decoder = pocketsphinx.Decoder(lm=None, loglevel="FATAL")
    decoder.add_jsgf_string("replies", GRAMMAR)
    decoder.activate_search("replies")
    decoder.start_utt()
    decoder.process_raw(np.clip(calm + room, -32_768, 32_767).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    heard = decoder.hyp()
    return [] if heard is None else re.sub(r"\(\d\)", "", heard.hypstr).split()


def agreement(words: list[str], reply: str) -> float:
    """How far the words heard are those of the written reply, 0–1.

    Of all times of day the recogniser mistakes one in thirty by a word («six» for «eight»), and a journey must not
    depend on the hour: such a one agrees by 0.6 at least, another sentence by less than 0.3.
    """
    written = re.findall(r"[a-z']+", reply.lower().replace("-", " "))
    return SequenceMatcher(None, words, written).ratio()
