"""One HTTP call: the token, its renewal, what is tried again, and what becomes of a refusal."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, Literal, TypeVar

import httpx
import msgspec

from vivavoce import aio
from vivavoce.client.forms import SignedIn
from vivavoce.client.problems import problem, retry_after, unreachable
from vivavoce.errors import BackendError, Unauthorised, VivavoceError

T = TypeVar("T")

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

TRIES: Final = 3
LONGEST_WAIT_S: Final = 10.0
"""A server that says to come back later than this is told of at once."""
FIRST_WAIT_S: Final = 0.2
AHEAD_S: Final = 15.0
"""An access token that runs out so soon is renewed before it is used."""
MOST: Final = 64 << 20
"""Bytes of an answer that is taken whole."""


class Transport:
    """Sends requests as one person. `token` for scripts, or none before `granted`."""

    def __init__(self, http: httpx.AsyncClient, token: str | None) -> None:
        self._http = http
        self._token = token
        self._runs_out: float | None = None
        """When the access token of a sign-in does (loop time); None for a token of a script."""
        self._renewing = asyncio.Lock()

    @property
    def address(self) -> str:
        return str(self._http.base_url).rstrip("/")

    @property
    def bearer(self) -> str | None:
        """What is shown to the server now."""
        return self._token

    def granted(self, response: httpx.Response) -> SignedIn:
        """Go on with the sign-in that this is the answer of; the refresh token is in the cookies."""
        grant = _read(response, SignedIn)
        self._token = grant.access_token
        self._runs_out = aio.now() + grant.expires_in_s
        return grant

    def signed_out(self) -> None:
        self._token, self._runs_out = None, None
        self._http.cookies.clear()

    async def call(
        self,
        method: Method,
        path: str,
        form: type[T],
        *,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        version: int | str | None = None,
    ) -> T:
        """The answer as `form`. `version` is sent as `If-Match`; a POST has its effect once however often it is sent.

        Raises Unauthorised, Refused, RateLimited, Missing, Conflict, BadInput, StorageError by what the server says,
        BackendUnavailable (`unreachable`) when nobody answers.
        """
        headers: dict[str, str] = {}
        if version is not None:
            headers["If-Match"] = version if isinstance(version, str) else f'"{version}"'
        if method == "POST":
            headers["Idempotency-Key"] = secrets.token_hex(16)
        response = await self.send(method, path, body=body, query=query, headers=headers)
        if form is type(None):
            return None
        return _read(response, form)

    async def send(
        self,
        method: Method,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        again: bool = True,
    ) -> httpx.Response:
        """A 2xx answer with its whole body; see `call` for what is raised. `again`: it may be sent more than once."""
        renewed = False
        wait = FIRST_WAIT_S
        for tries in range(TRIES if again else 1, 0, -1):
            await self._fresh()
            try:
                response = await self._once(method, path, body, query, headers or {})
            except BackendError:
                if tries == 1:
                    raise
                await asyncio.sleep(wait)
                wait *= 4
                continue
            if response.is_success:
                return response
            error = problem(response)
            if isinstance(error, Unauthorised) and error.code == "token_expired" and not renewed:
                renewed = await self._renew()
                if renewed and tries > 1:
                    continue
            pause = _pause(response, wait)
            if tries == 1 or pause is None:
                raise error
            await asyncio.sleep(pause)
            wait *= 4
        raise AssertionError("the last try returns or raises")

    @asynccontextmanager
    async def stream(
        self, path: str, query: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[httpx.Response]:
        """A GET whose body is read inside, piece by piece."""
        await self._fresh()
        sent = {**self._shown(), **(headers or {})}
        try:
            async with self._http.stream("GET", path, params=_given(query), headers=sent) as response:
                if not response.is_success:
                    await response.aread()
                    raise problem(response)
                yield response
        except httpx.HTTPError as error:
            raise unreachable(error, self.address) from error

    async def refresh(self) -> SignedIn:
        """A new access token for the cookie. Raises Unauthorised when the sign-in has ended."""
        ours = {"X-Vivavoce": "1", "Origin": self.address}
        response = await self._once("POST", "/api/auth/refresh", None, None, ours, bearer=False)
        if not response.is_success:
            raise problem(response)
        return self.granted(response)

    async def _fresh(self) -> None:
        if self._runs_out is not None and aio.now() > self._runs_out - AHEAD_S:
            await self._renew()

    async def _renew(self) -> bool:
        """Whether there is a newer token than before; those who come at once share one renewal."""
        if self._runs_out is None:
            return False
        before = self._token
        async with self._renewing:
            if self._token == before:
                await self.refresh()
        return True

    async def _once(
        self,
        method: Method,
        path: str,
        body: Any,
        query: Mapping[str, Any] | None,
        headers: Mapping[str, str],
        *,
        bearer: bool = True,
    ) -> httpx.Response:
        sent = {**(self._shown() if bearer else {}), **headers}
        content = None
        if body is not None:
            content = msgspec.json.encode(body)
            sent["Content-Type"] = "application/json"
        try:
            async with self._http.stream(method, path, params=_given(query), content=content, headers=sent) as response:
                body = await _whole(response)
                # Unpacked already, so without the headers that say how it was packed.
                return httpx.Response(response.status_code, headers=_plain(response.headers), content=body)
        except httpx.HTTPError as error:
            raise unreachable(error, self.address) from error

    def _shown(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}


def _plain(headers: httpx.Headers) -> list[tuple[str, str]]:
    return [(name, text) for name, text in headers.multi_items() if name not in ("content-encoding", "content-length")]


async def _whole(response: httpx.Response) -> bytes:
    """The body, within bounds: also of a server that does not say how long it is, or packs much into little."""
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > MOST:
            raise VivavoceError(f"the answer is longer than {MOST >> 20} MiB", code="too_large")
    return bytes(body)


def _pause(response: httpx.Response, otherwise: float) -> float | None:
    """Seconds to wait before it is worth another try; None where it is not."""
    if response.status_code not in (429, 503):
        return None
    wait = retry_after(response)
    wait = otherwise if wait is None else wait
    return wait if wait <= LONGEST_WAIT_S else None


def _given(query: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Without what was left open; moments as text."""
    if query is None:
        return None
    return {name: msgspec.to_builtins(value) for name, value in query.items() if value is not None and value != ""}


def _read(response: httpx.Response, form: type[T]) -> T:
    try:
        return msgspec.json.decode(response.content, type=form)
    except msgspec.DecodeError as error:
        raise VivavoceError(f"the server's answer cannot be read: {error}", code="bad_answer") from error
