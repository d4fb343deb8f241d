"""A small OpenAI-compatible server with a script: for journeys, examples, and whoever writes a back-end.

    async with OpenAIServer("It is noon.", heard="what time is it") as server:
        endpoint = Endpoint(server.base_url)

It speaks real HTTP/1.1 over a loopback socket, on asyncio alone, so that it can also do what a web framework would
not: hang, drip, break off, never end. `python -m vivavoce.testing.openai_server --port 9000` runs it for people.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import struct
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from vivavoce.inference.ports import ToolCall
from vivavoce.testing.plain_http import Answer, Asked, read_request

Reply = str | ToolCall | tuple[str | ToolCall, ...]
Trouble = Literal["hang", "stall", "drip", "endless", "malformed", "cut", "error", "oversize", "redirect", "mp3"]
"""`hang` never answers, `stall` answers the head and then nothing, `cut` ends in the middle, `error` says so there."""

RATE = 24_000


class OpenAIServer:
    """Answers chats with `replies` in order (the last one ever after), utterances with `heard`, speech with a tone.

    A reply may be a function of the chat's JSON. `trouble[path]` is what goes wrong there: a Trouble or a status.
    `asked` is every request that came, `answering` how many are being answered; `idle` is set when none is.
    """

    def __init__(
        self,
        *replies: Reply | Callable[[Any], Reply],
        heard: str = "what time is it",
        models: tuple[str, ...] = ("test-model",),
        key: str | None = None,
        token_s: float = 0.0,
        speaks_pcm: bool = True,
        takes_tools: bool = True,
    ) -> None:
        self.replies = replies or ("All right.",)
        self.heard = heard
        self.models = models
        self.key = key
        self.token_s = token_s
        self.speaks_pcm = speaks_pcm
        self.takes_tools = takes_tools
        self.rate = RATE
        self.trouble: dict[str, Trouble | int] = {}
        self.complaint = "out of memory"
        """What the trouble `error` says."""
        self.asked: list[Asked] = []
        self.answering = 0
        self.idle = asyncio.Event()
        self.idle.set()
        self._chats = 0
        self._connections = 0
        self._handlers: set[asyncio.Task[Any]] = set()
        self._server: asyncio.Server | None = None

    # ── life ──────────────────────────────────────────────────────────────────────────────────────

    async def start(self, port: int = 0) -> OpenAIServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        return self

    async def aclose(self) -> None:
        """Stop listening and break off what is being answered."""
        if self._server is not None:
            self._server.close()
        for handler in self._handlers:
            handler.cancel()
        if self._handlers:
            await asyncio.wait(self._handlers)

    async def __aenter__(self) -> OpenAIServer:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @contextmanager
    def in_thread(self) -> Iterator[OpenAIServer]:
        """Serve from a thread with a loop of its own, for callers that count the tasks of theirs."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="openai server")
        thread.start()
        asyncio.run_coroutine_threadsafe(self.start(), loop).result()
        try:
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(self.aclose(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    @property
    def base_url(self) -> str:
        assert self._server is not None, "the server was not started"
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    # ── HTTP ──────────────────────────────────────────────────────────────────────────────────────

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        self._connections += 1
        connection = self._connections
        try:
            while (asked := await read_request(reader, connection)) is not None:
                self.asked.append(asked)
                self.answering += 1
                self.idle.clear()
                try:
                    await self._answer(asked, Answer(writer))
                finally:
                    self.answering -= 1
                    if not self.answering:
                        self.idle.set()
        except (ConnectionError, asyncio.IncompleteReadError, _BreakOff, asyncio.CancelledError):
            # The client has gone, the script says so, or aclose() ends us: in each case this connection is over.
            pass
        finally:
            self._handlers.discard(task)
            writer.transport.abort() if writer.transport.is_closing() else writer.close()

    async def _answer(self, asked: Asked, answer: Answer) -> None:
        path = asked.path.removeprefix("/v1")
        trouble = self.trouble.get(path)
        if self.key is not None and asked.headers.get("authorization") != f"Bearer {self.key}":
            await answer.whole(401, _refusal("invalid_api_key"))
        elif isinstance(trouble, int):
            await answer.whole(trouble, _refusal("scripted_trouble"))
        elif trouble == "redirect":
            await answer.whole(302, b"", {"Location": "http://elsewhere.example/v1" + path})
        elif trouble == "hang":
            await asyncio.get_running_loop().create_future()
        elif path == "/models":
            await answer.whole(200, json.dumps({"data": [{"id": name} for name in self.models]}).encode())
        elif path == "/chat/completions":
            await self._chat(asked.json, answer, trouble)
        elif path == "/audio/transcriptions":
            await self._transcribe(asked.form, answer, trouble)
        elif path == "/audio/speech":
            await self._speak(asked.json, answer, trouble)
        else:
            await answer.whole(404, _refusal("not_found"))

    # ── chat ──────────────────────────────────────────────────────────────────────────────────────

    async def _chat(self, asked: Any, answer: Answer, trouble: Trouble | None) -> None:
        if asked.get("model") not in self.models:
            await answer.whole(404, _refusal("model_not_found"))
            return
        if not asked.get("messages"):
            await answer.whole(400, _refusal("empty_messages"))
            return
        if asked.get("tools") and not self.takes_tools:
            await answer.whole(400, _refusal("tools_not_supported"))
            return
        reply = self.replies[min(self._chats, len(self.replies) - 1)]
        self._chats += 1
        said = reply(asked) if callable(reply) else reply
        parts = said if isinstance(said, tuple) else (said,)
        await answer.events(self._troubled(_chat_events(parts), trouble), self.token_s, drip=trouble == "drip")

    async def _troubled(self, events: AsyncIterator[str], trouble: Trouble | None) -> AsyncIterator[str]:
        """`events` until the trouble strikes, after the second one."""
        count = 0
        async for event in events:
            yield event
            count += 1
            if count == 2 and trouble is not None:
                async for odd in _odd_events(event, trouble, self.complaint):
                    yield odd

    # ── sound ─────────────────────────────────────────────────────────────────────────────────────

    async def _transcribe(self, form: Mapping[str, bytes], answer: Answer, trouble: Trouble | None) -> None:
        if not form.get("file", b"").startswith(b"RIFF"):
            await answer.whole(400, _refusal("invalid_file"))
        elif form.get("stream") == b"true":
            await answer.events(self._troubled(self._transcript_events(), trouble), self.token_s)
        elif trouble == "malformed":
            await answer.whole(200, b'{"text": "what ti')
        elif trouble == "oversize":
            await answer.whole(200, json.dumps({"text": "la " * 1_000_000}).encode())
        else:
            await answer.whole(200, json.dumps({"text": self.heard}).encode())

    async def _transcript_events(self) -> AsyncIterator[str]:
        for piece in re.findall(r"\s*\S+", self.heard):
            yield json.dumps({"type": "transcript.text.delta", "delta": piece})
        yield json.dumps({"type": "transcript.text.done", "text": self.heard})

    async def _speak(self, asked: Any, answer: Answer, trouble: Trouble | None) -> None:
        kind = asked["response_format"]
        if kind == "pcm" and not self.speaks_pcm:
            await answer.whole(400, _refusal("unsupported_format"))
            return
        sound = tone(len(asked["input"]) * 0.05 / asked.get("speed", 1.0), self.rate)
        await answer.begin("audio/wav" if kind == "wav" else "audio/pcm")
        if trouble == "stall":
            await asyncio.get_running_loop().create_future()
        if trouble == "mp3":
            sound = b"ID3\x04" + sound
        elif kind == "wav":
            await answer.piece(wav_header(self.rate))
        for start in range(0, len(sound), 3001):  # odd on purpose: samples are cut in two on the way
            await answer.piece(sound[start : start + 3001])
            await asyncio.sleep(self.token_s)
            if trouble == "cut":
                raise _BreakOff
        while trouble == "endless":
            await answer.piece(bytes(1_000_000))
        await answer.end()


# ── what is sent ──────────────────────────────────────────────────────────────────────────────────


class _BreakOff(Exception):
    """Close the connection now, in the middle."""


async def _chat_events(parts: tuple[str | ToolCall, ...]) -> AsyncIterator[str]:
    """In OpenAI's form: a first chunk with the role, one per word, calls in two pieces, usage, [DONE]."""
    yield _chunk({"role": "assistant", "content": ""})
    words, calls = 0, 0
    for part in parts:
        if isinstance(part, str):
            for word in re.findall(r"\s*\S+", part):
                words += 1
                yield _chunk({"content": word})
            continue
        arguments = json.dumps(part.arguments)
        half = len(arguments) // 2
        first = {"index": calls, "id": part.id, "type": "function", "function": {"name": part.name, "arguments": ""}}
        yield _chunk({"tool_calls": [first]})
        for piece in (arguments[:half], arguments[half:]):
            yield _chunk({"tool_calls": [{"index": calls, "function": {"arguments": piece}}]})
        calls += 1
    yield _chunk({}, "tool_calls" if calls else "stop")
    usage = {"prompt_tokens": 10, "completion_tokens": words, "prompt_tokens_details": {"cached_tokens": 4}}
    yield json.dumps({"object": "chat.completion.chunk", "choices": [], "usage": usage})
    yield "[DONE]"


def _chunk(delta: dict[str, Any], reason: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return json.dumps({"id": "chat-1", "object": "chat.completion.chunk", "choices": [choice], "usage": None})


async def _odd_events(last: str, trouble: Trouble, complaint: str) -> AsyncIterator[str]:
    match trouble:
        case "stall":
            await asyncio.get_running_loop().create_future()
        case "malformed":
            yield '{"choices": [{"delta": {"con'
        case "error":
            yield json.dumps({"error": {"message": complaint, "type": "server_error"}})
        case "cut":
            raise _BreakOff
        case "oversize":
            yield "\n" + "data: " + "x" * 4_000_000
        case "endless":
            while True:
                yield last
        case _:
            return


def _refusal(identifier: str) -> bytes:
    return json.dumps({"error": {"message": f"refused: {identifier}", "type": "scripted", "code": identifier}}).encode()


def tone(seconds: float, rate: int, hertz: int = 330) -> bytes:
    """A tone as 16-bit mono PCM."""
    wave: npt.NDArray[np.float64] = 8000 * np.sin(np.arange(round(seconds * rate)) * (2 * np.pi * hertz / rate))
    return wave.astype("<i2").tobytes()


def wav_header(rate: int) -> bytes:
    """Of a streamed file: its length is not known yet, which is written as 0xFFFFFFFF."""
    unknown = 0xFFFFFFFF
    layout = struct.pack("<IHHIIHH", 16, 1, 1, rate, rate * 2, 2, 16)
    return b"RIFF" + struct.pack("<I", unknown) + b"WAVEfmt " + layout + b"data" + struct.pack("<I", unknown)


# ── for people ────────────────────────────────────────────────────────────────────────────────────


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="An OpenAI-compatible server that answers from a script.")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--reply", action="append", help="what it says, one per turn; the last one ever after")
    parser.add_argument("--heard", default="what time is it", help="what it understands of every utterance")
    parser.add_argument("--token-ms", type=float, default=30.0, help="pause between two words")
    return parser.parse_args()


async def _run(options: argparse.Namespace) -> None:
    replies = options.reply or ("You are talking with a script: it says this, whatever you ask.",)
    server = OpenAIServer(*replies, heard=options.heard, token_s=options.token_ms / 1000)
    await server.start(options.port)
    sys.stdout.write(f"OPENAI_BASE_URL={server.base_url}\n")
    sys.stdout.flush()
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        await server.aclose()


if __name__ == "__main__":
    try:
        asyncio.run(_run(_arguments()))
    except KeyboardInterrupt:
        sys.exit(0)
