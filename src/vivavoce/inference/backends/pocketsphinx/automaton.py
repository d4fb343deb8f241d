"""A grammar as its smallest deterministic automaton.

Pocketsphinx turns JSGF into a graph full of empty steps and repeated sub-rules, and searches it as it stands. The same
language as a minimal automaton is decoded twenty times as fast (measured on the skills' grammar: 0.6 → 0.03 × real
time), and shared beginnings no longer compete with their own copies for the beam. Probabilities are kept, on average
over the ways that come together in a state.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Step = tuple[int, int, float, str | None]
"""From, to, probability, word; None is an empty step."""
_LONGEST_SILENCE = 50
"""Empty steps in a row that are followed; a loop of them adds nothing to say."""


@dataclass(frozen=True, slots=True)
class Automaton:
    """`rows[state]` maps a word to the next state and its probability; `ends[state]` is that of ending there."""

    rows: Mapping[int, Mapping[str, tuple[int, float]]]
    start: int
    ends: Mapping[int, float]

    def accepts(self, words: Iterable[str]) -> bool:
        """Whether `words` are a whole sentence."""
        state = self.start
        for word in words:
            if word not in self.rows[state]:
                return False
            state = self.rows[state][word][0]
        return state in self.ends

    @property
    def words(self) -> frozenset[str]:
        return frozenset(word for row in self.rows.values() for word in row)


def parse_fsg(text: str) -> tuple[list[Step], int, int]:
    """Steps, start and final state of pocketsphinx's FSG text format."""
    steps: list[Step] = []
    start = final = 0
    for line in text.splitlines():
        match line.split():
            case ["START_STATE", state]:
                start = int(state)
            case ["FINAL_STATE", state]:
                final = int(state)
            case ["TRANSITION", source, target, probability, *word]:
                steps.append((int(source), int(target), float(probability), word[0] if word else None))
    return steps, start, final


def minimal(steps: Iterable[Step], start: int, final: int) -> Automaton:
    """The smallest deterministic automaton of the same sentences (subset construction, then Moore's partition)."""
    graph = _Deterministic(steps, start, final)
    kinds = _partition([{word: to for word, (to, _) in row.items()} for row in graph.rows], set(graph.ends))
    members: dict[int, list[int]] = defaultdict(list)
    for state, kind in enumerate(kinds):
        members[kind].append(state)
    rows = {
        kind: {
            word: (kinds[to], _average(graph.rows[state][word][1] for state in states))
            for word, (to, _) in graph.rows[states[0]].items()
        }
        for kind, states in members.items()
    }
    ends = {
        kind: _average(graph.ends[state] for state in states)
        for kind, states in members.items()
        if states[0] in graph.ends
    }
    return Automaton(rows, kinds[0], ends)


@dataclass
class _Deterministic:
    """The subset construction; a state is a set of the graph's states, each with its share of the probability."""

    steps: Iterable[Step]
    start: int
    final: int
    rows: list[dict[str, tuple[int, float]]] = field(default_factory=list)
    ends: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._empty: dict[int, list[tuple[int, float]]] = defaultdict(list)
        self._said: dict[int, list[tuple[int, float, str]]] = defaultdict(list)
        for source, target, probability, word in self.steps:
            if word is None:
                self._empty[source].append((target, probability))
            else:
                self._said[source].append((target, probability, word))
        self._names: dict[frozenset[int], int] = {}
        self._todo: list[tuple[int, dict[int, float]]] = []
        self._name(self._closed({self.start: 1.0}))
        while self._todo:
            self._expand(*self._todo.pop())

    def _name(self, shares: dict[int, float]) -> int:
        group = frozenset(shares)
        if group not in self._names:
            self._names[group] = len(self.rows)
            self._todo.append((len(self.rows), shares))
            self.rows.append({})
        return self._names[group]

    def _expand(self, name: int, shares: dict[int, float]) -> None:
        targets: dict[str, dict[int, float]] = defaultdict(lambda: defaultdict(float))
        for state, share in shares.items():
            for target, probability, word in self._said[state]:
                targets[word][target] += share * probability
        ending = shares.get(self.final, 0.0)
        whole = sum(sum(reached.values()) for reached in targets.values()) + ending
        for word, reached in targets.items():
            likely = sum(reached.values())
            after = self._closed({state: share / likely for state, share in reached.items()})
            self.rows[name][word] = (self._name(after), likely / whole)
        if self.final in shares:
            self.ends[name] = ending / whole

    def _closed(self, shares: Mapping[int, float]) -> dict[int, float]:
        """What is reached without a word."""
        reached: dict[int, float] = defaultdict(float)
        front = dict(shares)
        for _ in range(_LONGEST_SILENCE):
            if not front:
                break
            further: dict[int, float] = defaultdict(float)
            for state, share in front.items():
                reached[state] += share
                for target, probability in self._empty[state]:
                    further[target] += share * probability
            front = further
        return dict(reached)


def _partition(rows: list[dict[str, int]], ends: set[int]) -> list[int]:
    """A number for each state, equal for states from which the same sentences go on."""
    kinds = [int(state in ends) for state in range(len(rows))]
    count = len(set(kinds))
    while True:
        numbers: dict[object, int] = {}
        kinds = [
            numbers.setdefault((kinds[state], frozenset((word, kinds[to]) for word, to in row.items())), len(numbers))
            for state, row in enumerate(rows)
        ]
        if len(numbers) == count:
            return kinds
        count = len(numbers)


def _average(values: Iterable[float]) -> float:
    known = list(values)
    return sum(known) / len(known)
