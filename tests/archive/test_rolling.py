"""One recording after another: between them no sample is lost, doubled or changed, whatever is learned late."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.desk import NOON, draft
from vivavoce.archive import rolling
from vivavoce.archive.clock import RATE
from vivavoce.archive.composing import Composer
from vivavoce.archive.journal import RecordingDraft
from vivavoce.archive.placing import Placing
from vivavoce.archive.records import BACK_S, LEFT, RIGHT, Record, cut, parse, sound
from vivavoce.archive.rolling import Rolling
from vivavoce.conversation.views import SessionSpec
from vivavoce.storage.ids import new_id

REPLY_RATE = 24_000
PIECE = 480
"""20 ms of a reply."""


class Tape:
    """Somebody hums without a breath, and is told things; looked at twice a second."""

    def __init__(self, start: int = 0, turns: int = 1) -> None:
        self.conversation = draft(SessionSpec("s"))
        self.conversation.turns = turns
        self.chunks: dict[str, list[bytes]] = {}
        self.drafts: list[RecordingDraft] = []
        self.rows: list[RecordingDraft] = []
        self.complete: list[RecordingDraft] = []
        self.known: list[Record] = []
        self.start = self.position = start
        self.sounding: Placing | None = None
        self.noise = np.random.default_rng(1)
        self.rolling = Rolling(start, begin=self._begin, tell=self.rows.append, hand_in=self._hand_in)

    def hums(self, seconds: float, *news: Record) -> None:
        """News come with the first half second."""
        later = list(news)
        for _ in range(round(seconds * 2)):
            self.passes(sound(LEFT, self.position, RATE, self.pcm(RATE // 2)), *later)
            later = []

    def passes(self, *records: Record) -> None:
        self.known += records
        self.position += RATE // 2
        self.rolling.take(records, self.position, self.sounding)

    def tells(self, seconds: float) -> None:
        """A reply; of each half second one knows half a second later where it was."""
        waiting: list[Record] = []
        at = self.position
        for _ in range(round(seconds * 2)):
            self.hums(0.5, *waiting)
            waiting = [
                sound(RIGHT, at + piece * PIECE * RATE // REPLY_RATE, REPLY_RATE, self.pcm(PIECE))
                for piece in range(25)
            ]
            at += RATE // 2
        self.hums(0.5, *waiting)

    def pcm(self, samples: int) -> bytes:
        return bytes(self.noise.integers(-9_000, 9_000, samples, np.int16))

    def stops(self, *records: Record) -> None:
        self.known += records
        self.rolling.stop(records, self.position)

    def recorded(self) -> npt.NDArray[np.int16]:
        """All recordings one behind the other, as encoders make them from what was handed in."""
        return np.concatenate(
            [
                _tracks([one for chunk in self.chunks.get(it.id, ()) for one in parse(chunk)], it.start)
                for it in self.drafts
            ]
        )

    def happened(self) -> npt.NDArray[np.int16]:
        """The same, if it had been one recording."""
        return _tracks(self.known, self.start)

    def seamless(self) -> bool:
        """The user's side is the same, and the reply's as well as a resampler that begins anew can round."""
        recorded, happened = self.recorded(), self.happened()
        assert recorded.shape == happened.shape
        left, right = np.abs(recorded.astype(np.int32) - happened).max(axis=0)
        return bool(left == 0 and right <= 1)

    def _begin(self, start: int) -> RecordingDraft:
        one = RecordingDraft(
            id=new_id(), conversation=self.conversation, gateway="g", start=start, created_at=NOON, expires_at=NOON
        )
        self.drafts.append(one)
        return one

    def _hand_in(self, recording: RecordingDraft, chunk: bytes, *, last: bool) -> None:
        assert recording not in self.complete, "nothing comes after the last"
        self.chunks.setdefault(recording.id, []).append(chunk)
        if last:
            self.complete.append(recording)


def _tracks(records: list[Record], start: int) -> npt.NDArray[np.int16]:
    composer = Composer(start)
    blocks = [block for record in records for block in composer.push(record)]
    return np.concatenate([np.zeros((0, 2), np.int16), *blocks, *composer.flush()])


def test_an_hour_is_six_recordings_without_a_seam() -> None:
    tape = Tape()
    for _ in range(6):
        tape.hums(60)
        tape.tells(3)
        tape.hums(530)
        tape.tells(10)  # over the seam, at some time
    tape.stops()
    assert len(tape.drafts) in (6, 7)
    ends = [one.stop for one in tape.drafts[:-1]]
    assert [one.start for one in tape.drafts] == [0, *ends]
    assert all(600 * RATE <= one.stop - one.start < 601 * RATE for one in tape.drafts[:-1])
    assert tape.seamless()


def test_rows_meet_to_the_millisecond_wherever_recording_began() -> None:
    tape = Tape(start=12_345)
    tape.hums(1300)
    tape.stops()
    rows = [one.row() for one in tape.drafts]
    assert len(rows) == 3
    assert all(one.from_ms + one.duration_ms == after.from_ms for one, after in pairwise(rows))


def test_the_spool_is_given_free_while_somebody_talks() -> None:
    tape = Tape()
    tape.hums(600 + BACK_S)
    assert tape.complete == []
    tape.hums(1)
    assert tape.complete == tape.drafts[:1]
    tape.hums(590)
    assert tape.complete == tape.drafts[:1]
    tape.hums(15)
    assert tape.complete == tape.drafts[:2]
    tape.stops()
    assert tape.complete == tape.drafts


def test_much_sound_ends_it_sooner() -> None:
    tape = Tape()
    while len(tape.drafts) == 1:
        tape.hums(0.5, *(sound(RIGHT, tape.position, 48_000, tape.pcm(24_000)) for _ in range(10)))
    handed = sum(map(len, tape.chunks[tape.drafts[0].id]))
    assert rolling.MOST <= handed <= rolling.MOST + (1 << 20)
    tape.hums(1)
    tape.stops()
    assert tape.seamless()


def test_a_reply_cut_late_is_cut_on_both_sides() -> None:
    tape = Tape()
    tape.hums(598)
    tape.tells(10)
    tape.hums(5, cut(round(599.97 * RATE), 608 * RATE))
    tape.stops()
    assert len(tape.drafts) == 2
    assert tape.seamless()


def test_sound_that_was_kept_finds_its_place_before_the_seam() -> None:
    tape = Tape()
    tape.hums(590)
    for _ in range(60):  # the line is down
        tape.passes()
    kept = sound(LEFT, 590 * RATE, RATE, tape.pcm(25 * RATE))
    tape.hums(5, kept)
    tape.stops()
    assert len(tape.drafts) == 2
    assert tape.seamless()


def test_while_a_reply_from_before_sounds_its_recording_stays_open() -> None:
    tape = Tape()
    tape.hums(599)
    tape.sounding = Placing(1, REPLY_RATE, 0, 599 * RATE)  # and somebody pauses
    tape.hums(900)
    assert tape.complete == []
    assert len(tape.drafts) == 2, "a third does not begin before the first is complete"
    tape.sounding = None
    tape.hums(1)
    assert tape.complete == tape.drafts[:1]


def test_where_nothing_sounds_there_is_silence_as_long() -> None:
    tape = Tape()
    tape.hums(10)
    for _ in range(2 * 700):
        tape.passes()
    tape.hums(10)
    tape.stops()
    assert len(tape.drafts) == 2
    assert tape.seamless()


def test_a_row_is_written_when_there_is_sound_and_a_conversation() -> None:
    tape = Tape(turns=0)
    tape.hums(5)
    assert tape.rows == []
    tape.conversation.turns = 1
    tape.hums(5)
    assert tape.rows == tape.drafts
    nothing = Tape()
    nothing.passes()
    nothing.stops()
    assert (nothing.rows, nothing.complete) == ([], [])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 3 * RATE), st.integers(-2 * RATE, 2 * RATE), st.integers(0, 2 * RATE), st.booleans())
def test_no_sample_is_lost_or_doubled_at_the_seam(start: int, cut_from: int, count: int, late: bool) -> None:
    tape = Tape(start=start)
    for _ in range(2 * 598):  # nothing is said for long, as far as is known yet
        tape.passes()
    tape.tells(4)
    around = start + 600 * RATE + cut_from
    news = [cut(around, around + count)] if not late else [sound(LEFT, around, RATE, tape.pcm(count))]
    tape.hums(2, *news)
    tape.stops()
    assert len(tape.drafts) == 2
    assert tape.seamless()
