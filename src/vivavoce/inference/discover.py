"""Finds the server that a language model can be had from: the configured one, else an Ollama on this machine.

The values come from the settings, which have read `OPENAI_BASE_URL`, `OPENAI_API_KEY` and `OLLAMA_HOST` among others;
nothing here looks at the environment.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from vivavoce.errors import BackendError, ConfigError
from vivavoce.inference.secret import Secret

OPENAI = "https://api.openai.com/v1"
OLLAMA = "http://127.0.0.1:11434"
PROBE_S = 0.3
"""Seconds that a server on this machine gets to take a connection; the start waits for it."""
LIST_S = 2.0
"""Seconds that it then gets to list its models. More, since on a busy machine we are the slow side."""


@dataclass(frozen=True, slots=True)
class Address:
    """An OpenAI-compatible API: its root, mostly ending in `/v1`, and its key if it wants one."""

    base_url: str
    key: Secret | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Where a language model can be had. `models` are those that a probed server listed, best first."""

    address: Address
    by: Literal["configuration", "ollama"]
    models: tuple[str, ...] = ()


def configured(base_url: str | None, key: Secret | None) -> Address | None:
    """The address that the settings name; a key alone means OpenAI itself."""
    if base_url:
        return Address(base_url, key)
    return Address(OPENAI, key) if key else None


def ollama_at(base_url: str = OLLAMA) -> Address:
    """The OpenAI-compatible side of an Ollama."""
    root = base_url.rstrip("/")
    return Address(root if root.endswith("/v1") else f"{root}/v1")


async def discover(openai: Address | None, ollama: Address) -> Found | None:
    """The configured server, unasked, since it may be started later; else an Ollama that answers and has a model."""
    if openai is not None:
        return Found(openai, "configuration")
    models = await probe(ollama)
    return Found(ollama, "ollama", models) if models else None


async def probe(address: Address) -> tuple[str, ...] | None:
    """The models to talk with that a server lists, best first, or None when it does not answer in time.

    Raises ConfigError for an address that is none.
    """
    if not await _listens(address):
        return None
    # Imported here, since most machines run without any server and should not load an HTTP client for nothing.
    from vivavoce.inference.backends.openai import Endpoint, choose, list_models

    endpoint = Endpoint(address.base_url, address.key)
    try:
        async with asyncio.timeout(LIST_S):
            listed = await list_models(endpoint)
    except (BackendError, TimeoutError):
        return None
    finally:
        await endpoint.aclose()
    best = choose(listed)
    return () if best is None else (best, *(name for name in listed if name != best))


async def _listens(address: Address) -> bool:
    try:
        url = urlsplit(address.base_url)
        host, port = url.hostname, url.port or (443 if url.scheme == "https" else 80)
    except ValueError:
        host = None
    if not host:
        raise ConfigError("ollama.base_url is no address; expected one like http://127.0.0.1:11434")
    try:
        async with asyncio.timeout(PROBE_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
