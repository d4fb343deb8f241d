"""The workload that all servers of this benchmark get: scripted models with these times, one after another 620 ms.

The user's phrase is 2.44 s long without a pause (phrase.pcm: 16 kHz mono 16-bit, made with espeak-ng).
"""

from __future__ import annotations

import math
import struct

RATE = 16_000
SILENCE_S = 0.300
"""Silence after which speech is over."""
STT_DELAY = 0.100
"""End of speech told → final text."""
LLM_FIRST = 0.100
LLM_STEP = 0.010
TTS_FIRST = 0.050
TTS_SPEED = 5.0
SENTENCE_S = 1.5
IDEAL_MS = 620.0
"""Silence, recognition, 8 words to the end of the first sentence, first sound: one after another."""

USER_TEXT = "when does the morning train to the harbour leave today"
REPLY = "The train to the harbour leaves at noon. You can buy a ticket at the station before you board it."
WORDS = [word if index == 0 else " " + word for index, word in enumerate(REPLY.split(" "))]

_SAMPLES = int(RATE * SENTENCE_S)
TONE = struct.pack(
    f"<{_SAMPLES}h", *(int(6000 * math.sin(2 * math.pi * 220 * index / RATE)) for index in range(_SAMPLES))
)
FRAMES = [TONE[start : start + 640] for start in range(0, len(TONE), 640)]
FRAME_GAP = 0.020 / TTS_SPEED
