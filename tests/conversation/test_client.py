from __future__ import annotations

import asyncio

from vivavoce.conversation.client import MISSED, Client
from vivavoce.conversation.outputs import Duck, Hold, Output, Problem, ReplyAudio, ReplyDone, ReplyText, StateChanged


class Ear:
    def __init__(self) -> None:
        self.heard: list[Output] = []

    def send(self, output: Output) -> None:
        self.heard.append(output)


async def test_what_is_said_while_the_line_is_down_is_said_once_it_is_back_but_for_sound() -> None:
    first, second = Ear(), Ear()
    client = Client(first)
    await asyncio.sleep(5)
    assert client.lose(first)
    assert (client.attached, client.lost_at) == (False, 5)
    client.send(Problem("asr_failed", "no"))
    client.send(ReplyAudio(1, 0, b"\0\0"))
    client.send(ReplyText(1, "yes", 0))
    client.meet(second)
    client.catch_up()
    client.catch_up()
    assert first.heard == []
    assert second.heard == [Problem("asr_failed", "no"), ReplyText(1, "yes", 0)]
    assert client.lost_at is None


async def test_what_is_going_on_is_said_again_to_a_new_line() -> None:
    first, second = Ear(), Ear()
    client = Client(first)
    for output in (StateChanged("thinking"), StateChanged("speaking"), Duck(1, 0.3), Hold(1)):
        client.send(output)
    client.meet(second)
    client.catch_up()
    assert second.heard == [StateChanged("speaking"), Duck(1, 0.3), Hold(1)]
    third = Ear()
    client.send(ReplyDone(1, "interrupted", 0, ""))
    client.meet(third)
    client.catch_up()
    assert third.heard == [StateChanged("speaking")]


async def test_a_line_that_was_replaced_is_told_and_cannot_be_lost() -> None:
    first, second = Ear(), Ear()
    client = Client(first)
    client.meet(second)
    assert [problem.code for problem in first.heard if isinstance(problem, Problem)] == ["replaced"]
    assert not client.lose(first)
    assert client.attached


async def test_of_too_much_the_oldest_is_forgotten() -> None:
    ear = Ear()
    client = Client(ear)
    client.lose(ear)
    for number in range(MISSED + 3):
        client.send(ReplyText(number, "", None))
    client.meet(ear)
    client.catch_up()
    assert len(ear.heard) == MISSED
    assert ear.heard[-1] == ReplyText(MISSED + 2, "", None)


async def test_after_parting_nothing_is_said() -> None:
    ear = Ear()
    client = Client(ear)
    client.part()
    client.send(StateChanged("listening"))
    assert ear.heard == []
