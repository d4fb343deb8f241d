"""The load client: N people who talk to one server over WebSockets, in one process.

Each sends a frame of 20 ms every 20 ms from the moment it is connected: quiet noise, then the phrase, noise
again until the reply has been played. Response time is from the last frame of speech sent to the first byte of
the reply. With `barge` each turn is interrupted once, 0.7 s into its reply.

Two dialects: Vivavoce's `/ws/duplex` (`hello`, 8 bytes of header, `played` reports as a browser sends them), and
raw PCM without any message, which the peers' servers here speak.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

FRAME = 640
PHRASE = Path(__file__).with_name("phrase.pcm")
HELLO = '{"type":"prepare","input":{"codec":"pcm16","rate":16000},"output":{"codec":"pcm16","rate":%d},"language":"en"}'
LEAD, TAIL = 30, 25  # frames of quiet before the phrase and after the reply
NO_REPLY_S, SHORT_REPLY_S = 6.0, 4.0

mono = time.monotonic


@dataclass(slots=True)
class Load:
    """What all people of a run share."""

    url: str
    people: int
    out_rate: int = 16_000
    reply_s: float = 3.0
    barge_after_s: float | None = None
    vivavoce: bool = True
    tokens: tuple[str, ...] = ()
    """One of each person; without them they are guests, of whom nothing is kept."""
    steady_turns: float = 3.0
    phrase: list[bytes] = field(default_factory=list)
    noise: list[bytes] = field(default_factory=list)
    stop_at: float = float("inf")

    def __post_init__(self) -> None:
        speech = PHRASE.read_bytes()
        self.phrase = [speech[start : start + FRAME] for start in range(0, len(speech), FRAME)]
        quiet = np.random.default_rng(7).normal(0, 8, 320 * 251).astype("<i2").tobytes()
        self.noise = [quiet[start : start + FRAME] for start in range(0, len(quiet), FRAME)]

    @property
    def period_s(self) -> float:
        """About how long a turn takes."""
        phrase = len(self.phrase) * 0.02
        turn = LEAD * 0.02 + phrase + 0.62 + self.reply_s + TAIL * 0.02
        return turn if self.barge_after_s is None else turn + self.barge_after_s + phrase + 0.62


@dataclass(slots=True)
class Turn:
    kind: str
    speech_end: float = 0.0
    first: float | None = None
    received: int = 0
    late: float = 0.0
    barge_start: float = 0.0
    barge_last: float | None = None
    outcome: str = ""
    stop_ms: float | None = None
    duck_ms: float | None = None

    @property
    def response_ms(self) -> float | None:
        return None if self.first is None or not self.speech_end else (self.first - self.speech_end) * 1000


class Person(WSListener):  # type: ignore[misc]  # a Cython class
    """One conversation, a small state machine moved by its own 20 ms clock."""

    def __init__(self, number: int, load: Load) -> None:
        self.load = load
        self.number = number
        self.turns: list[Turn] = []
        self.turn: Turn | None = None
        self.state = "idle"
        self.step = 0
        self.start_at = float("inf")
        self.done = asyncio.Event()
        self.gone = False
        self.reply = 0
        self.stray = 0
        self.stale = 0
        self.flushed = 0
        self.ticks = self.late_ticks = 0
        self.worst_tick = 0.0
        self._noise = number * 37 % len(load.noise)
        self._header = 8 if load.vivavoce else 0

    # ── the socket ────────────────────────────────────────────────────────────────────────────

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        if self.load.vivavoce:
            transport.send(WSMsgType.TEXT, (HELLO % self.load.out_rate).encode())

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.gone = True
        if self.turn is not None and self.state != "idle":
            self._finish("closed")

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.BINARY and frame.payload_size > self._header:
            self._sound(frame)
        elif frame.msg_type == WSMsgType.TEXT and self.load.vivavoce:
            self._message(frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()

    def _message(self, data: bytes) -> None:
        if b'"flush"' in data:
            self.flushed = max(self.flushed, int(json.loads(data)["reply"]))
        elif b'"duck"' in data and self.turn is not None and self.state == "barge" and self.turn.duck_ms is None:
            self.turn.duck_ms = (mono() - self.turn.barge_start) * 1000

    def _sound(self, frame: WSFrame) -> None:
        moment = mono()
        size = frame.payload_size - self._header
        turn = self.turn
        if self.load.vivavoce:
            self.reply = int.from_bytes(frame.get_payload_as_bytes()[:4], "big")
            self.stale += self.reply <= self.flushed
        if turn is None or self.state in ("idle", "lead"):
            self.stray += size
        elif self.state == "speech":
            turn.outcome = "early"
        elif self.state == "barge":
            turn.barge_last = moment
        else:
            if turn.first is None:
                turn.first = moment
            else:
                lag = moment - turn.first - turn.received / (2 * self.load.out_rate)
                turn.late = max(turn.late, lag)
            turn.received += size

    # ── the clock ─────────────────────────────────────────────────────────────────────────────

    def begin_ticking(self, at: float) -> None:
        self._next = at
        asyncio.get_running_loop().call_later(max(0.0, at - mono()), self._tick)

    def _tick(self) -> None:
        if self.gone:
            self.done.set()
            return
        moment = mono()
        late = moment - self._next
        self.ticks += 1
        self.late_ticks += late > 0.010
        self.worst_tick = max(self.worst_tick, late)
        while self._next <= moment + 0.0005:
            self.transport.send(WSMsgType.BINARY, self._frame(moment))
            if self.load.vivavoce and self.ticks % 10 == 0:
                self._report(moment)
            self._next += 0.020
        asyncio.get_running_loop().call_later(max(0.0, self._next - mono()), self._tick)

    def _report(self, moment: float) -> None:
        turn = self.turn
        if turn and turn.first and self.state in ("wait", "barge"):
            ms = int(1000 * min(moment - turn.first, turn.received / (2 * self.load.out_rate)))
            self.transport.send(WSMsgType.TEXT, b'{"type":"played","reply":%d,"ms":%d}' % (self.reply, ms))

    def _frame(self, moment: float) -> bytes:
        match self.state:
            case "idle":
                if moment >= self.start_at and not self.done.is_set():
                    self._begin("turn")
            case "lead":
                self.step += 1
                if self.step > LEAD:
                    self.state, self.step = "speech", 0
            case "tail":
                self._tail(moment)
            case "wait":
                if frame := self._wait(moment):
                    return frame
            case "barge":
                return self._barge(moment)
        return self._speak(moment) if self.state == "speech" else self._quiet()

    def _quiet(self) -> bytes:
        self._noise = (self._noise + 1) % len(self.load.noise)
        return self.load.noise[self._noise]

    def _begin(self, kind: str) -> None:
        self.turn = Turn(kind)
        self.state, self.step = "lead", 0

    def _speak(self, moment: float) -> bytes:
        frame = self.load.phrase[self.step]
        self.step += 1
        if self.step >= len(self.load.phrase):
            assert self.turn is not None
            self.state, self.turn.speech_end = "wait", moment
        return frame

    def _wait(self, moment: float) -> bytes | None:
        turn, load = self.turn, self.load
        assert turn is not None
        if turn.first is None:
            if moment - turn.speech_end > NO_REPLY_S:
                self._finish("no_reply")
        elif load.barge_after_s is not None and turn.kind == "turn":
            if moment >= turn.first + load.barge_after_s:
                turn.barge_start = moment
                self.state, self.step = "barge", 1
                return load.phrase[0]
        elif turn.received >= load.reply_s * load.out_rate * 2 * 0.99 and moment >= turn.first + load.reply_s - 0.02:
            self._finish(turn.outcome or "ok")
        elif moment > turn.first + load.reply_s + SHORT_REPLY_S:
            self._finish("short_reply")
        return None

    def _barge(self, moment: float) -> bytes:
        turn = self.turn
        assert turn is not None
        frame = self.load.phrase[self.step]
        self.step += 1
        if self.step >= len(self.load.phrase):
            last = turn.barge_last
            turn.stop_ms = (last - turn.barge_start) * 1000 if last else 0.0
            turn.outcome = "ok" if last is None or moment - last > 0.2 else "not_interrupted"
            self.turns.append(turn)
            self._begin("after_barge")
            self.turn.speech_end = moment  # type: ignore[union-attr]
            self.state = "wait"
        return frame

    def _tail(self, moment: float) -> None:
        self.step += 1
        if self.step >= TAIL:
            if moment >= self.load.stop_at:
                self.state = "idle"
                self.done.set()
            else:
                self._begin("turn")

    def _finish(self, outcome: str) -> None:
        assert self.turn is not None
        self.turn.outcome = outcome
        self.turns.append(self.turn)
        self.turn = None
        self.state, self.step = "tail", 0


def _usage(processes: list[psutil.Process]) -> tuple[float, int]:
    seconds, memory = 0.0, 0
    for process in processes:
        times = process.cpu_times()
        seconds += times.user + times.system
        memory += process.memory_info().rss
    return seconds, memory


async def run(load: Load, server: int) -> dict[str, Any]:
    """Play the load against the server of process id `server`; the figures."""
    root = psutil.Process(server)
    processes = [root, *root.children(recursive=True)]
    idle_memory = _usage(processes)[1]
    people = []
    for number in range(load.people):
        person = Person(number, load)
        people.append(person)
        url = load.url.replace("{sid}", f"load-{number:04d}")
        shown = {"Authorization": f"Bearer {load.tokens[number]}"} if load.tokens else None
        await ws_connect(lambda person=person: person, url, max_frame_size=1 << 20, extra_headers=shown)
        base = mono() + 0.02
        person.begin_ticking(base + ((number / load.people) * 0.02 - base) % 0.02)
        await asyncio.sleep(0.02)
    await asyncio.sleep(1.0)
    began = mono()
    for number, person in enumerate(people):
        person.start_at = began + number / load.people * load.period_s
    load.stop_at = began + (1 + load.steady_turns) * load.period_s
    await asyncio.sleep(load.period_s)
    cpu, _ = _usage(processes)
    me, mine = psutil.Process(), _usage([psutil.Process()])[0]
    window = mono()
    await asyncio.sleep(max(0.0, load.stop_at - mono()))
    window = mono() - window
    cpu_after, memory = _usage(processes)
    own = (_usage([me])[0] - mine) / window
    await asyncio.wait({asyncio.ensure_future(p.done.wait()) for p in people}, timeout=40)  # noqa: TID251
    figures = _figures(load, people)
    for person in people:
        person.transport.disconnect()
    return figures | {
        "cpu_percent": 100 * (cpu_after - cpu) / window,
        "cpu_ms_per_session_s": 1000 * (cpu_after - cpu) / window / load.people,
        "mb_per_session": (memory - idle_memory) / 1e6 / load.people,
        "rss_mb": memory / 1e6,
        "client_cpu_percent": 100 * own,
        "client_late_ticks": sum(p.late_ticks for p in people) / max(1, sum(p.ticks for p in people)),
        "client_worst_tick_ms": 1000 * max(p.worst_tick for p in people),
    }


def _figures(load: Load, people: list[Person]) -> dict[str, Any]:
    turns = [turn for person in people for turn in person.turns]
    good = [turn for turn in turns if turn.outcome == "ok"]
    outcomes: dict[str, int] = {}
    for turn in turns:
        outcomes[turn.outcome] = outcomes.get(turn.outcome, 0) + 1
    plain = [turn for turn in good if turn.kind == "turn" and load.barge_after_s is None]
    response = [turn.response_ms for turn in good if turn.response_ms is not None and turn.kind == "turn"]
    figures: dict[str, Any] = {
        "people": load.people,
        "barge": load.barge_after_s is not None,
        "turns": len(turns),
        "ok": len(good),
        "outcomes": outcomes,
        "stale_pieces": sum(person.stale for person in people),
        **_quantiles("response_ms", response),
        **_quantiles("late_ms", [turn.late * 1000 for turn in plain]),
    }
    if load.barge_after_s is not None:
        figures |= _quantiles("stop_ms", [turn.stop_ms for turn in good if turn.stop_ms is not None])
        figures |= _quantiles("duck_ms", [turn.duck_ms for turn in good if turn.duck_ms is not None])
    return figures


def _quantiles(name: str, values: list[float]) -> dict[str, float | None]:
    if not values:
        return {f"{name}_{part}": None for part in ("p50", "p95", "p99", "max")}
    cuts = np.percentile(values, [50, 95, 99, 100])
    return dict(zip((f"{name}_{part}" for part in ("p50", "p95", "p99", "max")), map(float, cuts), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="{sid} is replaced by a session id")
    parser.add_argument("--people", type=int, required=True)
    parser.add_argument("--server", type=int, required=True, help="process id")
    parser.add_argument("--turns", type=float, default=3.0)
    parser.add_argument("--barge", action="store_true")
    parser.add_argument("--tokens", type=Path, help="a file with a token of each person, one a line")
    parser.add_argument("--raw", action="store_true", help="raw PCM without messages")
    options = parser.parse_args()
    barge = 0.7 if options.barge else None
    load = Load(
        options.url,
        options.people,
        barge_after_s=barge,
        vivavoce=not options.raw,
        tokens=tuple(options.tokens.read_text().split()) if options.tokens else (),
        steady_turns=options.turns,
    )
    json.dump(uvloop.run(run(load, options.server)), sys.stdout)


if __name__ == "__main__":
    main()
