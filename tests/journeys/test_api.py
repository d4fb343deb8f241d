"""The REST API and the conversations of one real server: what is done here works there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import websockets

from journeys.server import Server, serving
from vivavoce.client import VivavoceClient
from vivavoce.client.forms import AppBody, Session

pytestmark = pytest.mark.journey

SCRIPTED = ["vad", "asr", "llm", "tts"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = [word for part in SCRIPTED for word in ("-s", f"{part}.backend=scripted")]
    with serving(tmp_path_factory.mktemp("server"), *settings) as server:
        yield server


@asynccontextmanager
async def talking(server: Server, name: str, token: str, **wishes: Any) -> AsyncIterator[Any]:
    """A socket that has asked for a conversation; iterate over it for messages."""
    shown = {"Authorization": f"Bearer {token}"}
    async with websockets.connect(server.socket(f"/ws/duplex/{name}"), additional_headers=shown) as socket:
        await socket.send(json.dumps({"type": "prepare", **wishes}))
        yield socket


async def until(socket: Any, kind: str) -> dict[str, Any]:
    """The next message of this kind."""
    async with asyncio.timeout(20):
        async for message in socket:
            if isinstance(message, str) and (found := json.loads(message))["type"] == kind:
                return dict(found)
    raise AssertionError(f"the socket closed before {kind}: {socket.close_code} {socket.close_reason}")


async def shown(client: VivavoceClient, name: str) -> Session:
    """That session, once it is listed with the app it talks with: that comes with its first turn."""
    async with asyncio.timeout(20):
        while True:
            async for one in client.sessions.list():
                if one.id == name and one.app:
                    return one
            await asyncio.sleep(0.1)  # the server is another process: there is nothing here to wait for


async def test_who_talks_is_seen_and_can_be_ended(server: Server) -> None:
    async with VivavoceClient(server.url) as client:
        me = (await client.sign_in_by_link(server.link())).user
        token = client.bearer
        assert token is not None
        async with talking(server, "seen-and-ended", token) as socket:
            await until(socket, "prepared")
            await socket.send(json.dumps({"type": "text", "text": "good morning"}))
            await until(socket, "reply_started")
            seen = await shown(client, "seen-and-ended")
            assert (seen.owner, seen.kind, seen.app) == (me.id, "duplex", "assistant")
            await client.sessions.end(me.id, "seen-and-ended")
            assert (await until(socket, "stopped"))["type"] == "stopped"


async def test_an_app_that_is_switched_off_takes_no_new_conversation(server: Server) -> None:
    async with VivavoceClient(server.url, token=server.token) as client:
        app = await client.apps.create("kitchen", AppBody(name="Kitchen", prompt="Cook.", modes=["hands_free"]))
        async with talking(server, "kitchen-running", server.token, app="kitchen") as running:
            await until(running, "prepared")
            await client.apps.switch(app, False)
            async with talking(server, "kitchen-too-late", server.token, app="kitchen") as late:
                assert (await until(late, "error"))["code"] == "app_disabled"
            await running.send(json.dumps({"type": "text", "text": "are you still there"}))
            assert (await until(running, "reply_started"))["type"] == "reply_started"
        await client.apps.delete("kitchen")


async def test_signing_out_ends_what_was_talked_with_it(server: Server) -> None:
    async with VivavoceClient(server.url) as client:
        await client.sign_in_by_link(server.link())
        token = client.bearer
        assert token is not None
        async with talking(server, "signs-out-soon", token) as socket:
            await until(socket, "prepared")
            await client.sign_out()
            assert (await until(socket, "error"))["code"] == "token_revoked"


async def test_a_setting_works_at_once_for_whoever_begins_to_talk(server: Server) -> None:
    async with VivavoceClient(server.url, token=server.token) as client:
        before = await client.settings.get()
        assert (await client.apps.get("assistant")).prompt != "You are a pirate."
        after = await client.settings.change({"talk.system_prompt": "You are a pirate."}, before.version)
        assert (await client.apps.get("assistant")).prompt == "You are a pirate."
        await client.settings.change({"talk.system_prompt": None}, after.version)
