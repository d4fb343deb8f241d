"""The line between the person and a session: in this process, or over a socket. Both speak `/ws/duplex`."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from picows import WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from vivavoce import aio
from vivavoce.app.unwrap import unwrapped
from vivavoce.channels.connection import Connection
from vivavoce.channels.contract import Sessions
from vivavoce.channels.duplex import DuplexChannel
from vivavoce.channels.limits import SocketLimits
from vivavoce.channels.metrics import Metrics
from vivavoce.errors import BackendUnavailable, Closed, ConfigError
from vivavoce.wire import duplex
from vivavoce.wire.base import AudioFrame, encode

CONNECT_S = 10.0
MESSAGE_BYTES = 8 << 20
"""Largest message taken from a server."""


class Hearer(Protocol):
    """Who is at this end of the line; called on the loop."""

    def message(self, message: duplex.ServerMessage) -> None: ...

    def sound(self, frame: AudioFrame) -> None: ...

    def ended(self, error: Closed | None) -> None:
        """The line is gone; with an error when nobody meant it."""
        ...


class Line(Protocol):
    def say(self, message: duplex.ClientMessage) -> None: ...

    def sound(self, pcm: bytes) -> None:
        """16 kHz PCM."""
        ...


Dial = Callable[[Hearer], AbstractAsyncContextManager[Line]]
"""Opens a line for somebody."""


def session_id() -> str:
    return f"talk-{secrets.token_hex(6)}"


# ── in this process ───────────────────────────────────────────────────────────────────────────────


class _Here:
    """A duplex channel without a socket: this is its transport, and the line."""

    def __init__(self, hearer: Hearer, sessions: Sessions, language: str, group: asyncio.TaskGroup) -> None:
        self._hearer = hearer
        self._connection = Connection(self, SocketLimits(), Metrics(), lambda work, name: aio.spawn(group, work, name))
        self._connection.channel = DuplexChannel(self._connection, session_id(), sessions, language=language)

    def say(self, message: duplex.ClientMessage) -> None:
        self._connection.received_text(encode(message))

    def sound(self, pcm: bytes) -> None:
        self._connection.received_binary(pcm)

    def send_text(self, data: bytes) -> None:
        # By way of the loop, as a socket does it: a session is never called back from within its own call.
        asyncio.get_running_loop().call_soon(self._hearer.message, duplex.decode_server(data))

    def send_binary(self, data: bytes) -> None:
        asyncio.get_running_loop().call_soon(self._hearer.sound, AudioFrame.parse(data))

    def close(self, code: int, reason: str) -> None:
        error = None if code == 1000 else Closed(f"the session ended: {reason}")
        asyncio.get_running_loop().call_soon(self._hearer.ended, error)

    def cut(self) -> None:
        pass

    def buffered(self) -> int:
        return 0

    def hang_up(self) -> None:
        self._connection.lost()


@asynccontextmanager
async def here(hearer: Hearer, sessions: Sessions, language: str = "en") -> AsyncIterator[Line]:
    """A line to `sessions`, without a server; `language` where the hearer asks for none."""
    with unwrapped():
        async with asyncio.TaskGroup() as group:
            line = _Here(hearer, sessions, language, group)
            try:
                yield line
            finally:
                line.hang_up()


# ── to a running server ───────────────────────────────────────────────────────────────────────────


class _There(WSListener):
    def __init__(self, hearer: Hearer) -> None:
        self._hearer = hearer
        self._transport: WSTransport | None = None
        self._gone = asyncio.get_running_loop().create_future()

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            self._hearer.message(duplex.decode_server(frame.get_payload_as_bytes()))
        elif frame.msg_type == WSMsgType.BINARY:
            self._hearer.sound(AudioFrame.parse(frame.get_payload_as_bytes()))
        elif frame.msg_type == WSMsgType.CLOSE:
            code = frame.get_close_code().value
            reason = (frame.get_close_message() or b"").decode(errors="replace")
            self._end(None if code == 1000 else Closed(f"the server closed the line: {reason or code}"))
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._end(Closed("the connection was lost; see whether the server is still running, and talk again"))

    def say(self, message: duplex.ClientMessage) -> None:
        if self._transport is not None:
            self._transport.send(WSMsgType.TEXT, encode(message))

    def sound(self, pcm: bytes) -> None:
        if self._transport is not None:
            self._transport.send(WSMsgType.BINARY, pcm)

    def _end(self, error: Closed | None) -> None:
        if not self._gone.done():
            self._gone.set_result(None)
            self._transport = None
            self._hearer.ended(error)


@asynccontextmanager
async def there(hearer: Hearer, url: str, token: str | None = None) -> AsyncIterator[Line]:
    """A line to the server at `url` (`http://127.0.0.1:8006` or a whole `ws://…/ws/duplex/{id}`).

    Raises ConfigError for what is no address, BackendUnavailable when nobody answers or we are refused.
    """
    address = _address(url)
    headers = {"Authorization": f"Bearer {token}"} if token else None
    try:
        async with asyncio.timeout(CONNECT_S):
            transport, line = await ws_connect(
                lambda: _There(hearer), address, extra_headers=headers, max_frame_size=MESSAGE_BYTES, max_redirects=0
            )
    except (OSError, TimeoutError) as error:
        # What the loop writes into the error repeats the address; a name that is not found has a number of its own.
        number = error.errno or 0
        why = os.strerror(number) if number > 0 else error.strerror or "nobody answers"
        raise BackendUnavailable(f"no conversation at {address}: {why}; is the server running?") from error
    except WSError as error:
        why = str(error) or type(error).__name__
        if why.endswith("received 401"):
            why = "the server does not know us; put a token into VIVAVOCE_TOKEN (`vivavoce token create --role user`)"
        raise BackendUnavailable(f"no conversation at {address}: {why}") from error
    assert isinstance(line, _There)
    try:
        yield line
    finally:
        transport.disconnect()
        await transport.wait_disconnected()


def _address(url: str) -> str:
    scheme, found, rest = url.partition("://")
    if not found:
        scheme, rest = "http", url
    if scheme not in ("http", "https", "ws", "wss") or not rest:
        raise ConfigError(f"--url {url}: an address begins with http://, https://, ws:// or wss://")
    scheme = {"http": "ws", "https": "wss"}.get(scheme, scheme)
    host, _, path = rest.partition("/")
    return f"{scheme}://{host}/{path}" if path else f"{scheme}://{host}/ws/duplex/{session_id()}"
