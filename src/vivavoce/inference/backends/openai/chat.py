"""Chat completions, streamed: text as it comes, tool calls when they are whole, the usage at the end."""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import msgspec

from vivavoce.errors import BackendError
from vivavoce.inference.backends.openai.endpoint import Endpoint, NotTaken, NotThere
from vivavoce.inference.backends.openai.models import find_model
from vivavoce.inference.backends.openai.stream import drain, events
from vivavoce.inference.ports import (
    ChatDelta,
    ChatMessage,
    ChatRequest,
    LanguageModelCapabilities,
    TextDelta,
    ToolCall,
    ToolSpec,
    Usage,
)
from vivavoce.inference.translate import final

log = logging.getLogger(__name__)

CODE = "llm_failed"
MOST_BYTES = 4 * 1024 * 1024
"""Of one stream, framing and all; each token costs some 200 bytes of it. How much text a reply may be is bounded for
all models alike, in `wrappers`.
"""
MOST_CALLS = 32
MOST_OF_A_CALL = 64 * 1024
"""Characters of one tool call's arguments."""


class OpenAILanguageModel:
    """Without a `model` the first reply asks the server what it has.

    `extra` is added to each request as it is, for what only some servers know (`{"reasoning_effort": "none"}`).
    """

    def __init__(
        self,
        endpoint: Endpoint,
        model: str | None = None,
        *,
        tools: bool = True,
        vision: bool = False,
        temperature: float | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.capabilities = LanguageModelCapabilities(
            f"openai {model or endpoint.host}", tools=tools, vision=vision, sends_to=endpoint.sends_to
        )
        self._endpoint = endpoint
        self._model = model
        self._temperature = temperature
        self._extra = dict(extra or {})

    async def reply(self, request: ChatRequest) -> AsyncGenerator[ChatDelta, None]:
        if request.model is not None:
            try:
                async with aclosing(self._ask(request, request.model)) as deltas:
                    async for delta in deltas:
                        yield delta
                return
            except NotThere:  # known before the first word: one app's mistake must not look like a server that fails
                log.warning("the model %s that an app names is not there; the usual one answers", request.model)
        if self._model is None:
            self._model = await find_model(self._endpoint)
        async with aclosing(self._ask(request, self._model)) as deltas:
            async for delta in deltas:
                yield delta

    async def _ask(self, request: ChatRequest, model: str) -> AsyncGenerator[ChatDelta, None]:
        payload = self._payload(request, model)
        try:
            async with aclosing(self._stream(payload)) as deltas:
                async for delta in deltas:
                    yield delta
        except NotTaken:
            if "tools" not in payload:
                raise
            # Ollama refuses tools for models that never learnt to use them, before the first word. When it works
            # without, this model is not offered any again.
            del payload["tools"]
            async with aclosing(self._stream(payload)) as deltas:
                async for delta in deltas:
                    self.capabilities = replace(self.capabilities, tools=False)
                    yield delta

    async def _stream(self, payload: dict[str, Any]) -> AsyncGenerator[ChatDelta, None]:
        answer = _Answer()
        async with (
            self._endpoint.call("/chat/completions", CODE, payload=payload) as response,
            aclosing(events(response, MOST_BYTES)) as stream,
        ):
            async for event in stream:
                for delta in answer.take(event):
                    yield delta
                if answer.done:
                    break
            for delta in answer.finish():
                yield delta
            await drain(stream)

    def _payload(self, request: ChatRequest, model: str) -> dict[str, Any]:
        vision = self.capabilities.vision
        payload: dict[str, Any] = {
            "model": model,
            "messages": [_message(message, vision) for message in request.messages],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        temperature = self._temperature if request.temperature is None else request.temperature
        if temperature is not None:
            payload["temperature"] = temperature
        if request.max_tokens is not None:
            # OpenAI's newer models know only the second name, most other servers only the first.
            hosted = self._endpoint.host == "api.openai.com"
            payload["max_completion_tokens" if hosted else "max_tokens"] = request.max_tokens
        if request.tools and self.capabilities.tools:
            payload["tools"] = [_tool(tool) for tool in request.tools]
        return payload | self._extra


# ── what we send ──────────────────────────────────────────────────────────────────────────────────


def _message(message: ChatMessage, vision: bool) -> dict[str, Any]:
    sent: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.pictures and vision:
        sent["content"] = [{"type": "text", "text": message.text}] + [
            {
                "type": "image_url",
                "image_url": {"url": f"data:{each.media_type};base64,{b64encode(each.data).decode()}"},
            }
            for each in message.pictures
        ]
    if message.tool_calls:
        sent["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": msgspec.json.encode(call.arguments).decode()},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        sent["tool_call_id"] = message.tool_call_id
    return sent


def _tool(tool: ToolSpec) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}


# ── what we get ───────────────────────────────────────────────────────────────────────────────────


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _CallDelta(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function = msgspec.field(default_factory=_Function)


class _Delta(msgspec.Struct):
    content: str | None = None
    tool_calls: list[_CallDelta] | None = None


class _Choice(msgspec.Struct):
    delta: _Delta = msgspec.field(default_factory=_Delta)
    finish_reason: str | None = None


class _Details(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _Details | None = None


class _Event(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: Any = None


class _Call(msgspec.Struct):
    """A tool call that is still arriving."""

    id: str
    name: str
    arguments: str = ""

    def whole(self) -> ToolCall:
        try:
            arguments = msgspec.json.decode(self.arguments or "{}", type=dict[str, Any])
        except msgspec.DecodeError:
            raise BackendError("the model called a tool with malformed arguments") from None
        return ToolCall(self.id, self.name, arguments)


class _Answer:
    """Makes deltas of events, sans-io."""

    def __init__(self) -> None:
        self.done = False
        self._ended = False
        self._calls: dict[int, _Call] = {}
        self._usage: Usage | None = None

    def take(self, event: bytes) -> list[ChatDelta]:
        """Raises BackendError when the server reports one, runs away, or breaks its own format."""
        if event == b"[DONE]":
            self.done = True
            return []
        parsed = msgspec.json.decode(event, type=_Event)
        if parsed.error is not None:
            raise BackendError("the server broke the reply off with an error of its own: look into its log")
        if parsed.usage is not None:
            self._usage = _usage(parsed.usage)
        texts: list[ChatDelta] = []
        for choice in parsed.choices[:1]:
            self._ended = self._ended or choice.finish_reason is not None
            for call in choice.delta.tool_calls or ():
                self._add(call)
            if choice.delta.content:
                texts.append(TextDelta(choice.delta.content))
        return texts

    def finish(self) -> list[ChatDelta]:
        """The stream has ended. Raises BackendError when it ended too early."""
        if not (self.done or self._ended):
            raise BackendError("the reply broke off in the middle")
        calls: list[ChatDelta] = [call.whole() for _, call in sorted(self._calls.items())]
        return calls + ([self._usage] if self._usage else [])

    def _add(self, delta: _CallDelta) -> None:
        # Some servers leave the index out and send each call in one piece.
        index = delta.index if delta.index is not None else len(self._calls) - (0 if delta.id else 1)
        call = self._calls.get(index)
        if call is None:
            if not delta.function.name:
                raise BackendError("the model called a tool without a name")
            if len(self._calls) == MOST_CALLS:
                raise final(f"the model called more than {MOST_CALLS} tools at once")
            call = self._calls[index] = _Call(delta.id or f"call_{index}", delta.function.name)
        call.arguments += delta.function.arguments or ""
        if len(call.arguments) > MOST_OF_A_CALL:
            raise final(f"the arguments of a tool ran past {MOST_OF_A_CALL:,} characters")


def _usage(usage: _Usage) -> Usage:
    details = usage.prompt_tokens_details
    return Usage(usage.prompt_tokens, (details.cached_tokens or 0) if details else 0, usage.completion_tokens)
