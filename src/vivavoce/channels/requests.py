"""HTTP requests below the application: how large one may be, and how long it may take to come.

uvicorn bounds neither: a head of any size is collected, and a connection that says nothing, or stops in the middle
of a request, is kept for ever. Here every byte that is awaited has a deadline and every byte that is kept a bound.
What this relies on in uvicorn's protocol (its callbacks, and that `send_400_response` ends every parser error) is
pinned by tests over real sockets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, Literal, Protocol, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from vivavoce.channels import request_id
from vivavoce.channels.census import Census
from vivavoce.channels.cork import Cork
from vivavoce.channels.limits import HttpLimits
from vivavoce.channels.problems import MEDIA_TYPE, Problem, problem_of
from vivavoce.errors import Refused

_PIECE: Final = 4_096
"""Bytes given to the parser at once. It does not tell how far it got, so a bound holds to within one piece."""


class Upgrades(Protocol):
    """Who answers requests for a WebSocket: the gateway."""

    def ask(self, protocol: HttpProtocol, scope: Any, target: bytes) -> asyncio.Task[None]:
        """Look who it is, then call `upgrade` or `refuse` of the protocol, once. Cancelled when the peer has gone."""
        ...


class _Refused(Exception):
    """Raised through the parser, which ends in `send_400_response`."""


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol with bounds. One timer: for a head, then for its body; between requests it is uvicorn's.

    Nearly every request comes whole in one piece, so timers are armed only when a piece ends in the middle of one.
    """

    def __init__(
        self,
        limits: HttpLimits,
        census: Census,
        upgrades: Upgrades,
        config: Any,
        server_state: Any,
        app_state: Any,
        _loop: Any = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = limits
        self._census = census
        self._upgrades = upgrades
        self._leave: Callable[[], None] | None = None
        self._stranger = True
        self._asking: asyncio.Task[None] | None = None
        self._due: asyncio.TimerHandle | None = None
        self._blocked: asyncio.TimerHandle | None = None
        self._part: Literal["between", "head", "body"] = "between"
        self._bytes = 0
        """Of this part, as they came."""
        self._awaited: Literal["between", "head", "body"] = "between"
        """The part that the timer is for."""
        self._trailers = 0
        self._seen = 0
        """`_bytes` when the body was looked at last."""
        self._refusal = Problem(HTTPStatus.BAD_REQUEST, "bad_request", "this is no HTTP request")
        self._ended = False

    # ── the connection ────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._cork = Cork(transport, self.loop)
        self.transport = cast(asyncio.Transport, self._cork)
        try:
            self._leave = self._census.enter(self, self.client[0] if self.client else "")
        except Refused as error:
            request_id.name_request()
            self.refuse(problem_of(error))
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self.resume_writing()
        if self._asking is not None:
            self._asking.cancel()
        if self._leave is not None:
            self._leave()
            self._leave = None
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        """Nothing is read until it is known who it is; what a peer sends before it was answered waits in the kernel."""
        self._disarm()
        self._ended = True
        request_id.name_request()
        self.transport.pause_reading()
        self._asking = self._upgrades.ask(self, self.scope, self.url)

    def upgrade(self, admitted: Any) -> None:
        """The connection is another protocol's from here on, which gets `admitted`, and our place in the census."""
        self._asking = None
        self._census.introduced(self)
        self.transport = self._cork.transport
        self.app_state = {"admitted": admitted, "leave": self._leave}
        self._leave = None
        super().handle_websocket_upgrade()
        self.transport.resume_reading()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._blocked is None:
            self._blocked = self.loop.call_later(self._limits.blocked_s, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._blocked is not None:
            self._blocked.cancel()
            self._blocked = None

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), _PIECE):
            if self._ended or self.transport.is_closing():
                return  # what a peer sends after its refusal is not kept
            piece = data[start : start + _PIECE]
            self._bytes += len(piece)
            super().data_received(piece)
            self._bound()
        if self._part != self._awaited or self._part == "between":
            self._arm()

    # ── the parser ────────────────────────────────────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        self._part = "head"
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._part == "head":
            super().on_header(name, value)
            return
        # A chunked body's trailer: nobody here reads one, and among the fields of the head it would be a disguise.
        self._trailers += 1
        if self._trailers > self._limits.fields:
            self._refusal = _head_too_large(f"a trailer may have {self._limits.fields} fields")
            raise _Refused

    def on_headers_complete(self) -> None:
        """Exact bounds of the head; `_bound` has kept what came before from growing without end."""
        limits, headers = self._limits, self.headers
        if len(headers) > limits.fields:
            self._refusal = _head_too_large(f"a request may have {limits.fields} header fields")
            raise _Refused
        kept = len(self.url) + sum([len(name) + len(value) + 4 for name, value in headers])
        if kept > limits.head_bytes:
            self._refusal = _head_too_large(f"the head of a request may have {limits.head_bytes} bytes")
            raise _Refused
        self._part = "body"
        self._bytes = self._seen = self._trailers = 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._part = "between"
        self._bytes = 0
        super().on_message_complete()

    # ── bounds ────────────────────────────────────────────────────────────────────────────────────

    def _bound(self) -> None:
        """What the parser keeps without telling: a field whose end does not come."""
        limits = self._limits
        if self._ended:
            return
        if self._part == "body" and self._bytes > limits.body_bytes + _PIECE:
            detail = f"the body of a request may have {limits.body_bytes} bytes"
            self.refuse(Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", detail))
        elif self._part != "body" and self._bytes > limits.head_bytes + _PIECE:
            self.refuse(_head_too_large(f"the head of a request may have {limits.head_bytes} bytes"))

    def _arm(self) -> None:
        """The timer for what is awaited now, which is another part than before."""
        self._disarm()
        self._awaited = self._part
        if self._ended or self.transport.is_closing():
            return
        if self._part == "body":
            self._due = self.loop.call_later(self._limits.body_look_s, self._look_at_body)
        elif self._part == "head" or not self._answering:
            # uvicorn's timer between requests has ended with these bytes, whether they begin a request or not.
            self._await_head()

    def _await_head(self) -> None:
        self._due = self.loop.call_later(self._limits.head_s, self._head_is_late)

    def _head_is_late(self) -> None:
        self._due = None
        if self.flow.read_paused:  # it is we who do not read on
            self._await_head()
        elif self._part == "head":
            detail = f"a request comes within {self._limits.head_s:g} s"
            self.refuse(Problem(HTTPStatus.REQUEST_TIMEOUT, "too_slow", detail))
        else:
            self.transport.close()  # browsers open connections in advance, and are told nothing about those

    def _look_at_body(self) -> None:
        limits = self._limits
        slow = self._bytes - self._seen < limits.body_bytes_per_s * limits.body_look_s
        if slow and not self.flow.read_paused:
            detail = f"the body of a request comes at {limits.body_bytes_per_s} bytes a second or more"
            self.refuse(Problem(HTTPStatus.REQUEST_TIMEOUT, "too_slow", detail))
        else:
            self._seen = self._bytes
            self._due = self.loop.call_later(limits.body_look_s, self._look_at_body)

    # ── the end ───────────────────────────────────────────────────────────────────────────────────

    @property
    def _answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # which is None before the first request
        return cycle is not None and not cycle.response_complete

    def send_400_response(self, msg: str) -> None:
        """The parser met what is no HTTP, or raised what a callback of ours raised."""
        self.refuse(self._refusal)

    def refuse(self, problem: Problem) -> None:
        """Answer, and let go of the connection."""
        self._disarm()
        self._ended = True
        self._asking = None
        if self._answering:
            self.transport.close()  # another answer is on its way: nothing may stand in the middle of it
            return
        body = problem.body
        lines = [
            f"HTTP/1.1 {problem.status.value} {problem.status.phrase}",
            f"Content-Type: {MEDIA_TYPE}",
            f"Content-Length: {len(body)}",
            *(f"{name}: {value}" for name, value in problem.headers.items()),
            f"{request_id.HEADER}: {request_id.current.get()}",
            "Cache-Control: no-store",
            "X-Content-Type-Options: nosniff",
            "Connection: close",
        ]
        self.transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        # Closing at once would reset the connection of a peer that is still sending, and it would never read why.
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.transport.resume_reading()
        self._due = self.loop.call_later(self._limits.linger_s, self.transport.abort)

    # ── for the census ────────────────────────────────────────────────────────────────────────────

    @property
    def idle(self) -> bool:
        return self._part == "between" and not self._answering and not self._ended

    def let_go(self) -> None:
        self.transport.close()

    def on_response_complete(self) -> None:
        self._cork.flush()
        if self._stranger and self.cycle.scope.get("state", {}).get("principal") is not None:
            self._stranger = False
            self._census.introduced(self)
        super().on_response_complete()

    def _disarm(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None


def _head_too_large(detail: str) -> Problem:
    return Problem(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "head_too_large", detail)
