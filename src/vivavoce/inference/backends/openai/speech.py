"""Speech, streamed as raw PCM; from a server that cannot do that, as WAV."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Literal

import httpx

from vivavoce.audio.pcm import SAMPLE_BYTES
from vivavoce.inference.backends.openai.endpoint import Endpoint, NotTaken, pieces
from vivavoce.inference.backends.openai.wav import WavReader
from vivavoce.inference.ports import Language, SpeechChunk, SpeechRequest, SynthesizerCapabilities, Voice
from vivavoce.inference.translate import final

CODE = "tts_failed"
MOST_SECONDS = 300
"""Of one clause: the limit of a whole reply."""
VOICES = ("alloy", "ash", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer")
"""OpenAI's; other servers name their own in the options."""
PIECE = 4096
"""Bytes read at a time: 85 ms at 24 kHz."""
_OTHERS = {b"ID3": "MP3", b"OggS": "Ogg", b"fLaC": "FLAC", b"\xff\xfb": "MP3", b"\xff\xf3": "MP3", b"\xff\xf1": "AAC"}


class OpenAISynthesizer:
    """Speaks with `voice` unless the request names another. `rate` is that of the server's PCM, 24 kHz at OpenAI."""

    def __init__(
        self,
        endpoint: Endpoint,
        model: str = "gpt-4o-mini-tts",
        *,
        voices: tuple[str, ...] = VOICES,
        languages: tuple[Language, ...] = ("en", "zh"),
        rate: int = 24_000,
    ) -> None:
        self.capabilities = SynthesizerCapabilities(
            f"openai {model}",
            rate=rate,
            voices=tuple(Voice(name, language, name.title()) for language in languages for name in voices),
            sends_to=endpoint.sends_to,
        )
        self._endpoint = endpoint
        self._model = model
        self._voice = voices[0]
        self._format: Literal["pcm", "wav"] = "pcm"

    async def speak(self, request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        if not request.text.strip():
            return
        try:
            async with aclosing(self._stream(request, self._format)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except NotTaken:
            if self._format == "wav":
                raise
            # Refused before any sound, perhaps for its format. When WAV works, it is asked for at once from now on.
            async with aclosing(self._stream(request, "wav")) as chunks:
                async for chunk in chunks:
                    self._format = "wav"
                    yield chunk

    async def _stream(self, request: SpeechRequest, kind: Literal["pcm", "wav"]) -> AsyncGenerator[SpeechChunk, None]:
        payload = {
            "model": self._model,
            "input": request.text,
            "voice": request.voice or self._voice,
            "response_format": kind,
            "speed": request.speed,
        }
        async with (
            self._endpoint.call("/audio/speech", CODE, payload=payload) as response,
            aclosing(self._sound(response)) as sound,
        ):
            async for pcm in sound:
                yield SpeechChunk(pcm)

    async def _sound(self, response: httpx.Response) -> AsyncGenerator[bytes, None]:
        """Whole samples as they come, however the bytes were cut on the way."""
        left = MOST_SECONDS * self.capabilities.rate * SAMPLE_BYTES
        wav: WavReader | None = None
        rest, first = b"", True
        async with aclosing(pieces(response, PIECE)) as arriving:
            async for piece in arriving:
                if first:
                    first = False
                    _check_kind(piece)
                    wav = WavReader() if piece.startswith(b"RIFF") else None
                rest += wav.feed(piece) if wav else piece
                if wav and wav.rate not in (None, self.capabilities.rate):
                    raise final(f"the speech comes at {wav.rate} Hz: set the option rate to {wav.rate}")
                whole = len(rest) - len(rest) % SAMPLE_BYTES
                left -= whole
                if left < 0:
                    raise final(f"the speech ran past {MOST_SECONDS} s and was stopped")
                if whole:
                    yield rest[:whole]
                    rest = rest[whole:]


def _check_kind(piece: bytes) -> None:
    """Compressed sound played as PCM is noise at full volume."""
    for magic, kind in _OTHERS.items():
        if piece.startswith(magic):
            raise final(f"the server sends {kind}, whatever it is asked for; 16-bit PCM or WAV is needed")
