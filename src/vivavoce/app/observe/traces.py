"""A turn as one trace, for an OpenTelemetry collector: its stages with begin and end, without a word of it.

    turn 7 ──────────────────────────────────────▶ heard to its end, or cut
      endpoint ───▶
      asr ────▶
          llm ───────▶
               tts ─────▶

An observer of sessions: it looks on, and makes the spans of a turn when its figures are known. Spans wait in a bounded
queue of the library for a thread that sends them; when the collector is away, the newest are dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, StatusCode, Tracer, set_span_in_context
from opentelemetry.util.types import AttributeValue

from vivavoce import __version__
from vivavoce.conversation.observer import Observer, Unobserved
from vivavoce.conversation.outputs import Output, ReplyDone, ReplyStarted, TurnMetrics
from vivavoce.conversation.views import SessionSpec
from vivavoce.storage.clock import Clock, wall

_MS: Final = 1_000_000
"""Nanoseconds, in which the library counts."""
_SEND_S: Final = 5


@contextmanager
def tracing(address: str, exporter: SpanExporter | None = None) -> Iterator[Tracer]:
    """A tracer that sends to the collector at `address`; leaving, what is left is sent for at most 5 s."""
    exporter = exporter or OTLPSpanExporter(f"{address.rstrip('/')}/v1/traces", timeout=_SEND_S)
    resource = Resource.create({"service.name": "vivavoce", "service.version": __version__})
    # Not set as the global one: libraries that trace by themselves would put words of people into their spans.
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter, export_timeout_millis=_SEND_S * 1000))
    try:
        yield provider.get_tracer("vivavoce", __version__)
    finally:
        provider.shutdown()


class TurnTracer(Unobserved):
    """The observer of one session."""

    def __init__(self, spec: SessionSpec, tracer: Tracer, keeper: Observer, clock: Clock = wall) -> None:
        self._tracer = tracer
        self._clock = clock
        self._turn: Span | None = None
        self._reply = 0
        self._attributes: dict[str, AttributeValue] = {
            "vivavoce.session": spec.session_id,
            "vivavoce.conversation": keeper.conversation,
            "vivavoce.kind": spec.kind,
            "vivavoce.channel": spec.channel,
            "vivavoce.language": spec.language,
        }

    def output(self, output: Output) -> None:
        match output:
            case ReplyStarted():
                self._reply = output.reply
            case TurnMetrics():
                self._measured(output)
            case ReplyDone() if output.reply == self._reply:
                self._done(output)
            case _:
                pass

    def ended(self, last: Output) -> None:
        self._end("session ended")

    def _measured(self, figures: TurnMetrics) -> None:
        """The reply begins to sound: by now it is known when everything before began and ended."""
        self._end("no end seen")
        zero = self._clock() - figures.response_ms  # the end of speech
        began = min([zero - figures.queue_ms, *(zero + stage.start for stage in figures.stages)])
        self._turn = self._tracer.start_span(
            f"turn {figures.turn}",
            start_time=began * _MS,
            attributes={
                **self._attributes,
                "vivavoce.turn": figures.turn,
                "vivavoce.reply": self._reply,
                "vivavoce.response_ms": figures.response_ms,
                "vivavoce.queue_ms": figures.queue_ms,
            },
        )
        inside = set_span_in_context(self._turn)
        for stage in figures.stages:
            span = self._tracer.start_span(stage.name, context=inside, start_time=(zero + stage.start) * _MS)
            span.end((zero + stage.end) * _MS)
        self._turn.add_event("first sound", timestamp=(zero + figures.response_ms) * _MS)

    def _done(self, done: ReplyDone) -> None:
        if self._turn is not None:
            self._turn.set_attributes({"vivavoce.heard_ms": done.heard_ms, "vivavoce.reason": done.reason})
            if done.reason == "failed":
                self._turn.set_status(StatusCode.ERROR)
        self._end("")

    def _end(self, why: str) -> None:
        turn, self._turn = self._turn, None
        if turn is not None:
            if why:
                turn.set_attribute("vivavoce.reason", why)
            turn.end(self._clock() * _MS)
