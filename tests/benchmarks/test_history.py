"""The million turns of `script/bench history` are what its figures say they are."""

from __future__ import annotations

from collections import Counter

from benchmarks.history.fill import INDEX, TURNS, batches, users
from benchmarks.history.measure import Measured, cases
from benchmarks.history.people import EVEN, ODD, QUIET, RARE, TALKER, YEAR_MS, spoken

from vivavoce.archive.search_index import SearchIndex

SOME = 6_000


def test_one_has_half_and_one_has_three() -> None:
    counts = Counter(one.owner for one in spoken(SOME))
    assert 0.45 < counts[TALKER] / SOME < 0.55
    assert counts[QUIET] == 3
    assert counts.keys() <= {row[0] for row in users()}


def test_they_are_the_same_each_time_and_spread_over_a_year() -> None:
    turns = list(spoken(SOME))
    assert turns == list(spoken(SOME))
    assert turns[-1].at - turns[0].at > 0.99 * YEAR_MS
    assert [one.at for one in turns] == sorted(one.at for one in turns)


def test_planted_words_are_as_frequent_as_the_cases_say() -> None:
    turns = [f"{one.said} {one.heard}".split() for one in spoken(SOME)]
    assert not any(EVEN in words and ODD in words for words in turns)
    assert sum(EVEN in words for words in turns) > 0.4 * SOME
    assert 0 < sum(RARE in words for words in turns) < 10


def test_each_turn_has_its_row_in_the_index() -> None:
    rows = list(batches(spoken(SOME), SearchIndex("sqlite", words=True)))
    assert sum(len(turns) for _, turns, _ in rows) == sum(len(found) for _, _, found in rows) == SOME
    assert all(len(turn) == len(TURNS) for _, turns, _ in rows for turn in turns)
    positions = [row[INDEX.index("position")] for _, _, found in rows for row in found]
    assert len(set(positions)) == SOME


def test_percentiles_are_of_what_was_measured() -> None:
    figures = Measured("x", 3, [float(one) for one in range(100)], [1.0] * 100).figures()
    assert (figures["p50_ms"], figures["p95_ms"], figures["max_ms"], figures["cpu_p95_ms"]) == (50, 95, 99, 1)


def test_every_question_has_a_name_of_its_own() -> None:
    names = [case.name for case in cases()]
    assert len(names) == len(set(names))
