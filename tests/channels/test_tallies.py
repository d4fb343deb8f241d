from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from vivavoce.channels.metrics import Metrics
from vivavoce.channels.tallies import MOST_LABELS, Asked, Timings


def test_observations_are_in_the_bucket_they_belong_to() -> None:
    metrics = Metrics()
    for seconds in (0.001, 0.0011, 3.0, 60.0):
        metrics.request("read", 200, seconds)
    read = {"route_class": "read", "status": "2xx"}
    sample = metrics.registry.get_sample_value
    assert sample("vivavoce_http_seconds_bucket", {"le": "0.001", **read}) == 1
    assert sample("vivavoce_http_seconds_bucket", {"le": "0.0025", **read}) == 2
    assert sample("vivavoce_http_seconds_bucket", {"le": "10.0", **read}) == 3
    assert sample("vivavoce_http_seconds_bucket", {"le": "+Inf", **read}) == 4
    assert sample("vivavoce_http_seconds_count", read) == 4
    assert sample("vivavoce_http_seconds_sum", read) == 63.0021


def test_labels_never_grow_without_end() -> None:
    timings = Timings("x_seconds", "x", ("a", "b"), (1.0,))
    for number in range(2 * MOST_LABELS):
        timings.add(0.5, (str(number), "b"))
    counts = {s.labels["a"]: s.value for s in timings.family().samples if s.name == "x_seconds_count"}
    assert len(counts) == MOST_LABELS + 1
    assert counts["other"] == MOST_LABELS


def test_what_others_keep_is_asked_at_each_scrape() -> None:
    metrics, number = Metrics(), 1.0
    metrics.ask(
        Asked("vivavoce_one", "one", lambda: number),
        Asked("vivavoce_many", "many", lambda: {("a", "ok"): 2.0}, ("way", "outcome"), "counter"),
    )
    assert metrics.registry.get_sample_value("vivavoce_one") == 1
    number = 5.0
    assert metrics.registry.get_sample_value("vivavoce_one") == 5
    assert metrics.registry.get_sample_value("vivavoce_many_total", {"way": "a", "outcome": "ok"}) == 2
    assert isinstance(metrics.registry, CollectorRegistry)
    assert b"vivavoce_one 5.0" in generate_latest(metrics.registry)
