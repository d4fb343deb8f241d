from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from vivavoce.audio.segmenter import Boundary, Confirmed, Ended, Onset, SegmenterSettings
from vivavoce.conversation.cascade.ear import Ear
from vivavoce.conversation.cascade.listening import Listening
from vivavoce.inference.backends.scripted import ScriptedRecognizer, ScriptedVad
from vivavoce.inference.batching import VadBatcher
from vivavoce.testing.rehearsal import LOUD, QUIET


class Stage:
    """An ear whose batcher waits for the loop, and what it tells."""

    def __init__(self, on_border: Callable[[Boundary], None] | None = None) -> None:
        self.borders: list[Boundary] = []
        self.windows = 0
        self.fault: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.vad = VadBatcher(ScriptedVad())
        self.listening = Listening(
            ScriptedRecognizer("hello"),
            "en",
            on_partial=lambda _: None,
            on_final=lambda *_: None,
            on_failure=lambda *_: None,
        )
        self.ear = Ear(
            self.vad,
            SegmenterSettings(),
            self.listening,
            on_border=on_border or self.borders.append,
            on_window=self._count,
            owner=self.fault,
        )
        self.ear.open()

    def _count(self) -> None:
        self.windows += 1


async def test_borders_come_in_audio_time_however_fast_the_sound_came() -> None:
    stage = Stage()
    stage.ear.feed(QUIET * 25 + LOUD * 50 + QUIET * 25)
    await asyncio.sleep(0.1)
    assert [type(border) for border in stage.borders] == [Onset, Confirmed, Ended]
    assert [border.at for border in stage.borders[1:]] == pytest.approx([500, 1500], abs=40)
    assert stage.windows == 2000 // 32
    assert stage.ear.now == stage.windows * 32
    stage.ear.close()


async def test_what_waits_for_the_sound_before_it_comes_after_all_of_it() -> None:
    stage = Stage()
    seen: list[int] = []
    stage.ear.feed(LOUD * 50 + b"\0\0")
    stage.ear.after(lambda: seen.append(stage.ear.now))
    stage.ear.feed(LOUD * 50)
    await asyncio.sleep(0.1)
    (at,) = seen
    assert 1000 < at <= 1032, "the rest of a window is filled up, not forgotten"
    stage.ear.close()


async def test_with_nothing_before_it_nothing_waits() -> None:
    stage = Stage()
    seen: list[int] = []
    stage.ear.after(lambda: seen.append(1))
    assert seen == [1]
    stage.ear.close()


async def test_the_moment_of_a_sound_is_counted_back_from_the_newest() -> None:
    stage = Stage()
    for _ in range(50):
        stage.ear.feed(QUIET)
        await asyncio.sleep(0.02)
    assert stage.ear.moment(400) == pytest.approx(0.4, abs=0.001)
    stage.ear.close()


async def test_a_fault_of_the_listener_is_the_owners() -> None:
    def fail(border: Boundary) -> None:
        raise ZeroDivisionError

    stage = Stage(fail)
    stage.ear.feed(LOUD * 50)
    with pytest.raises(ZeroDivisionError):
        await stage.fault
    stage.ear.close()
