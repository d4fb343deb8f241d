from __future__ import annotations

import asyncio

import pytest

from channels.actors import Echo, Stage, settled
from vivavoce.channels.link import EARLY_INPUTS, Link
from vivavoce.conversation import outputs
from vivavoce.conversation.inputs import Commit, UserText
from vivavoce.conversation.views import SessionSpec
from vivavoce.errors import BadInput, Refused, WrongOrder


class Deaf:
    def send(self, output: outputs.Output) -> None:
        pass


def linked(group: asyncio.TaskGroup, early_bytes: int = 100) -> tuple[Stage, Link]:
    stage = Stage(group)
    stage.connection.channel = Echo()
    return stage, Link(stage.connection, stage.sessions, Deaf(), early_bytes)


async def test_what_comes_early_is_given_in_its_order_once_the_session_is_there() -> None:
    async with asyncio.TaskGroup() as group:
        stage, link = linked(group)
        stage.sessions.gate.clear()
        link.open(SessionSpec("s"))
        link.audio(b"ab")
        link.handle(UserText("one"))
        link.audio(b"cd")
        link.handle(Commit())
        stage.sessions.gate.set()
        await settled()
        link.audio(b"ef")
        assert stage.sessions.session.heard == b"abcdef"
        assert stage.sessions.session.inputs == [UserText("one"), Commit()]
        stage.connection.lost()


async def test_of_early_sound_only_the_newest_is_kept() -> None:
    async with asyncio.TaskGroup() as group:
        stage, link = linked(group, early_bytes=4)
        stage.sessions.gate.clear()
        link.open(SessionSpec("s"))
        for pair in (b"ab", b"cd", b"ef"):
            link.audio(pair)
        stage.sessions.gate.set()
        await settled()
        assert stage.sessions.session.heard == b"cdef"
        stage.connection.lost()


async def test_too_many_early_inputs_are_named() -> None:
    async with asyncio.TaskGroup() as group:
        stage, link = linked(group)
        stage.sessions.gate.clear()
        link.open(SessionSpec("s"))
        for _ in range(EARLY_INPUTS):
            link.handle(Commit())
        with pytest.raises(BadInput) as caught:
            link.handle(Commit())
        assert caught.value.code == "too_fast"
        link.close()
        stage.connection.lost()


async def test_early_inputs_that_weigh_too_much_are_named() -> None:
    async with asyncio.TaskGroup() as group:
        stage, link = linked(group, early_bytes=100)
        stage.sessions.gate.clear()
        link.open(SessionSpec("s"))
        link.handle(UserText("x" * 60), 60)
        with pytest.raises(BadInput):
            link.handle(UserText("x" * 60), 60)
        link.close()
        stage.connection.lost()


async def test_a_client_that_leaves_the_queue_gives_its_ticket_back() -> None:
    async with asyncio.TaskGroup() as group:
        stage, link = linked(group)
        stage.sessions.gate.clear()
        link.open(SessionSpec("s"))
        await settled()
        link.close()
        await settled()
        assert stage.sessions.given_back == 1
        assert stage.sessions.opened == []
        stage.connection.lost()


async def test_a_client_that_leaves_later_leaves_its_session_for_a_resume() -> None:
    async with asyncio.TaskGroup() as group:
        stage, link = linked(group)
        link.open(SessionSpec("s"))
        await settled()
        link.close()
        assert stage.sessions.session.detached == 1
        stage.connection.lost()


async def test_a_client_that_left_while_its_session_was_being_made_keeps_it_for_a_resume() -> None:
    async with asyncio.TaskGroup() as group:
        stage, link = linked(group)

        class LeavingOutlet:
            def send(self, output: outputs.Output) -> None:
                if isinstance(output, outputs.Prepared):
                    leaving.close()

        leaving = Link(stage.connection, stage.sessions, LeavingOutlet(), 100)
        leaving.open(SessionSpec("s"))
        await settled()
        assert stage.sessions.session.detached <= 1
        assert leaving.session is None
        link.close()
        stage.connection.lost()


async def test_a_refusal_is_told_to_the_client() -> None:
    async with asyncio.TaskGroup() as group:
        stage, link = linked(group)
        stage.sessions.refusal = Refused("in use", code="session_in_use")
        link.open(SessionSpec("s"))
        await settled()
        assert stage.tape.errors == ["session_in_use"]
        assert stage.tape.closed == (1008, "session_in_use")


async def test_an_early_input_that_makes_no_sense_is_named_and_the_rest_goes_on() -> None:
    async with asyncio.TaskGroup() as group:
        stage, link = linked(group)

        class Prudish:
            def __init__(self) -> None:
                self.inputs: list[object] = []

            def audio(self, pcm: bytes) -> None: ...

            def handle(self, event: object) -> None:
                if isinstance(event, UserText):
                    raise WrongOrder("not now")
                self.inputs.append(event)

            def detach(self, outlet: object) -> None: ...

        prudish = Prudish()

        class OneSession:
            async def open(self, spec: SessionSpec, outlet: object, resume: str | None = None) -> Prudish:
                return prudish

        link = Link(stage.connection, OneSession(), Deaf(), 100)
        link.open(SessionSpec("s"))
        link.handle(UserText("hi"))
        link.handle(Commit())
        await settled()
        assert stage.tape.errors == ["wrong_order"]
        assert prudish.inputs == [Commit()]
        stage.connection.lost()
