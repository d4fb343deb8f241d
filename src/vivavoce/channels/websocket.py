"""WebSockets of the gateway: picows frames them, uvicorn accepts them, on one port with HTTP.

uvicorn hands a request with `Upgrade: websocket` to a protocol class of our choice: it makes one, calls
`connection_made`, passes the request's bytes to `data_received`, then gives it the transport. picows'
protocol takes a buffer instead of bytes, so `_Protocol` copies the request over; all later data goes
straight into picows' buffer. That and two more habits of both libraries are pinned by tests.

Callbacks are synchronous: frame → message → connection → channel → session. No task is switched on this path.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final

from picows import (
    WSAutoPingStrategy,
    WSCloseCode,
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
)
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # not in its stubs

from vivavoce import aio
from vivavoce.channels.access import Access
from vivavoce.channels.connection import Connection
from vivavoce.channels.contract import Channel
from vivavoce.channels.limits import ChannelLimits, SocketLimits
from vivavoce.channels.metrics import Metrics
from vivavoce.channels.problems import MEDIA_TYPE, details
from vivavoce.channels.readiness import Readiness
from vivavoce.wire.base import PROTOCOL

SESSION_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

_FRAME_HEAD: Final = 14
"""Bytes of the longest frame header."""
_NO_FRAME_LIMIT: Final = 1 << 62
"""picows answers a frame over its own limit with a bare close; ours is told by name before (see `took`)."""
_FIRST_BUFFER: Final = 4_096
"""Bytes of a connection's read buffer; it doubles for messages that need more, and stays so."""

_framing = logging.getLogger("vivavoce.picows")
_framing.setLevel(logging.WARNING)  # below, picows logs peers' addresses
# An adapter is no Logger, so that picows does not make a child logger for each connection.
_FRAMING_LOG: Final = logging.LoggerAdapter(_framing)


@dataclass(frozen=True, slots=True)
class Route:
    """`/prefix/{session_id}`: how a channel is made for one connection."""

    prefix: str
    limits: ChannelLimits
    open: Callable[[Connection, str], Channel]


class Gateway(AbstractAsyncContextManager["Gateway"]):
    """All WebSockets of this process, and the owner of their tasks. `protocol` is what uvicorn's `ws` takes."""

    def __init__(
        self,
        routes: Sequence[Route],
        access: Access,
        readiness: Readiness,
        metrics: Metrics,
        limits: SocketLimits | None = None,
    ) -> None:
        self._routes = tuple(routes)
        self._access = access
        self._readiness = readiness
        self.metrics = metrics
        self.limits = limits or SocketLimits()
        self._group = asyncio.TaskGroup()
        self._open: set[_Listener] = set()
        self._empty = asyncio.Event()

    def __len__(self) -> int:
        """Open sockets."""
        return len(self._open)

    async def __aenter__(self) -> Gateway:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what is still open with 1012, wait at most the linger for it, end every task."""
        for listener in tuple(self._open):
            listener.connection.fail("restarting", "this server is going down", retryable=True)
        if self._open:
            self._empty.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self.limits.linger_s + 0.5):
                    await self._empty.wait()
        await self._group.__aexit__(kind, error, trace)

    def protocol(self, config: object, server_state: object, app_state: object, _loop: object = None) -> WSProtocol:
        """One connection's protocol, made as uvicorn makes it."""
        return _Protocol(self)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run `work` until the gateway ends."""
        return aio.spawn(self._group, work, name)

    def admit(self, request: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
        """Answer an upgrade: 101 with a listener, or an HTTP error with its reason."""
        refusal = self._refusal(request)
        if isinstance(refusal, WSUpgradeResponse):
            self.metrics.refused(refusal.status)
            return WSUpgradeResponseWithListener(refusal, None)
        route, session_id = refusal
        # Firefox sends `keep-alive, Upgrade`; picows looks for the one word. uvicorn has checked the list.
        request.headers["Connection"] = "Upgrade"
        offered = [
            word.strip() for line in request.headers.getall("Sec-WebSocket-Protocol", ()) for word in line.split(",")
        ]
        chosen = {"Sec-WebSocket-Protocol": PROTOCOL} if PROTOCOL in offered else None
        response = WSUpgradeResponse.create_101_response(chosen)
        return WSUpgradeResponseWithListener(response, _Listener(self, route, session_id))

    def opened(self, listener: _Listener) -> None:
        self._open.add(listener)
        self.metrics.sockets(listener.route.prefix, +1)

    def lost(self, listener: _Listener) -> None:
        if listener in self._open:
            self._open.discard(listener)
            if not self._open:
                self._empty.set()
            self.metrics.sockets(listener.route.prefix, -1)

    def _refusal(self, request: WSUpgradeRequest) -> WSUpgradeResponse | tuple[Route, str]:
        headers = request.headers
        if reason := self._access.refusal(headers.getall("Host", ()), headers.getall("Origin", ())):
            return _problem(HTTPStatus.FORBIDDEN, "forbidden", reason)
        path = request.path.decode("latin-1").partition("?")[0]
        for route in self._routes:
            if path.startswith(route.prefix):
                session_id = path[len(route.prefix) :]
                break
        else:
            return _problem(HTTPStatus.NOT_FOUND, "not_found", "there is no WebSocket at this path")
        if not SESSION_ID.fullmatch(session_id):
            return _problem(HTTPStatus.NOT_FOUND, "not_found", "a session id has 1–64 of A–Z a–z 0–9 _ -")
        if not self._readiness.open:
            return _problem(
                HTTPStatus.SERVICE_UNAVAILABLE, self._readiness.phase, self._readiness.what, retry_after_s=2
            )
        if len(self._open) >= self.limits.connections:
            return _problem(HTTPStatus.SERVICE_UNAVAILABLE, "overloaded", "too many connections", retry_after_s=5)
        return route, session_id


def _problem(status: HTTPStatus, code: str, detail: str, retry_after_s: int | None = None) -> WSUpgradeResponse:
    headers = {"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store"}
    if retry_after_s is not None:
        headers["Retry-After"] = str(retry_after_s)
    response: WSUpgradeResponse = WSUpgradeResponse.create_error_response(
        status, details(status, code, detail), headers
    )
    return response


class _Protocol(WSProtocol):  # type: ignore[misc]  # a Cython class
    """picows' protocol as uvicorn wants it, with a bound on what may come without the end of a message."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(
            None,  # host and port, path: of clients only
            None,
            False,  # is_client_side
            gateway.admit,
            _FRAMING_LOG,
            True,  # disconnect_on_exception
            None,  # handshake timeout: the request is already here
            True,  # auto ping: idle time, reply time, when
            gateway.limits.ping_s,
            gateway.limits.ping_s,
            WSAutoPingStrategy.PING_WHEN_IDLE,
            True,  # auto pong
            _NO_FRAME_LIMIT,
            None,  # extra headers: of clients only
            _FIRST_BUFFER,
        )

    def data_received(self, data: bytes) -> None:
        """The upgrade request, from uvicorn."""
        while data:
            room = self.get_buffer(len(data))
            taken = min(len(room), len(data))
            room[:taken] = data[:taken]
            super().buffer_updated(taken)
            data = data[taken:]

    def buffer_updated(self, nbytes: int) -> None:
        listener = self.listener
        if listener is None:
            super().buffer_updated(nbytes)
            return
        listener.pending += nbytes
        super().buffer_updated(nbytes)
        # `on_ws_frame` has set `pending` to what lies behind the last whole frame.
        if listener.pending > listener.largest + _FRAME_HEAD:
            listener.overrun(self)


class _Discard(asyncio.Protocol):
    """Stands in for a protocol whose peer is in the middle of a message that nobody wants.

    Closing at once would reset the connection, and the peer would never read why.
    """

    def __init__(self, protocol: WSProtocol) -> None:
        self._protocol = protocol

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.connection_lost(exc)


class _Listener(WSListener):
    """Frames of one connection into messages; also its transport, as `Connection` wants it."""

    def __init__(self, gateway: Gateway, route: Route, session_id: str) -> None:
        self._gateway = gateway
        self.route = route
        self._session_id = session_id
        self.largest = route.limits.message_bytes
        self.pending = 0
        self._parts: list[bytes] = []
        self._parts_bytes = 0
        self._parts_kind = WSMsgType.TEXT
        self._linger: asyncio.TimerHandle | None = None

    # ── picows ────────────────────────────────────────────────────────────────────────────────────

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        limits = self._gateway.limits
        wire = transport.underlying_transport
        wire.set_write_buffer_limits(limits.send_buffer_bytes, limits.send_buffer_bytes // 2)
        wire.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.kernel_buffer_bytes)
        self.connection = Connection(self, limits, self._gateway.metrics, self._gateway.spawn)
        self.connection.channel = self.route.open(self.connection, self._session_id)
        self._gateway.opened(self)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        self.pending = frame.tail_size
        kind = frame.msg_type
        whole = frame.fin and not self._parts and not (frame.rsv1 or frame.rsv2 or frame.rsv3)
        if kind == WSMsgType.BINARY and whole:
            if frame.payload_size > self.largest:
                self.connection.too_large(self.largest)
            else:
                self.connection.received_binary(frame.get_payload_as_bytes())
        elif kind == WSMsgType.CLOSE:
            self._goodbye(frame)
        elif kind not in (WSMsgType.PING, WSMsgType.PONG):
            self._assemble(frame)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if self._linger is not None:
            self._linger.cancel()
        self._gateway.lost(self)
        self.connection.lost()

    def pause_writing(self) -> None:
        self.connection.blocked()

    def resume_writing(self) -> None:
        self.connection.unblocked()

    # ── messages ──────────────────────────────────────────────────────────────────────────────────

    def overrun(self, protocol: WSProtocol) -> None:
        """More bytes than a message may have, and no end of it: say so, then read on without keeping anything."""
        self.connection.too_large(self.largest)
        if not self._transport.is_disconnected:
            self._transport.underlying_transport.set_protocol(_Discard(protocol))

    def _assemble(self, frame: WSFrame) -> None:
        continued = frame.msg_type == WSMsgType.CONTINUATION
        if frame.rsv1 or frame.rsv2 or frame.rsv3 or continued != bool(self._parts):
            # No extension was agreed, and fragments of two messages do not mix (RFC 6455 §5.2, §5.4).
            self.connection.close(1002, "protocol error")
            return
        self._parts_bytes += frame.payload_size
        if self._parts_bytes > self.largest or len(self._parts) >= 1_024:
            self._forget()
            self.connection.too_large(self.largest)
            return
        if not continued:
            self._parts_kind = frame.msg_type
        self._parts.append(frame.get_payload_as_bytes())
        if frame.fin:
            message = b"".join(self._parts)
            self._forget()
            if self._parts_kind == WSMsgType.TEXT:
                self.connection.received_text(message)
            else:
                self.connection.received_binary(message)

    def _forget(self) -> None:
        self._parts = []
        self._parts_bytes = 0

    def _goodbye(self, frame: WSFrame) -> None:
        if not self._transport.is_close_frame_sent:
            self.connection.closing = True
            number = frame.get_close_code()
            # A close without a number must not be answered with that "number".
            self._transport.send_close(WSCloseCode.OK if number == WSCloseCode.NO_INFO else number)
            # Its last words may lie behind much that the peer does not read.
            self._cut_later()
        self._transport.disconnect()

    # ── as a transport ────────────────────────────────────────────────────────────────────────────

    def send_text(self, data: bytes) -> None:
        self._transport.send(WSMsgType.TEXT, data)

    def send_binary(self, data: bytes) -> None:
        self._transport.send(WSMsgType.BINARY, data)

    def close(self, code: int, reason: str) -> None:
        self._transport.send_close(WSCloseCode(code), reason)
        self._cut_later()

    def cut(self) -> None:
        self._transport.disconnect(False)

    def _cut_later(self) -> None:
        self._linger = asyncio.get_running_loop().call_later(self._gateway.limits.linger_s, self.cut)

    def buffered(self) -> int:
        return int(self._transport.underlying_transport.get_write_buffer_size())
