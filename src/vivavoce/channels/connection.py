"""One WebSocket's life between the framing below and the channel above, and the supervisor of both.

Everything a peer does wrong ends here as one `error` message, and a close when the code asks for it
(docs/protocol.md). A fault of ours is logged, answered with `internal`, and ends this socket only.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from vivavoce.accounts.principal import guest
from vivavoce.aio import now
from vivavoce.channels.contract import Channel, Transport
from vivavoce.channels.door import Caller
from vivavoce.channels.limits import ErrorWindow, SocketLimits
from vivavoce.channels.metrics import Metrics
from vivavoce.conversation.outputs import Output
from vivavoce.errors import Refused, VivavoceError
from vivavoce.wire.base import AudioFrame, Error, Message, encode
from vivavoce.wire.codes import close_code, known

_log = logging.getLogger(__name__)

Spawn = Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]

_TOO_FAST_EVERY_S: Final = 0.25
"""A flood is told of itself this often, so that a burst costs a few errors and five seconds of it the socket."""


IN_PROCESS: Final = Caller(guest(), "127.0.0.1")
"""Who talks without a socket: the person at this machine's own terminal."""


class Connection:
    """Timers, the error budget, the send buffer's bound, and closing. `channel` is set before the first message."""

    channel: Channel

    def __init__(
        self,
        transport: Transport,
        limits: SocketLimits,
        metrics: Metrics,
        spawn: Spawn,
        caller: Caller = IN_PROCESS,
    ) -> None:
        self.caller = caller
        self._transport = transport
        self._limits = limits
        self.metrics = metrics
        self._spawn = spawn
        self._errors = ErrorWindow(limits.errors, limits.errors_within_s)
        self._too_fast_told = float("-inf")
        self._timer: asyncio.TimerHandle | None = self._later(limits.first_message_s, self._silent)
        self._blocked: asyncio.TimerHandle | None = None
        self.closing = False

    # ── from below ────────────────────────────────────────────────────────────────────────────────

    def received_text(self, data: bytes) -> None:
        """A whole text message."""
        self._receive(self.channel.text, data)

    def received_binary(self, data: bytes) -> None:
        """A whole binary message."""
        self._receive(self.channel.sound, data)

    def too_large(self, limit: int) -> None:
        """More than `limit` bytes came without the end of a message."""
        self.fail("message_too_large", f"a message may have {limit} bytes")

    def blocked(self) -> None:
        """The send buffer has grown over its size."""
        if self._blocked is None and not self.closing:
            self._blocked = self._later(self._limits.blocked_s, self._cut_slow)

    def unblocked(self) -> None:
        """The peer reads again."""
        if self._blocked is not None:
            self._blocked.cancel()
            self._blocked = None

    def lost(self) -> None:
        """The socket is gone, whoever ended it."""
        self.closing = True
        self._disarm()
        self.unblocked()
        try:
            self.channel.closed()
        except Exception:  # noqa: BLE001 — supervisor of the connection
            _log.exception("a channel failed while it was closed")

    # ── from above ────────────────────────────────────────────────────────────────────────────────

    def deliver(self, say: Callable[[Output], None], output: Output) -> None:
        """Hand an output of the session to its channel. Never raises: a fault there is not the session's."""
        if self.closing:
            return
        try:
            self.metrics.observe(output)
            say(output)
        except Exception:  # noqa: BLE001 — supervisor of the connection
            self._fault()

    def send(self, message: Message) -> None:
        """One text message; nothing after the close."""
        self.send_encoded(encode(message))

    def send_encoded(self, message: bytes) -> None:
        """The same for a message that goes to many."""
        if not self.closing:
            self._transport.send_text(message)
            self._check_buffer()

    def send_sound(self, reply: int, offset: int, audio: bytes) -> None:
        """Sound of a reply, `offset` in samples of the output rate; nothing after the close."""
        if not self.closing:
            self._transport.send_binary(bytes(AudioFrame(reply, offset, audio)))
            self._check_buffer()

    def fail(
        self,
        code: str,
        message: str,
        *,
        retryable: bool = False,
        fatal: bool | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        """Tell the peer, and close when the error is fatal (by its code, unless told)."""
        if self.closing:
            return
        code = known(code)
        number = close_code(code)
        fatal = number is not None if fatal is None else fatal
        moment = now()
        self.metrics.error(code)
        if code == "too_fast":
            if moment - self._too_fast_told < _TOO_FAST_EVERY_S:
                return
            self._too_fast_told = moment
        self.send(Error(code, message, retryable, fatal, retry_after_s))
        if fatal:
            self.close(1011 if number is None else number, code)
        elif self._errors.add(moment):
            window = f"{self._limits.errors} errors in {self._limits.errors_within_s:g} s"
            self.fail("too_many_errors", window)

    def fail_with(self, error: VivavoceError) -> None:
        """The same, for one of our own exceptions."""
        wait = error.retry_after_s if isinstance(error, Refused) else None
        self.fail(error.code, error.message or str(error), retryable=error.retryable, retry_after_s=wait)

    def close(self, code: int, reason: str) -> None:
        """Say goodbye. Idempotent."""
        if self.closing:
            return
        self.closing = True
        self._disarm()
        self.unblocked()
        self._transport.close(code, reason)

    def spawn(self, work: Callable[[], Coroutine[Any, Any, None]], name: str) -> asyncio.Task[None]:
        """Work for this socket; its fault ends the socket, not its neighbours."""
        return self._spawn(self._supervised(work), name)

    # ── inside ────────────────────────────────────────────────────────────────────────────────────

    def _receive(self, take: Callable[[bytes], None], data: bytes) -> None:
        if self.closing:
            return
        if self._timer is not None:
            self._disarm()
        try:
            take(data)
        except VivavoceError as error:
            self.fail_with(error)
        except Exception:  # noqa: BLE001 — supervisor of the connection
            self._fault()

    async def _supervised(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        # Called here, not before: a task that is cancelled before it starts leaves no coroutine behind.
        try:
            await work()
        except VivavoceError as error:
            self.fail_with(error)
        except Exception:  # noqa: BLE001 — supervisor of the connection
            self._fault()

    def _fault(self) -> None:
        _log.exception("a fault of ours ends this connection")
        self.fail("internal", "a fault on our side", retryable=True)

    def _silent(self) -> None:
        self._timer = None
        self.fail("first_message_timeout", f"no message within {self._limits.first_message_s:g} s")

    def _check_buffer(self) -> None:
        # Between the mark at which the transport warns and the cut five seconds later a fast session
        # could still fill memory; four times the size is the end at once.
        if self._transport.buffered() > 4 * self._limits.send_buffer_bytes:
            self._cut_slow()

    def _cut_slow(self) -> None:
        self._blocked = None
        if self.closing:
            return
        self.metrics.error("slow_client")
        self.closing = True
        self._disarm()
        # The named error and the close number would lie behind everything that the peer does not read.
        self._transport.send_text(encode(Error("slow_client", "nothing was read for too long", True, True)))
        self._transport.close(1008, "slow_client")
        self._transport.cut()

    def _later(self, seconds: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(seconds, call)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
