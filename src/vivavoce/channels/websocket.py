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
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
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
from vivavoce.channels.connection import Connection
from vivavoce.channels.contract import Channel
from vivavoce.channels.door import Caller, Door, Head, Socket, plain_path
from vivavoce.channels.limits import ChannelLimits, SocketLimits
from vivavoce.channels.metrics import Metrics
from vivavoce.channels.problems import Problem, problem_of
from vivavoce.channels.readiness import Readiness
from vivavoce.channels.requests import HttpProtocol
from vivavoce.errors import Missing, Refused, Unauthorised, VivavoceError
from vivavoce.wire.base import PROTOCOL

SESSION_ID: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")

_FRAME_HEAD: Final = 14
"""Bytes of the longest frame header."""
_NO_FRAME_LIMIT: Final = 1 << 62
"""picows answers a frame over its own limit with a bare close; ours is told by name before (see `took`)."""
_FIRST_BUFFER: Final = 4_096
"""Bytes of a connection's read buffer; it doubles for messages that need more, and stays so."""

_REVOKED: Final = "signed out, or the rights have changed: sign in again"

_log = logging.getLogger(__name__)
_framing = logging.getLogger("vivavoce.picows")
_framing.setLevel(logging.WARNING)  # below, picows logs peers' addresses
# An adapter is no Logger, so that picows does not make a child logger for each connection.
_FRAMING_LOG: Final = logging.LoggerAdapter(_framing)


@dataclass(frozen=True, slots=True)
class Route:
    """How a channel is made for one connection, and who may have one.

    A path that ends with a slash is followed by a session id; any other is the whole one.
    """

    path: str
    rule: Socket
    limits: ChannelLimits
    open: Callable[[Connection, str], Channel]


@dataclass(frozen=True, slots=True)
class Admitted:
    """A WebSocket that may be opened. `leave` is called once, when it is gone, for the count of those at once."""

    route: Route
    session_id: str
    caller: Caller
    leave: Callable[[], None]


class Gateway(AbstractAsyncContextManager["Gateway"]):
    """All WebSockets of this process, and the owner of their tasks. `protocol` is what uvicorn's `ws` takes."""

    def __init__(
        self,
        routes: Sequence[Route],
        door: Door,
        readiness: Readiness,
        metrics: Metrics,
        limits: SocketLimits | None = None,
    ) -> None:
        self._routes = tuple(routes)
        self._door = door
        self._readiness = readiness
        self.metrics = metrics
        self.limits = limits or SocketLimits()
        self._group = asyncio.TaskGroup()
        self._asking: set[asyncio.Task[None]] = set()
        self._revocations: deque[tuple[int, str, str | None]] = deque(maxlen=1_024)
        self._heard = 0
        """Revocations so far."""
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
        for task in tuple(self._asking):
            task.cancel()
        for listener in tuple(self._open):
            listener.connection.fail("restarting", "this server is going down", retryable=True)
        if self._open:
            self._empty.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self.limits.linger_s + 0.5):
                    await self._empty.wait()
        await self._group.__aexit__(kind, error, trace)

    def protocol(
        self, config: object, server_state: object, app_state: dict[str, Any], _loop: object = None
    ) -> WSProtocol:
        """One connection's protocol, made as uvicorn makes it."""
        return _Protocol(self, app_state["admitted"], app_state["leave"])

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run `work` until the gateway ends."""
        return aio.spawn(self._group, work, name)

    def revoked(self, user: str, sign_in: str | None) -> None:
        """Close the sockets of that sign-in, or of all of the user's (`accounts.revocation.Revocations.watch`)."""
        self._heard += 1
        self._revocations.append((self._heard, user, sign_in))
        for listener in tuple(self._open):
            if _concerns(listener.connection.caller, user, sign_in):
                listener.connection.fail("token_revoked", _REVOKED)

    # ── upgrades ──────────────────────────────────────────────────────────────────────────────────

    def ask(self, protocol: HttpProtocol, scope: Mapping[str, Any], target: bytes) -> asyncio.Task[None]:
        """Answer a request for a WebSocket: the other protocol, or an HTTP error with its reason."""
        task = self.spawn(self._answer(protocol, scope, target), "upgrade")
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)
        return task

    async def _answer(self, protocol: HttpProtocol, scope: Mapping[str, Any], target: bytes) -> None:
        try:
            admitted = await self._admit(scope, target)
        except Problem as refusal:
            problem = refusal
        except VivavoceError as error:
            problem = problem_of(error)
        except Exception:  # noqa: BLE001 — supervisor of the connection
            _log.exception("a fault of ours refuses an upgrade")
            problem = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "a fault on our side")
        else:
            protocol.upgrade(admitted)
            return
        self.metrics.refused(problem.status)
        protocol.refuse(problem)

    async def _admit(self, scope: Mapping[str, Any], target: bytes) -> Admitted:
        """Raises Problem or VivavoceError."""
        head = Head(scope["headers"])
        peer = scope["client"][0] if scope["client"] else ""
        place = self._door.arrived(head, peer, scope["scheme"])
        path = plain_path(target)
        route, session_id = self._route(path)
        if not self._readiness.open:
            raise Refused(self._readiness.what, code=self._readiness.phase, retry_after_s=2)
        if len(self._open) >= self.limits.connections:
            raise Refused("too many connections", code="overloaded", retry_after_s=5)
        heard = self._heard
        caller = await self._door.admit_upgrade(route.rule, head, place, path)
        # Said while we asked who it is: nobody would say it again to the socket that opens now.
        if any(number > heard and _concerns(caller, user, one) for number, user, one in self._revocations):
            raise Unauthorised(_REVOKED, code="token_revoked")
        leave = self._door.rates.enter(route.rule.limit, caller.address, caller.user)
        return Admitted(route, session_id, caller, leave)

    def _route(self, path: str) -> tuple[Route, str]:
        for route in self._routes:
            if path == route.path and not path.endswith("/"):
                return route, ""
            if route.path.endswith("/") and path.startswith(route.path):
                session_id = path[len(route.path) :]
                if not SESSION_ID.fullmatch(session_id):
                    raise Missing("a session id has 8–64 of A–Z a–z 0–9 _ -")
                return route, session_id
        raise Missing("there is no WebSocket at this path")

    def accept(self, request: WSUpgradeRequest, admitted: Admitted) -> WSUpgradeResponseWithListener:
        """101 with a listener, for a request that was admitted."""
        # Firefox sends `keep-alive, Upgrade`; picows looks for the one word. uvicorn has checked the list.
        request.headers["Connection"] = "Upgrade"
        offered = [
            word.strip() for line in request.headers.getall("Sec-WebSocket-Protocol", ()) for word in line.split(",")
        ]
        chosen = {"Sec-WebSocket-Protocol": PROTOCOL} if PROTOCOL in offered else None
        response = WSUpgradeResponse.create_101_response(chosen)
        return WSUpgradeResponseWithListener(response, _Listener(self, admitted))

    # ── open sockets ──────────────────────────────────────────────────────────────────────────────

    def opened(self, listener: _Listener) -> None:
        self._open.add(listener)
        self.metrics.sockets(listener.route.path, +1)

    def lost(self, listener: _Listener) -> None:
        if listener in self._open:
            self._open.discard(listener)
            if not self._open:
                self._empty.set()
            self.metrics.sockets(listener.route.path, -1)


def _concerns(caller: Caller, user: str, sign_in: str | None) -> bool:
    principal = caller.principal
    return principal is not None and principal.user == user != "" and sign_in in (None, principal.sign_in)


class _Protocol(WSProtocol):  # type: ignore[misc]  # a Cython class
    """picows' protocol as uvicorn wants it, with a bound on what may come without the end of a message."""

    def __init__(self, gateway: Gateway, admitted: Admitted, leave: Callable[[], None]) -> None:
        self._leave = (admitted.leave, leave)
        super().__init__(
            None,  # host and port, path: of clients only
            None,
            False,  # is_client_side
            lambda request: gateway.accept(request, admitted),
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

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for leave in self._leave:
            leave()

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

    def __init__(self, gateway: Gateway, admitted: Admitted) -> None:
        self._gateway = gateway
        self.route = admitted.route
        self._session_id = admitted.session_id
        self._caller = admitted.caller
        self.largest = admitted.route.limits.message_bytes
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
        self.connection = Connection(self, limits, self._gateway.metrics, self._gateway.spawn, self._caller)
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
