"""Numbers that cost next to nothing to keep: plain integers of the loop's thread, samples only when somebody asks.

The client library takes a lock for each observation, about as long as a cached answer takes in all.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.utils import floatToGoString

Labels = tuple[str, ...]

MOST_LABELS: Final = 256
"""Series of one name. Labels are words of this program, so more of them is a mistake: it shows as `other`."""


class Timings:
    """A histogram of seconds for each set of labels."""

    def __init__(self, name: str, about: str, labels: Sequence[str], buckets: Sequence[float]) -> None:
        self._name = name
        self._about = about
        self._labels = tuple(labels)
        self._buckets = tuple(buckets)
        self._series: dict[Labels, list[int]] = {}
        """Observations by bucket, the last one without a bound."""
        self._sums: dict[Labels, float] = {}

    def add(self, seconds: float, labels: Labels) -> None:
        counts = self._series.get(labels)
        if counts is None:
            if len(self._series) >= MOST_LABELS:
                labels = ("other",) * len(self._labels)
            counts = self._series.setdefault(labels, [0] * (len(self._buckets) + 1))
        counts[bisect_left(self._buckets, seconds)] += 1
        self._sums[labels] = self._sums.get(labels, 0.0) + seconds

    def family(self) -> Metric:
        family = HistogramMetricFamily(self._name, self._about, labels=self._labels)
        for labels, counts in self._series.items():
            family.add_metric(labels, list(self._cumulated(counts)), self._sums[labels])
        return family

    def _cumulated(self, counts: Sequence[int]) -> Iterator[tuple[str, float]]:
        total = 0
        for bound, count in zip((*map(floatToGoString, self._buckets), "+Inf"), counts, strict=True):
            total += count
            yield bound, float(total)


@dataclass(frozen=True, slots=True)
class Asked:
    """A number that somebody else keeps, asked for at each scrape; or several, by one label or by as many as named."""

    name: str
    about: str
    read: Callable[[], float | Mapping[Labels, float]]
    labels: Labels = ()
    kind: Literal["gauge", "counter"] = "gauge"

    def family(self) -> Metric:
        make = CounterMetricFamily if self.kind == "counter" else GaugeMetricFamily
        family = make(self.name, self.about, labels=self.labels)
        found = self.read()
        numbers: Mapping[Labels, float] = found if isinstance(found, Mapping) else {(): found}
        for labels, number in numbers.items():
            family.add_metric(labels, number)
        return family
