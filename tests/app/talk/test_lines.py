from __future__ import annotations

import asyncio
import re

import pytest
from websockets.asyncio.server import ServerConnection, serve

from vivavoce.app.talk.lines import _address, there
from vivavoce.errors import BackendUnavailable, Closed, ConfigError
from vivavoce.wire import duplex
from vivavoce.wire.base import AudioFrame


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:8006", r"ws://127\.0\.0\.1:8006/ws/duplex/talk-[0-9a-f]{12}"),
        ("127.0.0.1:8006", r"ws://127\.0\.0\.1:8006/ws/duplex/talk-[0-9a-f]{12}"),
        ("https://voice.example/", r"wss://voice\.example/ws/duplex/talk-[0-9a-f]{12}"),
        ("ws://127.0.0.1:8006/ws/duplex/mine", r"ws://127\.0\.0\.1:8006/ws/duplex/mine"),
    ],
)
def test_an_address_leads_to_a_session(url: str, address: str) -> None:
    assert re.fullmatch(address, _address(url))


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "http://", "file:///etc/passwd"])
def test_what_is_no_address_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="an address begins with"):
        _address(url)


class Hearer:
    def __init__(self) -> None:
        self.over = asyncio.get_running_loop().create_future()

    def message(self, message: duplex.ServerMessage) -> None: ...

    def sound(self, frame: AudioFrame) -> None: ...

    def ended(self, error: Closed | None) -> None:
        self.over.set_result(error)


@pytest.mark.journey
async def test_a_server_that_is_lost_is_told_with_what_to_do() -> None:
    async def dies(connection: ServerConnection) -> None:
        connection.transport.abort()

    async with serve(dies, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        hearer = Hearer()
        async with there(hearer, f"http://127.0.0.1:{port}") as line:
            error = await hearer.over
            line.say(duplex.Stop())  # which goes nowhere, quietly
    assert isinstance(error, Closed)
    assert error.message.startswith("the connection was lost; see whether the server is still running")


@pytest.mark.journey
async def test_a_server_that_is_not_there_is_told_with_what_to_do() -> None:
    with pytest.raises(BackendUnavailable, match=r"no conversation at ws://127\.0\.0\.1:9/.*is the server running\?"):
        async with there(Hearer(), "http://127.0.0.1:9"):
            pass
