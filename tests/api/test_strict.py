"""JSON that means one thing only, or none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.api.strict import DEPTH, MOST, parse
from vivavoce.errors import BadInput

SCALARS = st.none() | st.booleans() | st.integers(-MOST, MOST) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
VALUES = st.recursive(
    SCALARS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_well_formed_comes_out_as_it_is(value: object) -> None:
    assert parse(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"role": "user", "role": "admin"}', "stands twice"),
        (b'{"a": {"b": 1, "b": 1}}', "stands twice"),
        (b"[" * 33 + b"]" * 33, "deeper than 32"),
        (b"[" * 100_000, "deeper than 32"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "deeper than 32"),
        (b'{"a": NaN}', "no JSON"),
        (b"-Infinity", "no JSON"),
        (b"1e999", "too large"),
        (b"9" * 5_000, "too large"),
        (b"9223372036854775808", "too large"),
        (b'"a\\u0000b"', "NUL"),
        (b'{"\\u0000": 1}', "NUL"),
        (b'"\\ud800"', "surrogate"),
        (b'"\xff"', "not UTF-8"),
        (b"{", "line 1, column 2"),
        (b"", "line 1"),
        (b"{'a': 1}", "line 1"),
        (b'{"a": 1} {"b": 2}', "Extra data"),
    ],
    ids=lambda value: repr(value[:20]),
)
def test_the_rest_is_refused_with_the_reason(body: bytes, why: str) -> None:
    with pytest.raises(BadInput, match=why) as refused:
        parse(body)
    assert refused.value.code == "bad_json"


def test_as_deep_as_allowed_is_not_too_deep() -> None:
    assert parse(b"[" * DEPTH + b"]" * DEPTH)
