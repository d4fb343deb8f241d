"""Playout: the pace at which a reply's sound leaves, and how much of it has been played. Times are given, in seconds.

The first sound leaves at once, up to `lead_ms` ahead of real time, so that a network hiccup is not heard; the rest
follows at the speed it is played, so that a stop has little to take back. Two clocks are kept apart:

- the *pace* says what may leave. It begins with the first sound and is begun anew only when the *source* ran dry
  and the listener with it. When it was the loop that stood still, everything owed leaves at the next call: the
  playout is never late for ever.
- the *ear* says what has been played: a listener who plays at once and waits when there is nothing. Where the client
  reports, its reports are believed instead; they know of its buffers, the ear can only guess.

Everything sent lately is kept, so that a lost connection can be resumed from the last sound heard.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from vivavoce.audio.pcm import SAMPLE_BYTES
from vivavoce.errors import BadAudio, LimitReached, WrongOrder

Piece = tuple[int, bytes]
"""Sound to send: its offset in the reply in samples, and PCM."""

REPORT_REACH_S: Final = 0.25
"""A client's report is carried on by the clock for so long; then the position waits for the next one."""
REPORT_SILENCE_S: Final = 2.0
"""A client that made no progress for so long after the expected end is taken to have played everything; in the middle
of a reply, for so long, its maker goes by the ear."""
KEPT_S: Final = 3.0
"""Sent sound kept for `rewind`: the lead, a client's own buffer, and the time until a lost line is noticed."""
PIECE_S: Final = 0.5
"""The longest piece: after a stall several leave, none larger than a message may be."""
BACKLOG_S: Final = 300.0
"""Sound made ahead of its pace. Speech of a whole reply fits; what is longer ends with LimitReached."""

_NOTHING: Final[tuple[Piece, ...]] = ()


class Playout:
    """The playout of one session, one reply at a time. `due` is called every frame for each that speaks."""

    __slots__ = (
        "_ear",
        "_ear_at",
        "_ear_dry_at",
        "_frame",
        "_held_at",
        "_kept_from",
        "_lead",
        "_length",
        "_origin",
        "_pushed",
        "_rate",
        "_reply",
        "_reported",
        "_reported_at",
        "_sent",
        "_sound",
        "_source_dry",
    )

    def __init__(self, rate: int, lead_ms: int = 160, frame_ms: int = 20) -> None:
        self._rate = rate
        self._lead = rate * lead_ms // 1000
        self._frame = rate * frame_ms // 1000
        self._reply: int | None = None
        self._clear()

    def _clear(self) -> None:
        self._sound = bytearray()
        """Samples `_kept_from` to `_pushed`."""
        self._kept_from = 0
        self._pushed = 0
        self._sent = 0
        self._length: int | None = None
        self._origin: float | None = None
        """When sample 0 would have been played, had the listener never waited since the pace began."""
        self._source_dry = False
        self._held_at: float | None = None
        self._ear = 0.0
        self._ear_at = 0.0
        self._ear_dry_at: float | None = None
        self._reported: float | None = None
        self._reported_at = 0.0

    # ── what comes in ─────────────────────────────────────────────────────────────────────────

    def begin(self, reply: int, now: float) -> None:
        """A new reply; nothing of an older one is left. Its pace begins with its first sound, not now."""
        self._clear()
        self._reply = reply
        self._ear_at = now

    def push(self, offset: int, pcm: bytes) -> None:
        """Sound from sample `offset` of the reply. What was pushed before is skipped, so a source may repeat itself.

        Raises WrongOrder for a gap or without a reply, BadAudio for half a sample, LimitReached past `BACKLOG_S`.
        """
        if self._reply is None or self._length is not None:
            raise WrongOrder("sound of a reply that has not begun or has ended")
        if len(pcm) % SAMPLE_BYTES:
            raise BadAudio(f"{len(pcm)} bytes are no whole number of 16-bit samples")
        if offset > self._pushed:
            raise WrongOrder(f"sound at sample {offset} leaves a gap after {self._pushed}")
        fresh = pcm[(self._pushed - offset) * SAMPLE_BYTES :] if offset < self._pushed else pcm
        self._sound += fresh
        self._pushed += len(fresh) // SAMPLE_BYTES
        if self.backlog > BACKLOG_S * self._rate:
            raise LimitReached(f"a reply is more than {BACKLOG_S:.0f} s ahead of its playout")

    def end(self, length: int) -> None:
        """All sound is there: `length` samples. Raises WrongOrder when that is not what was pushed."""
        if self._reply is None:
            raise WrongOrder("the end of a reply that has not begun")
        if length != self._pushed:
            raise WrongOrder(f"a reply of {length} samples of which {self._pushed} came")
        self._length = length

    def played(self, ms: float, now: float) -> None:
        """The client reports `ms` of the reply played. Never above what was sent, never less than before."""
        if self._reply is None or not ms >= 0:
            return
        position = min(ms * self._rate / 1000, float(self._sent))
        if self._reported is None or position > self._reported:
            self._reported = position
            self._reported_at = now

    # ── what goes out ─────────────────────────────────────────────────────────────────────────

    def due(self, now: float) -> Sequence[Piece]:
        """What must be sent now, in order: whole frames, and the rest of the reply once its end is known."""
        ready = self._pushed - self._sent
        if ready == 0 or (ready < self._frame and self._length is None):
            # The listener may run dry now, and then the pace begins anew with the next sound.
            self._source_dry = True
            return _NOTHING
        if self._held_at is not None:
            return _NOTHING
        if self._origin is None:
            self._origin = now
        elif self._source_dry:
            self._origin = max(self._origin, now - self._sent / self._rate)
        self._source_dry = False
        # Half a sample of grace: sums of 20 ms must not fall short of a frame by a rounding error.
        owed = int((now - self._origin) * self._rate + 0.5) + self._lead - self._sent
        if owed < ready or self._length is None:
            owed = min(owed, ready)
            owed -= owed % self._frame
        else:
            owed = ready
        if owed <= 0:
            return _NOTHING
        return self._take(owed, now)

    def _take(self, count: int, now: float) -> list[Piece]:
        self._listen(now)
        self._ear_dry_at = None
        limit = max(self._frame, int(PIECE_S * self._rate) // self._frame * self._frame)
        pieces: list[Piece] = []
        stop = self._sent + count
        while self._sent < stop:
            size = min(limit, stop - self._sent)
            at = (self._sent - self._kept_from) * SAMPLE_BYTES
            pieces.append((self._sent, bytes(self._sound[at : at + size * SAMPLE_BYTES])))
            self._sent += size
        surplus = self._sent - self._kept_from - int(KEPT_S * self._rate)
        if surplus > 0:
            del self._sound[: surplus * SAMPLE_BYTES]
            self._kept_from += surplus
        return pieces

    def hold(self, now: float) -> None:
        """Nothing leaves until `release`; the client holds too, so its position stands."""
        if self._held_at is None:
            self._listen(now)
            self._held_at = now

    def release(self, now: float) -> None:
        """Go on at the very sample where it was held."""
        if self._held_at is None:
            return
        since = now - self._held_at
        if self._origin is not None:
            self._origin += since
        self._reported_at = min(self._reported_at + since, now)
        if self._ear_dry_at is not None:
            self._ear_dry_at += since
        self._ear_at = now
        self._held_at = None

    def flush(self) -> None:
        """Forget what was not sent; nothing is due any more until the next `begin`."""
        self._clear()
        self._reply = None

    def rewind(self, now: float) -> int:
        """A new connection goes on from where the reply was last heard; that sample (or the oldest still kept).

        What was sent after it is due again, at once and then at its pace. Hold while there is no connection,
        or the ear goes on hearing.
        """
        at = max(self._kept_from, int(self._position(now)))
        self._sent = at
        self._ear, self._ear_at, self._ear_dry_at = float(at), now, None
        self._origin = now - at / self._rate
        if self._held_at is not None:
            self._held_at = now
        self._source_dry = False
        self._reported = None
        return at

    # ── where it is ───────────────────────────────────────────────────────────────────────────

    @property
    def reply(self) -> int | None:
        """The reply being played, or None."""
        return self._reply

    @property
    def held(self) -> bool:
        return self._held_at is not None

    @property
    def sent(self) -> int:
        """Samples sent."""
        return self._sent

    @property
    def backlog(self) -> int:
        """Samples pushed but not sent."""
        return self._pushed - self._sent

    def position_ms(self, now: float) -> float:
        """How much of the reply has been played: by the client's reports if it makes any, else by the ear.

        Never above what was sent. A report that is behind the carried-on one before it takes the position back.
        """
        return self._position(now) * 1000 / self._rate

    def progress_ms(self, now: float) -> float:
        """How far the reply has come, for whoever makes it: the position, or the ear's once the client has made no
        progress for `REPORT_SILENCE_S`. A client that falls silent or reports nonsense must not stop the making.
        """
        if self._reported is not None and self._held_at is None and now - self._reported_at > REPORT_SILENCE_S:
            self._listen(now)
            return max(self._ear, self._position(now)) * 1000 / self._rate
        return self.position_ms(now)

    def finished(self, now: float) -> bool:
        """Everything was made, sent and, as far as one can know, played."""
        if self._reply is None or self._length is None or self._sent < self._length:
            return False
        self._listen(now)
        if self._ear < self._length:
            return self._reported is not None and self._reported >= self._length - self._frame
        if self._reported is None or self._reported >= self._length - self._frame:
            return True
        expected = self._ear_at if self._ear_dry_at is None else self._ear_dry_at
        return self._held_at is None and now - max(expected, self._reported_at) > REPORT_SILENCE_S

    def _position(self, now: float) -> float:
        if self._reported is None:
            self._listen(now)
            return self._ear
        moment = now if self._held_at is None else self._held_at
        carried = min(max(0.0, moment - self._reported_at), REPORT_REACH_S) * self._rate
        return min(self._reported + carried, float(self._sent))

    def _listen(self, now: float) -> None:
        """Let the ear hear what it could have heard until `now`."""
        if self._held_at is not None or now <= self._ear_at:
            return
        left = self._sent - self._ear
        could = (now - self._ear_at) * self._rate
        if could >= left - 0.5:  # half a sample: the sum of many steps must not miss the end
            if self._ear_dry_at is None:
                self._ear_dry_at = self._ear_at + left / self._rate
            self._ear = float(self._sent)
        else:
            self._ear += could
        self._ear_at = now
