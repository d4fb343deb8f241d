"""The reply as it is performed: paced out frame by frame, held, flushed, and how much of it was heard.

One per session, one reply at a time. The engine tells it what the view made and what the client reported;
it sends the sound when it is due and tells in the end which words were heard.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from vivavoce import aio
from vivavoce.conversation.heard import HeardLedger
from vivavoce.conversation.outputs import (
    EndReason,
    Hold,
    Output,
    Release,
    ReplyAudio,
    ReplyAudioEnd,
    ReplyDone,
    ReplyText,
)
from vivavoce.conversation.playout import Playout

LAST_REPORT_S = 0.3
"""After a flush the client's last report of what was played is waited for so long."""
SELF_REPORT_S = 0.5
"""Without a report of the client for so long the sample clock reports: the maker of a reply must not wait for ever."""


Made = ReplyText | ReplyAudio | ReplyAudioEnd | Hold | Release


@dataclass(slots=True)
class _Piece:
    """The reply on stage."""

    number: int
    ledger: HeardLedger
    length: int = 0
    end: EndReason = "completed"
    flushed: EndReason | None = None
    flushed_ms: float = 0.0
    sent_ms: float = 0.0
    """How much had left when it was flushed: no last report goes beyond that."""
    told: float = 0.0


class Performance:
    """See the head of the module.

    `send` takes due sound; `on_done` is called once for each reply, and whether it was heard whole;
    `on_progress(reply, ms)` now and then, so that the maker of the reply knows what room there is. `owner` is
    the session's own future: a fault in a call of the ticker or a timer ends the session that awaits it.
    """

    __slots__ = (
        "_holds",
        "_on_done",
        "_on_progress",
        "_piece",
        "_playout",
        "_rate",
        "_reports",
        "_send",
        "_settle",
        "_settled",
        "_tick",
        "_ticker",
    )

    def __init__(
        self,
        rate: int,
        lead_ms: int,
        ticker: aio.Ticker,
        send: Callable[[Output], None],
        on_done: Callable[[ReplyDone, bool], None],
        on_progress: Callable[[int, float], None],
        owner: asyncio.Future[None],
    ) -> None:
        self._rate = rate
        self._ticker = ticker
        self._send = send
        self._on_done = on_done
        self._on_progress = on_progress
        self._playout = Playout(rate, lead_ms)
        self._piece: _Piece | None = None
        self._holds: set[str] = set()
        self._settle: asyncio.TimerHandle | None = None
        self._reports = False
        self._tick = aio.carrying(owner, self._pump)
        self._settled = aio.carrying(owner, self.finish)

    @property
    def playing(self) -> bool:
        """A reply is on, or its end is being settled."""
        return self._piece is not None

    def so_far(self) -> tuple[int, float, str] | None:
        """The reply that sounds: its number, ms played, and the words heard of it."""
        piece = self._piece
        if piece is None or piece.flushed:
            return None
        ms = self._playout.position_ms(aio.now())
        return piece.number, ms, piece.ledger.heard(ms)

    def close(self) -> None:
        """Leave nothing scheduled."""
        self._ticker.remove(self._tick)
        if self._settle is not None:
            self._settle.cancel()
            self._settle = None

    # ── the making ────────────────────────────────────────────────────────────────────────────

    def begin(self, reply: int) -> None:
        """A new reply; an older one ends here."""
        self.finish("interrupted")
        self._piece = _Piece(reply, HeardLedger(self._rate))
        now = aio.now()
        self._holds.discard("view")
        self._playout.begin(reply, now)
        if self._holds:
            self._playout.hold(now)
        self._ticker.add(self._tick)

    def take(self, output: Made) -> None:
        """What was made for the reply, and what is to happen to it: done, and passed on to the client in its place.

        Nothing passes of a reply that is not on any more, but for sound it is not sent before its time.
        """
        match output:
            case Hold():
                self.hold("view")
                self._send(output)
            case Release():
                self._send(output)
                self.release("view")
            case _:
                piece = self._current(output.reply)
                if piece is not None:
                    self._add(piece, output)

    def _add(self, piece: _Piece, output: ReplyText | ReplyAudio | ReplyAudioEnd) -> None:
        match output:
            case ReplyText(delta=delta, at=at):
                start = piece.length
                piece.length += len(delta)
                piece.ledger.text(delta)
                if at is not None:
                    piece.ledger.timing(start, piece.length, at)
                self._send(output)
                return
            case ReplyAudio(offset=offset, pcm=pcm):
                self._playout.push(offset, pcm)
            case ReplyAudioEnd(length=length, reason=reason):
                piece.end = reason
                piece.ledger.end(length)
                self._playout.end(length)
        self._pump(aio.now())

    # ── the playing ───────────────────────────────────────────────────────────────────────────

    def hold(self, why: str) -> None:
        """Nothing leaves while there is a reason to hold."""
        self._holds.add(why)
        self._playout.hold(aio.now())

    def release(self, why: str) -> None:
        """Go on at the very sample, when no other reason is left."""
        self._holds.discard(why)
        if not self._holds:
            now = aio.now()
            self._playout.release(now)
            self._pump(now)

    def rewind(self) -> None:
        """A new connection goes on from the sound heard last."""
        if self._playout.reply is not None:
            self._playout.rewind(aio.now())

    def played(self, reply: int, ms: float) -> None:
        """The client has played so much."""
        piece = self._piece
        if piece is None or reply != piece.number:
            return
        self._reports = True
        if piece.flushed:
            piece.flushed_ms = max(piece.flushed_ms, min(ms, piece.sent_ms))
            return
        now = aio.now()
        self._playout.played(ms, now)
        self._tell(piece, now)

    def flush(self, reply: int, reason: EndReason, *, attached: bool) -> str:
        """Stop it. The words heard as far as one can know now; `on_done` follows when the client has told."""
        piece = self._current(reply)
        if piece is None:
            return ""
        piece.flushed = reason
        piece.flushed_ms = self._playout.position_ms(aio.now())
        piece.sent_ms = self._playout.sent * 1000 / self._rate
        self._playout.flush()
        self._holds.discard("view")
        self._ticker.remove(self._tick)
        heard = piece.ledger.heard(piece.flushed_ms)
        if self._reports and attached:
            self._settle = asyncio.get_running_loop().call_later(LAST_REPORT_S, self._settled, reason)
        else:
            self.finish(reason)
        return heard

    def finish(self, reason: EndReason) -> None:
        """The reply is over now, if there is one: tell what was heard of it."""
        piece, self._piece = self._piece, None
        if piece is None:
            return
        self.close()
        ms = piece.flushed_ms if piece.flushed else self._playout.position_ms(aio.now())
        self._playout.flush()
        reason = piece.flushed or reason
        whole = not piece.flushed and reason in ("completed", "limit", "failed")
        heard = piece.ledger.heard(float("inf") if whole else ms)
        self._on_done(ReplyDone(piece.number, reason, round(ms), heard), whole)

    def _current(self, reply: int) -> _Piece | None:
        """The reply of that number, while it may still sound. Nothing older leaves the process."""
        piece = self._piece
        return piece if piece is not None and piece.number == reply and not piece.flushed else None

    def _pump(self, now: float) -> None:
        """Send what is due. Called each frame while a reply is on."""
        piece = self._piece
        if piece is None or piece.flushed:
            return
        for offset, pcm in self._playout.due(now):
            self._send(ReplyAudio(piece.number, offset, pcm))
        if self._playout.finished(now):
            self.finish(piece.end)
        elif now - piece.told >= SELF_REPORT_S:
            self._tell(piece, now)

    def _tell(self, piece: _Piece, now: float) -> None:
        piece.told = now
        self._on_progress(piece.number, self._playout.progress_ms(now))
