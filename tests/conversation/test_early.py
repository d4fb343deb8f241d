"""What waits for a slot is bounded."""

from __future__ import annotations

import pytest

from vivavoce.conversation.early import EVENT_BYTES, EVENTS, SOUND_BYTES, Early
from vivavoce.conversation.inputs import Commit, Generate, Prefill
from vivavoce.errors import BadInput
from vivavoce.inference.ports import ChatMessage, Picture


def test_the_order_is_kept() -> None:
    early = Early()
    items = [Prefill((ChatMessage("user", "one"),)), b"\0\0", Commit(), b"\1\0", Generate()]
    for item in items:
        early.add(item)
    assert early.take() == items
    assert early.take() == []


def test_of_sound_the_newest_minute_is_kept_and_no_input_is_lost() -> None:
    early = Early()
    early.add(Commit())
    for number in range(100):
        early.add(bytes([number]) * (SOUND_BYTES // 50))
    early.add(Generate())
    first, *sound, last = early.take()
    assert (first, last) == (Commit(), Generate())
    assert [piece[0] for piece in sound] == list(range(50, 100))


def test_one_piece_larger_than_all_is_not_kept() -> None:
    early = Early()
    early.add(bytes(SOUND_BYTES + 2))
    assert len(early) == 0


@pytest.mark.parametrize(
    ("event", "fits"),
    [
        (Commit(), EVENTS),
        (Prefill((ChatMessage("user", "x" * 100_000),)), EVENTS),
        (Prefill((ChatMessage("user", "", (Picture("image/png", bytes(1 << 20)),)),)), EVENT_BYTES >> 20),
        (Prefill((ChatMessage("user", ""),), (bytes(4 << 20),)), EVENT_BYTES >> 22),
    ],
)
def test_inputs_that_are_too_many_or_too_heavy_are_refused_by_name(event, fits) -> None:
    early = Early()
    for _ in range(fits):
        early.add(event)
    with pytest.raises(BadInput) as refused:
        early.add(event)
    assert refused.value.code == "too_fast"
    assert len(early.take()) == fits
    early.add(event)
