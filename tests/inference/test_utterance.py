"""An utterance under a policy: heard live once, again from memory for each further try, and forgotten in the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import pytest

from vivavoce.errors import BackendError, Closed
from vivavoce.inference.policies import Source
from vivavoce.inference.ports import Transcript
from vivavoce.inference.utterance import MOST_SOUND, RunningUtterance, UtteranceRecognizer
from vivavoce.testing.fakes import FakeRecognition, FakeRecognizer

ONE, TWO = b"\1\0" * 320, b"\2\0" * 320
BROKEN = BackendError("broken")
Tries = Source[RunningUtterance, Transcript]


def asking(*indexes: int) -> Tries:
    """A policy that asks those recognisers, one after another, until one understands."""

    async def run(request: RunningUtterance) -> AsyncGenerator[Transcript, None]:
        for left, index in zip(reversed(range(len(indexes))), indexes, strict=True):
            try:
                async with aclosing(request.attempt(index)) as transcripts:
                    async for transcript in transcripts:
                        yield transcript
                return
            except BackendError:
                if not left:
                    raise

    return run


def begun(run: Tries, *recognizers: FakeRecognizer, partial: Callable[[str], None] | None = None) -> RunningUtterance:
    recognition = UtteranceRecognizer(recognizers[0].capabilities, recognizers, run).listen("zh", partial)
    assert isinstance(recognition, RunningUtterance)
    return recognition


def heard(recognition: FakeRecognition) -> tuple[bytes, str, str]:
    return bytes(recognition.sound), recognition.language, recognition.state


async def test_the_first_one_hears_it_live_and_is_asked_first() -> None:
    fake = FakeRecognizer("hello", partials=("hel", "hello"))
    partials: list[str] = []
    running = begun(asking(0), fake, partial=partials.append)
    running.feed(ONE)
    running.feed(TWO)
    assert partials == ["hel", "hello"]
    assert fake.utterances[0].sound == ONE + TWO
    assert (await running.finish()).text == "hello"
    assert len(fake.utterances) == 1


async def test_the_next_one_hears_all_of_it_from_memory_and_tells_no_partials() -> None:
    first, second = FakeRecognizer(error=BROKEN), FakeRecognizer("hello", partials=("hel",))
    partials: list[str] = []
    running = begun(asking(0, 1), first, second, partial=partials.append)
    running.feed(ONE)
    running.feed(TWO)
    assert not second.utterances, "nobody listens twice while it is spoken"
    assert (await running.finish()).text == "hello"
    assert heard(second.utterances[0]) == (ONE + TWO, "zh", "finished")
    assert partials == []


async def test_the_error_of_the_last_try_is_told() -> None:
    running = begun(asking(0, 0, 0), fake := FakeRecognizer(error=BROKEN))
    running.feed(ONE)
    with pytest.raises(BackendError, match="broken"):
        await running.finish()
    assert [heard(each)[0] for each in fake.utterances] == [ONE] * 3


async def test_one_that_cannot_begin_is_begun_by_the_first_try() -> None:
    class Reluctant(FakeRecognizer):
        refusals = 1

        def listen(self, language: str, on_partial: Callable[[str], None] | None = None) -> FakeRecognition:
            if self.refusals:
                self.refusals -= 1
                raise BROKEN
            return super().listen(language, on_partial)

    running = begun(asking(0), fake := Reluctant("hello"))
    running.feed(ONE)
    assert (await running.finish()).text == "hello"
    assert heard(fake.utterances[0]) == (ONE, "zh", "finished")


async def test_what_is_kept_for_another_try_is_bounded_and_the_live_one_hears_on() -> None:
    first, second = FakeRecognizer(error=BROKEN), FakeRecognizer("hello")
    running = begun(asking(0, 1), first, second)
    running.feed(bytes(MOST_SOUND - 10))
    running.feed(TWO)
    running.feed(TWO)
    await running.finish()
    assert first.utterances[0].sound == bytes(MOST_SOUND - 10) + TWO + TWO
    assert second.utterances[0].sound == bytes(MOST_SOUND - 10) + TWO[:10]


async def test_it_ends_once() -> None:
    running = begun(asking(0), FakeRecognizer("hello"))
    await running.finish()
    with pytest.raises(Closed, match="finished"):
        running.feed(ONE)
    with pytest.raises(Closed, match="finished"):
        await running.finish()
    running.cancel()
    with pytest.raises(Closed, match="cancelled"):
        await running.finish()


async def test_cancelled_before_its_end_nothing_listens_any_more() -> None:
    running = begun(asking(0), fake := FakeRecognizer())
    running.feed(ONE)
    running.cancel()
    running.cancel()
    assert fake.utterances[0].state == "cancelled"
    with pytest.raises(Closed):
        running.feed(TWO)


@pytest.mark.parametrize("by", ["cancel", "the caller"])
async def test_given_up_during_a_try_that_one_is_cancelled(by: str) -> None:
    running = begun(asking(0, 1), first := FakeRecognizer(gate=asyncio.Event()), second := FakeRecognizer())
    running.feed(ONE)
    if by == "cancel":
        asyncio.get_running_loop().call_later(1, running.cancel)
        with pytest.raises(Closed):
            await running.finish()
    else:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(running.finish(), 1)
    assert first.utterances[0].state == "cancelled"
    assert not second.utterances
