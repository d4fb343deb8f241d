from __future__ import annotations

import asyncio
import gc

from vivavoce.channels.metrics import Metrics
from vivavoce.conversation import outputs
from vivavoce.inference.policies import Measured


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_a_turn_counts_its_response_and_its_stages() -> None:
    metrics = Metrics()
    metrics.observe(outputs.TurnMetrics(1, 480, 0, (outputs.Stage("llm", -40, 160), outputs.Stage("tts", 160, 300))))
    assert sample(metrics, "vivavoce_response_seconds_sum") == 0.48
    assert sample(metrics, "vivavoce_stage_seconds_sum", stage="llm") == 0.2


def test_barge_ins_are_flushes_by_the_users_voice() -> None:
    metrics = Metrics()
    metrics.observe(outputs.Flush(1, "interrupted"))
    metrics.observe(outputs.Flush(2, "stopped"))
    metrics.observe(outputs.ReplyDone(1, "interrupted", 300, "It"))
    assert sample(metrics, "vivavoce_barge_ins_total") == 1
    assert sample(metrics, "vivavoce_replies_total", reason="interrupted") == 1


def test_sound_is_counted_in_seconds() -> None:
    metrics = Metrics()
    metrics.sound_in_bytes += 64_000
    metrics.sound_out_seconds += 1.5
    assert sample(metrics, "vivavoce_sound_in_seconds_total") == 2.0
    assert sample(metrics, "vivavoce_sound_out_seconds_total") == 1.5


def test_sockets_and_sessions_are_what_they_are_now() -> None:
    metrics = Metrics()
    metrics.sockets("/ws/duplex/", +1)
    metrics.sockets("/ws/duplex/", +1)
    metrics.sockets("/ws/duplex/", -1)
    metrics.sessions(lambda: 7)
    assert sample(metrics, "vivavoce_sockets_open", channel="duplex") == 1
    assert sample(metrics, "vivavoce_sessions") == 7


def test_back_ends_are_timed_to_the_first_piece_and_to_the_end() -> None:
    metrics = Metrics()
    metrics.measured(Measured("tts", "espeak", "done", 0.02, 0.3))
    metrics.measured(Measured("llm", "openai", "stopped", None, 1.0))
    tts = {"port": "tts", "backend": "espeak", "outcome": "done"}
    assert sample(metrics, "vivavoce_backend_seconds_sum", part="first", **tts) == 0.02
    assert sample(metrics, "vivavoce_backend_seconds_sum", part="whole", **tts) == 0.3
    llm = {"port": "llm", "backend": "openai", "outcome": "stopped"}
    assert sample(metrics, "vivavoce_backend_seconds_count", part="first", **llm) is None


def test_metrics_hold_nothing_personal() -> None:
    metrics = Metrics()
    for output in (
        outputs.TranscriptUpdate(1, "my canary is yellow", True, 0),
        outputs.ReplyText(1, "a canary"),
        outputs.ReplyDone(1, "completed", 1, "a canary"),
        outputs.Problem("internal", "canary"),
        outputs.Prepared("canary", "canary", "cascade", 24_000, ("en",), ("en",), {}),
    ):
        metrics.observe(output)
    assert b"canary" not in metrics.render()


async def test_the_watch_measures_lag_and_collections_and_leaves_nothing_behind() -> None:
    metrics = Metrics()
    before = list(gc.callbacks)
    async with asyncio.TaskGroup() as group:
        watch = group.create_task(metrics.watch())
        await asyncio.sleep(1.05)
        gc.collect()
        watch.cancel()
    assert sample(metrics, "vivavoce_loop_lag_seconds_count") == 10
    assert (sample(metrics, "vivavoce_gc_pause_seconds_count", generation="2") or 0) >= 1
    assert gc.callbacks == before
