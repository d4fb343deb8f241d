"""Turns as traces: when each stage began and ended, and nothing that was said."""

from __future__ import annotations

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from vivavoce import aio
from vivavoce.app.observe.traces import TurnTracer, tracing
from vivavoce.conversation.observer import Unobserved
from vivavoce.testing.rehearsal import Rehearsal


class Kept(Unobserved):
    conversation = "c" * 32


class Shelf(SpanExporter):
    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def export(self, spans: object) -> SpanExportResult:
        self.spans += list(spans)  # type: ignore[call-overload]
        return SpanExportResult.SUCCESS


def clock() -> int:
    return 1_700_000_000_000 + round(aio.now() * 1000)


async def test_a_turn_is_one_trace_of_its_stages() -> None:
    shelf = Shelf()
    with tracing("http://nowhere", shelf) as tracer:
        watched = Rehearsal(
            heard="the canary sings",
            reply="a canary answers",
            observe=lambda spec, *_: TurnTracer(spec, tracer, Kept(), clock),
        )
        async with watched as play:
            await play.speak(1000)
            await play.quiet(5000)
    (turn,) = [span for span in shelf.spans if span.name == "turn 1"]
    stages = {span.name: span for span in shelf.spans if span is not turn}
    assert {"endpoint", "asr", "tts"} <= stages.keys()
    assert turn.attributes is not None
    assert turn.attributes["vivavoce.conversation"] == "c" * 32
    assert turn.attributes["vivavoce.reason"] == "completed"
    for stage in stages.values():
        assert stage.parent is not None
        assert stage.parent.span_id == turn.context.span_id
        assert turn.start_time <= stage.start_time <= stage.end_time <= turn.end_time
    said = 1_700_000_000_000 + 1000
    assert abs(stages["endpoint"].start_time / 1e6 - said) <= 100, "it begins with the end of speech"
    assert "canary" not in "".join(span.to_json() for span in shelf.spans)


async def test_a_turn_that_never_ends_is_closed_with_its_session() -> None:
    shelf = Shelf()
    with tracing("http://nowhere", shelf) as tracer:
        async with Rehearsal(observe=lambda spec, *_: TurnTracer(spec, tracer, Kept(), clock)) as play:
            await play.speak(1000)
            await play.quiet(1100)
    (turn,) = [span for span in shelf.spans if span.name == "turn 1"]
    assert turn.attributes is not None
    assert turn.attributes["vivavoce.reason"] in ("session ended", "stopped")
