from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.conversation.playout import BACKLOG_S, KEPT_S, Piece, Playout
from vivavoce.errors import BadAudio, LimitReached, WrongOrder

RATE = 16_000
FRAME = 320


def sound(seconds: float) -> bytes:
    """Every sample is its own number, so that a lost, doubled or moved one shows."""
    return np.arange(round(seconds * RATE)).astype("<i2").tobytes()


def speaking(seconds: float, *, at: float = 0.0) -> Playout:
    """A reply whose sound was all made at once."""
    playout = Playout(RATE)
    playout.begin(1, at)
    pcm = sound(seconds)
    playout.push(0, pcm)
    playout.end(len(pcm) // 2)
    return playout


def milliseconds(pieces: Sequence[Piece]) -> list[float]:
    return [len(pcm) / 2 / RATE * 1000 for _, pcm in pieces]


def drain(playout: Playout, start: float, stop: float, step: float = 0.02) -> bytes:
    """Call `due` every `step`; what left, checked to be without gap."""
    out = bytearray()
    at = playout.sent
    for tick in range(round((stop - start) / step) + 1):
        for offset, pcm in playout.due(start + tick * step):
            assert offset == at
            out += pcm
            at += len(pcm) // 2
    return bytes(out)


def test_the_first_sound_leaves_at_once_up_to_the_lead_and_the_rest_in_real_time() -> None:
    playout = speaking(1.0)
    assert milliseconds(playout.due(0.0)) == [160]
    assert playout.due(0.01) == ()
    assert milliseconds(playout.due(0.02)) == [20]
    assert milliseconds(playout.due(0.1)) == [80]
    assert playout.sent == RATE * 260 // 1000
    assert playout.backlog == RATE * 740 // 1000


def test_the_pace_begins_with_the_first_sound_not_with_the_reply() -> None:
    playout = Playout(RATE)
    playout.begin(1, 0.0)
    assert playout.due(0.5) == ()
    playout.push(0, sound(1))
    assert milliseconds(playout.due(0.7)) == [160]
    assert playout.position_ms(0.7) == 0
    assert playout.position_ms(0.8) == pytest.approx(100)


def test_the_last_piece_is_as_long_as_it_is() -> None:
    playout = speaking(0.0505)
    assert playout.due(0.0) == [(0, sound(0.0505))]


def test_a_part_of_a_frame_waits_for_the_rest_of_it() -> None:
    playout = Playout(RATE)
    playout.begin(1, 0.0)
    playout.push(0, sound(0.03))
    assert milliseconds(playout.due(0.0)) == [20]
    assert playout.due(0.02) == ()
    playout.end(480)
    assert milliseconds(playout.due(0.04)) == [10]


def test_a_stalled_loop_does_not_make_the_playout_late_for_ever() -> None:
    playout = speaking(10.0)
    drain(playout, 0.0, 1.0)
    pieces = playout.due(3.0)
    assert playout.sent == RATE * 3.16
    assert milliseconds(pieces) == [500, 500, 500, 500]
    assert milliseconds(playout.due(3.02)) == [20]


def test_a_source_that_ran_dry_is_not_made_up_for_with_a_burst() -> None:
    playout = Playout(RATE)
    playout.begin(1, 0.0)
    playout.push(0, sound(0.2))
    drain(playout, 0.0, 1.0)
    playout.push(3200, sound(2.0))
    assert milliseconds(playout.due(1.02)) == [160]
    assert milliseconds(playout.due(1.04)) == [20]
    assert playout.position_ms(1.04) == pytest.approx(220)


def test_a_source_that_is_just_in_time_keeps_the_pace() -> None:
    playout = Playout(RATE)
    playout.begin(1, 0.0)
    for tick in range(100):
        playout.push(tick * FRAME, sound(0.02))
        assert milliseconds(playout.due(tick * 0.02)) == [20]
    assert playout.position_ms(100 * 0.02) == pytest.approx(2000)


def test_hold_stops_within_the_call_and_release_goes_on_at_the_same_sample() -> None:
    playout = speaking(2.0)
    before = drain(playout, 0.0, 0.5)
    playout.hold(0.5)
    assert playout.held
    assert playout.due(3.0) == ()
    assert playout.position_ms(3.0) == pytest.approx(500)
    playout.release(3.0)
    after = drain(playout, 3.0, 5.0)
    assert before + after == sound(2.0)
    assert playout.position_ms(5.0) == pytest.approx(2000)


def test_nothing_extra_leaves_on_release() -> None:
    playout = speaking(2.0)
    playout.due(0.0)
    playout.hold(0.01)
    playout.release(9.01)
    assert playout.due(9.01) == ()
    assert milliseconds(playout.due(9.02)) == [20]


def test_flush_forgets_everything() -> None:
    playout = speaking(2.0)
    playout.due(0.0)
    playout.flush()
    assert playout.due(0.1) == ()
    assert playout.reply is None
    assert playout.backlog == 0
    assert not playout.finished(9.0)
    with pytest.raises(WrongOrder):
        playout.push(0, sound(0.1))


def test_a_new_reply_forgets_the_old_one_and_its_hold() -> None:
    playout = speaking(2.0)
    playout.hold(0.0)
    playout.begin(2, 1.0)
    assert playout.reply == 2
    assert not playout.held
    playout.push(0, sound(0.04))
    assert playout.due(1.0)[0][0] == 0


def test_a_clients_reports_are_believed_and_carried_on_for_a_moment() -> None:
    playout = speaking(3.0)
    drain(playout, 0.0, 1.0)
    playout.played(600, 1.0)
    assert playout.position_ms(1.0) == pytest.approx(600)
    assert playout.position_ms(1.1) == pytest.approx(700)
    assert playout.position_ms(9.0) == pytest.approx(850)


def test_reports_go_neither_back_nor_beyond_what_was_sent() -> None:
    playout = speaking(3.0)
    drain(playout, 0.0, 1.0)
    playout.played(600, 1.0)
    playout.played(500, 1.0)
    assert playout.position_ms(1.0) == pytest.approx(600)
    playout.played(1e9, 1.0)
    assert playout.position_ms(1.0) == pytest.approx(1160)
    playout.played(float("nan"), 1.0)
    playout.played(-5, 1.0)
    assert playout.position_ms(1.0) == pytest.approx(1160)


def test_a_report_during_a_hold_is_not_carried_on_before_the_release() -> None:
    playout = speaking(3.0)
    drain(playout, 0.0, 1.0)
    playout.hold(1.0)
    playout.played(900, 1.1)
    assert playout.position_ms(5.0) == pytest.approx(900)
    playout.release(5.0)
    assert playout.position_ms(5.1) == pytest.approx(1000)


def test_without_reports_a_reply_is_finished_when_the_clock_has_played_it() -> None:
    playout = speaking(1.0)
    drain(playout, 0.0, 0.98)
    assert playout.sent == RATE
    assert not playout.finished(0.98)
    assert playout.finished(1.0)


def test_with_reports_it_is_finished_when_the_client_says_so() -> None:
    playout = speaking(1.0)
    drain(playout, 0.0, 1.0)
    playout.played(700, 1.0)
    assert not playout.finished(1.2)
    playout.played(1000, 1.3)
    assert playout.finished(1.3)


@pytest.mark.parametrize("repeats", [False, True], ids=["goes silent", "repeats the same for ever"])
def test_a_client_that_makes_no_progress_does_not_keep_a_reply_open(repeats: bool) -> None:
    playout = speaking(1.0)
    drain(playout, 0.0, 1.0)
    playout.played(700, 1.0)
    for tick in range(20):
        if repeats:
            playout.played(700, 1.0 + tick / 10)
        assert not playout.finished(1.0 + tick / 10)
    assert playout.finished(3.01)


def test_a_reply_that_is_being_made_or_held_is_not_finished() -> None:
    playout = Playout(RATE)
    playout.begin(1, 0.0)
    playout.push(0, sound(0.1))
    playout.due(0.0)
    assert not playout.finished(5.0)
    playout.end(1600)
    assert playout.finished(5.0)


def test_a_reply_without_sound_is_finished_at_once() -> None:
    playout = Playout(RATE)
    playout.begin(1, 0.0)
    playout.end(0)
    assert playout.due(0.0) == ()
    assert playout.finished(0.0)


def test_rewind_sends_what_was_not_heard_again() -> None:
    playout = speaking(2.0)
    drain(playout, 0.0, 1.0)
    playout.played(900, 1.0)
    playout.hold(1.0)
    assert playout.rewind(20.0) == RATE * 0.9
    playout.release(21.0)
    pieces = playout.due(21.0)
    assert pieces[0][0] == RATE * 0.9
    assert milliseconds(pieces) == [160]
    assert sum(milliseconds(pieces)) + len(drain(playout, 21.02, 23.0)) / 2 / RATE * 1000 == pytest.approx(1100)


def test_rewind_reaches_no_further_than_what_is_kept() -> None:
    playout = speaking(60.0)
    playout.played(0, 0.0)
    drain(playout, 0.0, 50.0)
    assert playout.rewind(50.0) == playout.sent
    assert playout.due(50.0)[0][0] == int(RATE * (50.16 - KEPT_S))


def test_sound_out_of_order_is_refused_and_repeated_sound_skipped() -> None:
    playout = Playout(RATE)
    with pytest.raises(WrongOrder):
        playout.push(0, sound(0.1))
    with pytest.raises(WrongOrder):
        playout.end(0)
    playout.begin(1, 0.0)
    playout.push(0, sound(0.1))
    with pytest.raises(WrongOrder):
        playout.push(1601, sound(0.1))
    with pytest.raises(BadAudio):
        playout.push(1600, b"odd")
    playout.push(800, sound(0.2)[1600:])
    with pytest.raises(WrongOrder):
        playout.end(3201)
    playout.end(3200)
    with pytest.raises(WrongOrder):
        playout.push(3200, b"")
    assert drain(playout, 0.0, 1.0) == sound(0.2)


def test_a_source_far_ahead_of_the_playout_is_stopped() -> None:
    playout = Playout(RATE)
    playout.begin(1, 0.0)
    playout.push(0, bytes(int(BACKLOG_S) * RATE * 2))
    with pytest.raises(LimitReached):
        playout.push(int(BACKLOG_S) * RATE, bytes(2))


steps = st.lists(
    st.tuples(st.sampled_from(["push", "due", "hold", "release", "played"]), st.integers(0, 700)), max_size=60
)


@given(steps, st.integers(0, 1200))
def test_no_sample_is_lost_doubled_or_early_whatever_happens(steps: list[tuple[str, int]], lag: int) -> None:
    playout = Playout(RATE)
    playout.begin(1, 0.0)
    now, unheld, last_position = 0.0, 0.0, 0.0
    source, out = bytearray(), bytearray()
    first: float | None = None

    def send(now: float) -> None:
        for offset, pcm in playout.due(now):
            assert offset == len(out) // 2
            out.extend(pcm)

    for step, value in steps:
        if step == "push":
            more = (np.arange(value * 5) + len(source)).astype("<i2").tobytes()
            playout.push(len(source) // 2, more)
            source += more
        elif step == "due":
            now += value / 1000
            unheld += 0 if playout.held else value / 1000
            send(now)
        elif step == "hold":
            playout.hold(now)
        elif step == "release":
            playout.release(now)
        else:
            playout.played(max(0, playout.sent * 1000 / RATE - lag), now)
        if out and first is None:
            first = unheld
        if first is not None:
            assert len(out) / 2 <= (unheld - first + 0.16) * RATE + 1
        assert 0 <= playout.position_ms(now) <= playout.sent * 1000 / RATE + 1e-6
        if step != "played":
            assert playout.position_ms(now) >= last_position - 1e-6
        last_position = playout.position_ms(now)
    playout.release(now)
    playout.end(len(source) // 2)
    for tick in range(3 + len(source) // FRAME):
        send(now + tick * 0.02)
    assert bytes(out) == bytes(source)
    assert playout.finished(now + tick * 0.02 + 3)
