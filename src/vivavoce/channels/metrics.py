"""What is counted: own Prometheus registry, bounded labels, nothing that names or quotes a person.

Outputs are observed where a channel sends them. What happens with every frame is a plain integer here and
becomes a sample only when somebody asks: a lock per frame would cost more than the frame.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from vivavoce import aio
from vivavoce.channels.tallies import Asked, Timings
from vivavoce.conversation.outputs import Flush, Output, QueueDone, ReplyDone, TurnMetrics
from vivavoce.inference.policies import Measured

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_RESPONSE_S: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
_STAGE_S: Final = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2.0, 5.0, 10.0)
_REQUEST_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_DATABASE_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5)
_STATUSES: Final = ("1xx", "2xx", "3xx", "4xx", "5xx")
_LAG_S: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0)
_LAG_EVERY_S: Final = 0.1


class Metrics(Collector):
    """All metrics of this process. Methods are called on the loop and cost at most a few microseconds."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.sound_in_bytes = 0
        """PCM at 16 kHz that was handed to sessions."""
        self.sound_out_seconds = 0.0
        self._response = Histogram(
            "vivavoce_response_seconds",
            "End of speech to the first sound of the reply",
            buckets=_RESPONSE_S,
            registry=registry,
        )
        self._stage = Histogram(
            "vivavoce_stage_seconds", "Length of a stage of a turn", ["stage"], buckets=_STAGE_S, registry=registry
        )
        self._queue = Histogram(
            "vivavoce_queue_wait_seconds", "Wait for a slot", buckets=(0.01, 0.1, 1, 5, 15, 60, 300), registry=registry
        )
        self._sockets = Gauge("vivavoce_sockets_open", "Open WebSockets", ["channel"], registry=registry)
        self._sessions = Gauge("vivavoce_sessions", "Sessions, also those kept for a resume", registry=registry)
        self._errors = Counter("vivavoce_errors_total", "Errors told to peers", ["code"], registry=registry)
        self._refused = Counter("vivavoce_upgrades_refused_total", "Refused upgrades", ["status"], registry=registry)
        self._limited = Counter(
            "vivavoce_rate_limited_total", "Requests beyond a limit", ["route_class"], registry=registry
        )
        self._replies = Counter("vivavoce_replies_total", "Replies by how they ended", ["reason"], registry=registry)
        self._barge_ins = Counter("vivavoce_barge_ins_total", "Replies cut by the user's voice", registry=registry)
        self._lag = Histogram("vivavoce_loop_lag_seconds", "How late the loop is", buckets=_LAG_S, registry=registry)
        self._gc = Histogram(
            "vivavoce_gc_pause_seconds", "Garbage collections", ["generation"], buckets=_LAG_S, registry=registry
        )
        self._backend = Histogram(
            "vivavoce_backend_seconds",
            "Calls of back-ends, to the first piece and to the end",
            ["port", "backend", "outcome", "part"],
            buckets=_STAGE_S,
            registry=registry,
        )
        self._requests = Timings(
            "vivavoce_http_seconds", "HTTP requests, to the end of the answer", ("route_class", "status"), _REQUEST_S
        )
        self._statements = Timings(
            "vivavoce_database_statement_seconds", "Statements of the database", ("kind",), _DATABASE_S
        )
        self._waits = Timings(
            "vivavoce_database_wait_seconds",
            "Wait for a connection; on SQLite also for the turn to write",
            ("for",),
            _DATABASE_S,
        )
        self._asked: list[Asked] = []
        registry.register(self)
        self._observers: dict[type, Callable[[Any], None]] = {
            TurnMetrics: self._turn,
            QueueDone: self._waited,
            ReplyDone: self._reply,
            Flush: self._flush,
        }

    def render(self) -> bytes:
        """The text format that Prometheus reads."""
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Metric]:
        """What is kept as plain numbers."""
        heard = self.sound_in_bytes / 2 / 16_000
        yield CounterMetricFamily("vivavoce_sound_in_seconds", "Sound heard from users", value=heard)
        yield CounterMetricFamily("vivavoce_sound_out_seconds", "Sound of replies sent", value=self.sound_out_seconds)
        for timings in (self._requests, self._statements, self._waits):
            yield timings.family()
        for asked in self._asked:
            yield asked.family()

    def ask(self, *asked: Asked) -> None:
        """Show these too; they are asked at each scrape, and must not wait or fail."""
        self._asked.extend(asked)

    # ── observed ──────────────────────────────────────────────────────────────────────────────────

    def observe(self, output: Output) -> None:
        """What a session said."""
        if observer := self._observers.get(type(output)):
            observer(output)

    def error(self, code: str) -> None:
        """`code` is one of wire.codes, so the label is bounded."""
        self._errors.labels(code).inc()

    def request(self, route_class: str, status: int, seconds: float) -> None:
        """An HTTP request was answered. `route_class` is that of its limit, or `none` when it was refused before."""
        self._requests.add(seconds, (route_class, _STATUSES[status // 100 - 1]))

    def statement(self, kind: str, seconds: float) -> None:
        """The database has answered one (the observer of storage/database_times.py)."""
        self._statements.add(seconds, (kind,))

    def waited(self, what: str, seconds: float) -> None:
        """So long somebody waited for a connection, for `reading` or for `writing`."""
        self._waits.add(seconds, (what,))

    def refused(self, status: int) -> None:
        self._refused.labels(str(int(status))).inc()

    def limited(self, route_class: str) -> None:
        """A request was refused for its number."""
        self._limited.labels(route_class).inc()

    def sockets(self, prefix: str, change: int) -> None:
        self._sockets.labels(prefix.rstrip("/").rpartition("/")[2]).inc(change)

    def sessions(self, count: Callable[[], int]) -> None:
        """`count` is asked at each scrape."""
        self._sessions.set_function(count)

    def measured(self, request: Measured) -> None:
        """A request to a back-end has ended (the observer of inference/wrappers)."""
        labels = request.port, request.backend, request.outcome
        if request.first_s is not None:
            self._backend.labels(*labels, "first").observe(request.first_s)
        self._backend.labels(*labels, "whole").observe(request.whole_s)

    def _turn(self, output: TurnMetrics) -> None:
        self._response.observe(output.response_ms / 1000)
        for stage in output.stages:
            self._stage.labels(stage.name).observe((stage.end - stage.start) / 1000)

    def _waited(self, output: QueueDone) -> None:
        self._queue.observe(output.waited_ms / 1000)

    def _reply(self, output: ReplyDone) -> None:
        self._replies.labels(output.reason).inc()

    def _flush(self, output: Flush) -> None:
        if output.reason == "interrupted":
            self._barge_ins.inc()

    # ── this process ──────────────────────────────────────────────────────────────────────────────

    async def watch(self) -> None:
        """Sample the loop's lag and time collections, until cancelled."""
        began = 0.0

        def collection(phase: str, info: dict[str, int]) -> None:
            nonlocal began
            if phase == "start":
                began = time.perf_counter()
            else:
                self._gc.labels(str(info["generation"])).observe(time.perf_counter() - began)

        gc.callbacks.append(collection)
        try:
            while True:
                due = aio.now() + _LAG_EVERY_S
                await asyncio.sleep(_LAG_EVERY_S)
                self._lag.observe(max(0.0, aio.now() - due))
        finally:
            gc.callbacks.remove(collection)
