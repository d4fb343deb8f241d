"""Transcription: the utterance is collected and uploaded as WAV when it is over.

With `stream` the server tells the text while it is still working on it (`stream=true`), which becomes partial texts.
"""

from __future__ import annotations

import io
import wave
from collections.abc import Callable
from contextlib import aclosing

import httpx
import msgspec

from vivavoce.audio.pcm import INPUT_RATE, SAMPLE_BYTES
from vivavoce.errors import BackendError, Closed
from vivavoce.inference.backends.openai.endpoint import Endpoint, body
from vivavoce.inference.backends.openai.stream import drain, events
from vivavoce.inference.ports import Language, RecognizerCapabilities, Transcript
from vivavoce.inference.stopper import Stopper
from vivavoce.inference.translate import final
from vivavoce.inference.utterance import MOST_SOUND

CODE = "asr_failed"
MOST_BYTES = 1024 * 1024
"""Of an answer."""


class OpenAIRecognizer:
    """`languages`: those that the model is trusted with. `prompt`: names and words that it should know."""

    def __init__(
        self,
        endpoint: Endpoint,
        model: str = "whisper-1",
        *,
        languages: tuple[Language, ...] = ("en", "zh"),
        stream: bool = False,
        prompt: str = "",
    ) -> None:
        self.capabilities = RecognizerCapabilities(
            f"openai {model}", languages=languages, partials=stream, sends_to=endpoint.sends_to
        )
        self._endpoint = endpoint
        self._form = {"model": model, "response_format": "json"}
        if stream:
            self._form["stream"] = "true"
        if prompt:
            self._form["prompt"] = prompt

    def listen(self, language: Language, on_partial: Callable[[str], None] | None = None) -> _Utterance:
        return _Utterance(self._endpoint, self._form | {"language": language}, on_partial)


class _Utterance:
    def __init__(self, endpoint: Endpoint, form: dict[str, str], on_partial: Callable[[str], None] | None) -> None:
        self._endpoint = endpoint
        self._form = form
        self._on_partial = on_partial
        self._sound = bytearray()
        self._over: str | None = None
        self._stopper = Stopper()

    def feed(self, pcm: bytes) -> None:
        if self._over is not None:
            raise Closed(f"the utterance is {self._over}")
        # One byte more than allowed is kept to remember, so that finish() can refuse.
        self._sound += pcm[: MOST_SOUND + 1 - len(self._sound)]

    async def finish(self) -> Transcript:
        if self._over is not None:
            raise Closed(f"the utterance is {self._over}")
        self._over = "finished"
        if not self._sound:
            return Transcript("")
        if len(self._sound) > MOST_SOUND:
            raise final("the utterance is longer than two minutes", CODE)
        return await self._stopper.run(self._upload())

    def cancel(self) -> None:
        self._over = "cancelled"
        self._sound = bytearray()
        self._stopper.stop()

    async def _upload(self) -> Transcript:
        async with self._endpoint.call(
            "/audio/transcriptions", CODE, form=self._form, wav=wav_file(bytes(self._sound))
        ) as response:
            if response.headers.get("content-type", "").startswith("text/event-stream"):
                return Transcript(await self._follow(response))
            answer = msgspec.json.decode(await body(response, MOST_BYTES), type=_Answer)
            return Transcript(answer.text.strip())

    async def _follow(self, response: httpx.Response) -> str:
        text = ""
        async with aclosing(events(response, MOST_BYTES)) as stream:
            async for data in stream:
                event = msgspec.json.decode(data, type=_Event)
                if event.type == "transcript.text.done":
                    await drain(stream)
                    return event.text.strip()
                if event.type == "transcript.text.delta":
                    text += event.delta
                    if self._on_partial is not None:
                        self._on_partial(text.strip())
        raise BackendError("the transcript broke off in the middle")


class _Answer(msgspec.Struct):
    text: str


class _Event(msgspec.Struct):
    type: str = ""
    delta: str = ""
    text: str = ""


def wav_file(pcm: bytes, rate: int = INPUT_RATE) -> bytes:
    """Mono 16-bit PCM as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(SAMPLE_BYTES)
        wav.setframerate(rate)
        wav.writeframes(pcm)
    return file.getvalue()
