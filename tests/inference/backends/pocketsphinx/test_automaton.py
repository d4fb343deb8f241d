"""The minimal automaton says exactly the sentences of the graph it was made of."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vivavoce.inference.backends.pocketsphinx.automaton import Step, minimal, parse_fsg

WORDS = ("stop", "timer", "five")


def sentences(steps: list[Step], start: int, final: int, longest: int) -> set[tuple[str, ...]]:
    """All sentences of up to `longest` words, by walking the graph as it stands."""
    seen, todo = {(start, ())}, [(start, ())]
    while todo:
        state, words = todo.pop()
        for source, target, _, word in steps:
            further = words if word is None else (*words, word)
            if source == state and len(further) <= longest and (target, further) not in seen:
                seen.add((target, further))
                todo.append((target, further))
    return {words for state, words in seen if state == final}


states = st.integers(0, 4)


@given(st.lists(st.tuples(states, states, st.just(0.5), st.sampled_from([*WORDS, None])), max_size=12))
def test_the_same_sentences(steps: list[Step]) -> None:
    automaton = minimal(steps, 0, 4)
    expected = sentences(steps, 0, 4, 3)
    every = [()] + [(a,) for a in WORDS] + [(a, b) for a in WORDS for b in WORDS]
    every += [(a, b, c) for a in WORDS for b in WORDS for c in WORDS]
    assert {words for words in every if automaton.accepts(words)} == expected


def test_equal_beginnings_and_ends_are_shared() -> None:
    steps: list[Step] = [
        (0, 1, 0.75, None),
        (0, 2, 0.25, None),
        (1, 3, 1.0, "set"),
        (2, 4, 1.0, "set"),
        (3, 5, 1.0, "five"),
        (4, 5, 1.0, "ten"),
    ]
    automaton = minimal(steps, 0, 5)
    assert len(automaton.rows) == 3
    assert automaton.accepts(["set", "ten"])
    assert not automaton.accepts(["set"])
    assert automaton.words == {"set", "five", "ten"}
    (set_state, _) = automaton.rows[automaton.start]["set"]
    assert {word: share for word, (_, share) in automaton.rows[set_state].items()} == {"five": 0.75, "ten": 0.25}


@given(st.lists(st.tuples(states, states, st.floats(0.1, 1), st.sampled_from([*WORDS, None])), max_size=12))
def test_the_shares_of_a_state_are_one_together(steps: list[Step]) -> None:
    automaton = minimal(steps, 0, 4)
    for state, row in automaton.rows.items():
        whole = sum(share for _, share in row.values()) + automaton.ends.get(state, 0.0)
        assert abs(whole - 1) < 1e-6 or (not row and state not in automaton.ends)


def test_the_text_format_of_pocketsphinx() -> None:
    text = "FSG_BEGIN <c>\nSTART_STATE 2\nFINAL_STATE 1\nTRANSITION 2 0 0.5 stop\nTRANSITION 0 1 1.0\nFSG_END\n"
    assert parse_fsg(text) == ([(2, 0, 0.5, "stop"), (0, 1, 1.0, None)], 2, 1)
