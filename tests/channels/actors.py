"""The other ends of a channel: a socket that remembers, sessions that do as they are told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

from vivavoce import aio
from vivavoce.channels.connection import IN_PROCESS, Connection
from vivavoce.channels.contract import Outlet
from vivavoce.channels.door import Caller
from vivavoce.channels.limits import SocketLimits
from vivavoce.channels.metrics import Metrics
from vivavoce.conversation import outputs
from vivavoce.conversation.inputs import UserInput
from vivavoce.conversation.views import SessionSpec
from vivavoce.errors import Refused, VivavoceError, WrongOrder
from vivavoce.wire.base import AudioFrame


class Tape:
    """A transport that keeps what it was given."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.sound: list[AudioFrame] = []
        self.closed: tuple[int, str] | None = None
        self.was_cut = False
        self.unread = 0

    def send_text(self, data: bytes) -> None:
        assert self.closed is None, "a message after the close"
        self.messages.append(json.loads(data))

    def send_binary(self, data: bytes) -> None:
        assert self.closed is None, "sound after the close"
        self.sound.append(AudioFrame.parse(data))

    def close(self, code: int, reason: str) -> None:
        assert self.closed is None, "closed twice"
        self.closed = (code, reason)

    def cut(self) -> None:
        self.was_cut = True

    def buffered(self) -> int:
        return self.unread

    @property
    def types(self) -> list[str]:
        return [message["type"] for message in self.messages]

    @property
    def errors(self) -> list[str]:
        return [message["code"] for message in self.messages if message["type"] == "error"]


class FakeSession:
    """Remembers what it hears and is told."""

    def __init__(self, spec: SessionSpec, outlet: Outlet) -> None:
        self.spec = spec
        self.outlet = outlet
        self.heard = b""
        self.inputs: list[UserInput] = []
        self.detached = 0
        self.raises: Exception | None = None
        self.takes: int | None = None
        """Inputs taken before all others are refused; None: all are taken."""

    def audio(self, pcm: bytes) -> None:
        self.heard += pcm

    def handle(self, event: UserInput) -> None:
        if self.raises:
            raise self.raises
        if len(self.inputs) == self.takes:
            raise WrongOrder("not now")
        self.inputs.append(event)

    def detach(self, outlet: Outlet) -> None:
        assert outlet is self.outlet
        self.detached += 1


class FakeSessions:
    """Opens at once, or when `gate` is set; refuses with `refusal`, and an id that is in use."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.refusal: Exception | None = None
        self.opened: list[FakeSession] = []
        self.resumes: list[str | None] = []
        self.given_back = 0
        self.takes: int | None = None
        self.rate = 0
        """Hz of a session that is resumed; 0: as asked for."""

    @property
    def session(self) -> FakeSession:
        return self.opened[-1]

    async def open(self, spec: SessionSpec, outlet: Outlet, resume: str | None = None) -> FakeSession:
        self.resumes.append(resume)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.given_back += 1
            raise
        if self.refusal:
            raise self.refusal
        if any(old.spec.session_id == spec.session_id and not old.detached for old in self.opened):
            raise Refused("this session is open in another place", code="session_in_use")
        session = FakeSession(spec, outlet)
        session.takes = self.takes
        self.opened.append(session)
        outlet.send(outputs.QueueDone(0))
        outlet.send(
            outputs.Prepared(
                session_id=spec.session_id,
                resume="next-token",
                processor="cascade",
                output_rate=self.rate or spec.output_rate,
                heard=("en",),
                spoken=("en", "zh"),
                limits={"session_s": 14_400.0},
                resumed=resume is not None,
            )
        )
        return session


class Stage:
    """A connection on a tape, with the group that owns its tasks."""

    def __init__(
        self, group: asyncio.TaskGroup, limits: SocketLimits | None = None, caller: Caller = IN_PROCESS
    ) -> None:
        self.tape = Tape()
        self.sessions = FakeSessions()
        self.metrics = Metrics()

        def spawn(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
            return aio.spawn(group, work, name)

        self.connection = Connection(self.tape, limits or SocketLimits(), self.metrics, spawn, caller)

    def say(self, message: dict[str, Any]) -> None:
        self.connection.received_text(json.dumps(message).encode())

    def sound(self, data: bytes) -> None:
        self.connection.received_binary(data)


class Echo:
    """A channel that remembers, and raises what it is told to."""

    def __init__(self, raises: VivavoceError | Exception | None = None) -> None:
        self.raises = raises
        self.texts: list[bytes] = []
        self.sounds: list[bytes] = []
        self.closes = 0

    def text(self, data: bytes) -> None:
        if self.raises:
            raise self.raises
        self.texts.append(data)

    def sound(self, data: bytes) -> None:
        self.sounds.append(data)

    def closed(self) -> None:
        self.closes += 1


async def settled() -> None:
    """Let what was spawned run until it waits for something."""
    for _ in range(5):
        await asyncio.sleep(0)
