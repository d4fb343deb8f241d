"""Which models a server has, and which of them to talk with when nobody said."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from vivavoce.errors import BackendUnavailable
from vivavoce.inference.backends.openai.endpoint import Endpoint, body

MOST_BYTES = 4 * 1024 * 1024
"""Of the list; big hubs list thousands of models."""
PREFERRED = ("gpt-4.1-mini", "gpt-4o-mini", "gpt-5-mini")
"""Quick ones where hundreds are listed in no order that helps."""
_NOT_FOR_CHAT = re.compile(
    r"embed|bge-|rerank|whisper|transcribe|tts|speech|kokoro|audio|realtime|image|dall-e|sora|moderation|guard|ocr",
    re.I,
)


class _Model(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    data: list[_Model] | None = None


async def list_models(endpoint: Endpoint, code: str = "llm_failed") -> tuple[str, ...]:
    """Names in the server's order. Raises BackendError."""
    async with endpoint.call("/models", code) as response:
        listed = msgspec.json.decode(await body(response, MOST_BYTES), type=_Models)
    return tuple(model.id for model in listed.data or ())


def choose(models: Sequence[str]) -> str | None:
    """A model to talk with: a preferred one, else the first that is not for something else, by its name."""
    for name in PREFERRED:
        if name in models:
            return name
    return next((name for name in models if not _NOT_FOR_CHAT.search(name)), None)


async def find_model(endpoint: Endpoint) -> str:
    """The model of a server that was configured without one. Raises BackendUnavailable when it has none."""
    found = choose(await list_models(endpoint))
    if found is None:
        raise BackendUnavailable(
            f"{endpoint.host} lists no model to talk with: load one there (with Ollama: `ollama pull qwen3`), or set "
            "llm.model",
            code="llm_failed",
        )
    return found
