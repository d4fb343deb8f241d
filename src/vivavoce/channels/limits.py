"""How much a peer may send, and how fast. Numbers are defaults; app/settings may change them.

A limit that is reached is a named error, never a silent loss of the connection.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChannelLimits:
    """Of one protocol. `resume_burst` is what may come at once after a resume (30 s of kept sound)."""

    message_bytes: int
    bytes_per_s: int
    burst_bytes: int
    resume_burst_bytes: int
    pictures_per_s: float = 2.0
    early_bytes: int = 64_000
    """Sound kept while the session is being opened; older sound is dropped."""


DUPLEX = ChannelLimits(
    message_bytes=1 << 20,
    bytes_per_s=96 << 10,
    burst_bytes=2 * (96 << 10),
    resume_burst_bytes=32 * (96 << 10),
)
STREAMING = ChannelLimits(
    message_bytes=8 << 20,
    bytes_per_s=4 << 20,
    burst_bytes=2 * (4 << 20),
    resume_burst_bytes=2 * (4 << 20),
    early_bytes=8 << 20,
)
LIVE = ChannelLimits(
    message_bytes=64 << 10,
    bytes_per_s=16 << 10,
    burst_bytes=64 << 10,
    resume_burst_bytes=0,
)

STOPS_PER_S = 20.0
"""`stop` and `interrupt` are never in the way of what else is sent; of more than these a second they count as that."""


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """Of every WebSocket."""

    first_message_s: float = 10.0
    ping_s: float = 30.0
    """Idle for this long is pinged; idle for twice as long is dead."""
    errors: int = 20
    errors_within_s: float = 10.0
    send_buffer_bytes: int = 256 << 10
    kernel_buffer_bytes: int = 64 << 10
    """Left to itself the kernel takes megabytes for a peer that does not read, and we would not notice."""
    blocked_s: float = 5.0
    """A send buffer over its size for this long means that nobody reads: the socket is cut."""
    linger_s: float = 2.0
    """How long a closed socket waits for the other side's close before it is cut."""
    connections: int = 15_000


@dataclass(frozen=True, slots=True)
class CensusLimits:
    """Of all connections of this process together, HTTP and WebSocket."""

    connections: int = 15_000
    strangers: int = 500
    """Connections over which nobody has shown yet who they are."""
    per_address: int = 200
    """Of one address; this machine itself and trusted proxies are not counted."""


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Of every connection until it is a WebSocket's. Nothing that is served takes a body of more than a small JSON."""

    head_bytes: int = 16 << 10
    """Request line and header fields."""
    fields: int = 100
    head_s: float = 10.0
    """From the connection, or the first byte after a request, to the end of the head."""
    body_bytes: int = 256 << 10
    body_bytes_per_s: int = 1 << 10
    body_look_s: float = 10.0
    """How often the speed of a body is looked at."""
    blocked_s: float = 30.0
    """An answer of which nothing is taken for this long is cut; browsers pause downloads for seconds."""
    linger_s: float = 2.0
    """How long a refused connection is read, and what comes forgotten, so that the peer reads the answer."""


class Allowance:
    """A token bucket: `rate` per second, up to `burst` at once. Starts full."""

    __slots__ = ("_at", "_burst", "_level", "_rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._at = now

    def take(self, amount: float, now: float) -> bool:
        """Whether `amount` is within the allowance; taken only when it is."""
        level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now
        if amount > level:
            self._level = level
            return False
        self._level = level - amount
        return True

    def grant(self, amount: float) -> None:
        """Once, on top of the burst."""
        self._level += amount
        self._burst = max(self._burst, self._level)


class ErrorWindow:
    """Counts errors; `full` when `limit` of them lie within `seconds`."""

    __slots__ = ("_moments", "_seconds")

    def __init__(self, limit: int, seconds: float) -> None:
        self._moments: deque[float] = deque(maxlen=limit)
        self._seconds = seconds

    def add(self, now: float) -> bool:
        """Count one more. True when the window is full."""
        self._moments.append(now)
        return len(self._moments) == self._moments.maxlen and now - self._moments[0] <= self._seconds
