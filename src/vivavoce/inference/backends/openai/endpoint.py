"""One OpenAI-compatible server: its address, its key, one keep-alive client, and what its refusals mean.

Only the configured host is ever called: no redirect is followed, and neither proxies nor keys are taken from the
environment. The key goes into one header and nowhere else. What the server says of an error is not quoted, since it
may repeat what a person said; only its identifier (`model_not_found`) is.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any

import httpx
import msgspec

from vivavoce.aio import closing
from vivavoce.errors import BackendError, BackendUnavailable, ConfigError
from vivavoce.inference.addresses import is_loopback
from vivavoce.inference.secret import Secret
from vivavoce.inference.translate import final, translating

BACKSTOP = httpx.Timeout(30.0, connect=3.0, pool=5.0)
"""Seconds; the wrappers' time-outs are shorter and come first. This one ends what nobody wrapped."""
CONNECTIONS = httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=60.0)
MOST_OF_A_REFUSAL = 16 * 1024
"""Bytes read of the body of an error."""
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_.-]{2,48}")


class NotTaken(BackendError):
    """The server understood the request and did not want it (400, 413, 415, 422)."""

    retryable = False


class Endpoint:
    """`base_url` ends in what the server calls its root, mostly `/v1`. Raises ConfigError for a wrong one."""

    def __init__(self, base_url: str, key: Secret | None = None) -> None:
        url = _checked(base_url)
        self.base_url = str(url).rstrip("/")
        self.host = url.host
        self.sends_to = None if is_loopback(url.host) else url.host
        headers = {"Accept-Encoding": "identity"}  # sizes are bounded; nothing may unfold behind the bound
        if key:
            headers["Authorization"] = f"Bearer {_sendable(key)}"
        self._http = httpx.AsyncClient(
            headers=headers, timeout=BACKSTOP, limits=CONNECTIONS, follow_redirects=False, trust_env=False
        )

    def __repr__(self) -> str:
        return f"Endpoint({self.base_url!r})"

    async def aclose(self) -> None:
        await self._http.aclose()

    @asynccontextmanager
    async def call(
        self,
        path: str,
        code: str,
        *,
        payload: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
        wav: bytes | None = None,
    ) -> AsyncIterator[httpx.Response]:
        """A response with status 2xx whose body is yet to be read; GET without a body, else POST of JSON or a form.

        All that goes wrong, also while the body is read inside the block, comes out as BackendError with `code`.
        """
        request = self._http.build_request(
            "GET" if payload is None and form is None else "POST",
            self.base_url + path,
            content=None if payload is None else msgspec.json.encode(payload),
            headers=None if payload is None else {"Content-Type": "application/json"},
            data=form,
            files=None if wav is None else {"file": ("speech.wav", wav, "audio/wav")},
        )
        with translating(self.host, code):
            response = await self._http.send(request, stream=True)
            try:
                if not response.is_success:
                    raise await self._refusal(response, path, code)
                yield response
            finally:
                await response.aclose()

    async def _refusal(self, response: httpx.Response, path: str, code: str) -> BackendError:
        reason = _identifier(await _beginning(response, MOST_OF_A_REFUSAL))
        return refusal(response.status_code, self.host, path, reason, code)


class NotThere(BackendUnavailable):
    """The server is well, but has no such path or model."""


def refusal(status: int, host: str, path: str, reason: str | None, code: str) -> BackendError:
    """What a status other than 2xx means, and what to do about it."""
    because = f" ({status}, {reason})" if reason else f" ({status})"
    if 300 <= status < 400:
        return BackendUnavailable(
            f"{host} sends us elsewhere{because}; redirects are not followed: set base_url to the final address",
            code=code,
        )
    if status in (401, 403):
        return BackendUnavailable(
            f"{host} refuses the key{because}: set api_key or OPENAI_API_KEY to one that it accepts", code=code
        )
    if status == 404:
        return NotThere(
            f"{host} has no {path} or not this model{because}: compare base_url and model with `vivavoce models list`",
            code=code,
        )
    if status == 429:
        return BackendError(f"{host} is too busy or the quota is used up{because}: wait, or raise the quota", code=code)
    if status >= 500:
        return BackendError(f"{host} failed{because}: look into its log", code=code)
    return NotTaken(f"{host} does not take the request{because}: check model and options", code=code)


async def body(response: httpx.Response, most: int) -> bytes:
    """The whole body. Raises BackendError when it is longer than `most` bytes."""
    collected = bytearray()
    async with aclosing(pieces(response)) as arriving:
        async for piece in arriving:
            collected += piece
            if len(collected) > most:
                raise final(f"the answer is longer than {most:,} bytes")
    return bytes(collected)


async def pieces(response: httpx.Response, size: int | None = None) -> AsyncGenerator[bytes, None]:
    """The body as it arrives, in pieces of `size` bytes where that is given."""
    # Closed by hand: a generator that is only dropped is ended by the loop whenever the collector comes by.
    async with closing(response.aiter_bytes(size)) as arriving:
        async for piece in arriving:
            yield piece


def _checked(base_url: str) -> httpx.URL:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        raise ConfigError("base_url is no address; expected one like http://127.0.0.1:11434/v1") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigError("base_url must begin with http:// or https:// and name a host")
    if url.userinfo or url.query or url.fragment:
        raise ConfigError("base_url must not hold a user, a query or a fragment; a key belongs into api_key")
    return url


def _sendable(key: Secret) -> str:
    """The key, checked here, since the HTTP client would quote a malformed header in its error."""
    if not re.fullmatch(r"[!-~]+", key.reveal()):
        raise ConfigError("api_key holds a space, a line end or a letter that no key has; copy it again")
    return key.reveal()


async def _beginning(response: httpx.Response, most: int) -> bytes:
    collected = bytearray()
    async with aclosing(pieces(response)) as arriving:
        async for piece in arriving:
            collected += piece
            if len(collected) >= most:
                break
    return bytes(collected[:most])


class _Problem(msgspec.Struct):
    code: str | int | None = None
    type: str | None = None


class _Refusal(msgspec.Struct):
    error: _Problem = msgspec.field(default_factory=_Problem)


def _identifier(text: bytes) -> str | None:
    """The identifier of an error body in OpenAI's form, when it looks like one."""
    try:
        problem = msgspec.json.decode(text, type=_Refusal).error
    except msgspec.DecodeError:
        return None
    for name in (problem.code, problem.type):
        if isinstance(name, str) and _IDENTIFIER.fullmatch(name):
            return name
    return None
