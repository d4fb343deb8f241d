"""Journeys over real sockets: uvicorn, picows and an independent client."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

import httpx
import pytest
import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from channels.server import RawClient, Serving, eventually, serving
from vivavoce.channels.limits import SocketLimits
from vivavoce.conversation import outputs
from vivavoce.conversation.inputs import UserText

pytestmark = pytest.mark.journey


async def heard(client: ClientConnection) -> dict[str, Any]:
    message = await client.recv()
    assert isinstance(message, str)
    found: dict[str, Any] = json.loads(message)
    return found


async def until(client: ClientConnection, kind: str) -> dict[str, Any]:
    while (message := await heard(client))["type"] != kind:
        pass
    return message


async def ended(client: ClientConnection) -> tuple[int, str]:
    """Read to the end: how the server closed."""
    with suppress(ConnectionClosed):
        async for _ in client:
            pass
    return client.close_code or 0, client.close_reason or ""


async def refused(made: Serving, path: str = "/ws/duplex/kitchen-1", **options: Any) -> httpx.Response:
    with pytest.raises(InvalidStatus) as caught:
        await connect(made.url(path), **options)
    answer = caught.value.response
    return httpx.Response(answer.status_code, headers=list(answer.headers.raw_items()), content=bytes(answer.body))


async def talk(made: Serving) -> None:
    async with made.client() as client:
        await client.send('{"type": "prepare"}')
        assert (await until(client, "prepared"))["session_id"] == "kitchen-1"
        session = made.sessions.session
        for number in range(50):
            await client.send(bytes([number, 0]) * 320)
        await client.send('{"type": "text", "text": "hello"}')
        await eventually(lambda: session.inputs)
        assert session.inputs == [UserText("hello")]
        assert session.heard == b"".join(bytes([number, 0]) * 320 for number in range(50))
        session.outlet.send(outputs.ReplyStarted(1, 1))
        session.outlet.send(outputs.ReplyAudio(1, 960, b"\7\0" * 20_000))
        assert await heard(client) == {"type": "reply_started", "reply": 1, "turn": 1}
        assert await client.recv() == bytes([0, 0, 0, 1, 0, 0, 3, 192]) + b"\7\0" * 20_000
    await eventually(lambda: session.detached)
    await eventually(lambda: not len(made.gateway))


async def test_a_conversation() -> None:
    async with serving() as made:
        await talk(made)


def test_a_conversation_under_uvloop() -> None:
    async def work() -> None:
        async with serving() as made:
            await talk(made)
            async with made.client() as client:
                await client.send(b"\0" * 10_000_000)
                assert (await until(client, "error"))["code"] == "message_too_large"
                assert await ended(client) == (1009, "message_too_large")

    uvloop.run(work())


async def test_http_and_websockets_share_a_port() -> None:
    async with serving() as made, httpx.AsyncClient() as http, made.client():
        answer = await http.get(f"http://127.0.0.1:{made.port}/health")
        assert answer.json() == {"status": "ok"}
        await eventually(lambda: len(made.gateway) == 1)
        assert b'vivavoce_sockets_open{channel="duplex"} 1.0' in made.metrics.render()


async def test_our_subprotocol_is_echoed_and_nothing_is_compressed() -> None:
    async with serving() as made:
        async with connect(made.url(), subprotocols=["other", "vivavoce.v1"], compression="deflate") as client:
            assert client.subprotocol == "vivavoce.v1"
            assert client.protocol.extensions == []
        async with made.client() as client:
            assert client.subprotocol is None


async def test_foreign_origin_and_rebound_host_get_403() -> None:
    async with serving() as made:
        for options in (
            {"origin": "http://evil.example"},
            {"origin": "null"},
            {"additional_headers": {"Origin": "http://localhost:3000"}},
        ):
            answer = await refused(made, **options)
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        with pytest.raises(InvalidStatus) as caught:
            await connect(f"ws://evil.example:{made.port}/ws/duplex/a-session", host="127.0.0.1", port=made.port)
        assert caught.value.response.status_code == 403
        async with connect(made.url(), origin=f"http://127.0.0.1:{made.port}"):
            pass
        assert made.sessions.opened == []


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/ws/",
        "/ws/duplex/",
        "/ws/duplex/seven-7",
        "/ws/duplex/session b",
        "/ws/duplex/session/b",
        "/ws/duplex/" + "a" * 65,
    ],
)
async def test_a_path_that_is_none_of_ours_gets_404(path: str) -> None:
    async with serving() as made:
        assert (await refused(made, path.replace(" ", "%20"))).status_code == 404


async def test_while_loading_and_while_draining_the_answer_is_503_and_when_to_come_back() -> None:
    async with serving() as made:
        made.readiness.loading("the recogniser")
        answer = await refused(made)
        assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "loading", "2")
        made.readiness.drain()
        assert (await refused(made)).json()["code"] == "draining"


async def test_more_connections_than_agreed_get_503() -> None:
    async with serving(SocketLimits(connections=1)) as made, made.client():
        await eventually(lambda: len(made.gateway) == 1)
        assert (await refused(made)).json()["code"] == "overloaded"


async def test_an_upgrade_as_firefox_asks_for_it() -> None:
    async with serving() as made:
        client = await RawClient.dial(made.port, connection="keep-alive, Upgrade")
        assert await client.answer() == "HTTP/1.1 101 Switching Protocols"
        await client.hang_up()


@pytest.mark.parametrize("fragments", [1, 10])
async def test_a_message_of_ten_megabytes_is_named_before_the_close(fragments: int) -> None:
    async with serving() as made, made.client() as client:
        piece = "x" * (10_000_000 // fragments)
        with suppress(ConnectionClosed):
            await client.send(piece if fragments == 1 else [piece] * fragments)
        assert (await until(client, "error"))["code"] == "message_too_large"
        assert await ended(client) == (1009, "message_too_large")


async def test_fragments_make_one_message() -> None:
    async with serving() as made, made.client() as client:
        await client.send(['{"type":', ' "pre', 'pare"}'])
        await until(client, "prepared")
        await client.send([b"\1", b"\0\2", b"\0"])
        await eventually(lambda: made.sessions.session.heard)
        assert made.sessions.session.heard == b"\1\0\2\0"


async def test_what_counts_is_the_size_of_a_message_not_of_all_of_them() -> None:
    async with serving() as made, made.client() as client:
        await client.send('{"type": "prepare"}')
        await until(client, "prepared")
        for _ in range(50):
            await client.send(bytes(32_000))
        await client.send('{"type": "sing"}')
        while (await until(client, "error"))["code"] == "too_fast":
            pass
        assert made.errors("message_too_large") == 0


async def test_each_mistake_has_its_name_and_the_talk_goes_on() -> None:
    async with serving() as made, made.client() as client:
        for mistake, code in (
            ('{"type": "commit"}', "wrong_order"),
            (b"\0\0", "wrong_order"),
            ('{"type": "sing"}', "unknown_type"),
            ("{", "bad_json"),
            ('{"type": "prepare", "patience": 9}', "bad_input"),
        ):
            await client.send(mistake)
            assert (await until(client, "error"))["code"] == code
        await client.send('{"type": "prepare"}')
        await until(client, "prepared")
        await client.send(b"\0\0\0")
        assert (await until(client, "error"))["code"] == "bad_audio"


async def test_two_clients_with_one_session_id() -> None:
    async with serving() as made, made.client() as first:
        await first.send('{"type": "prepare"}')
        await until(first, "prepared")
        async with made.client() as second:
            await second.send('{"type": "prepare"}')
            assert (await until(second, "error"))["code"] == "session_in_use"
            assert await ended(second) == (1008, "session_in_use")
        await first.send(b"\1\0")
        await eventually(lambda: made.sessions.session.heard)


async def test_a_client_that_says_nothing_is_let_go() -> None:
    async with serving(SocketLimits(first_message_s=0.1)) as made, made.client() as client:
        assert (await heard(client))["code"] == "first_message_timeout"
        assert await ended(client) == (1008, "first_message_timeout")


async def test_a_client_that_never_reads_is_cut() -> None:
    async with serving(SocketLimits(blocked_s=0.2)) as made:
        client = await RawClient.dial(made.port)
        await client.answer()
        client.frame(0x81, b'{"type": "prepare"}')
        await eventually(lambda: made.sessions.opened)
        session = made.sessions.session
        for number in range(60):
            session.outlet.send(outputs.ReplyAudio(1, number * 480, bytes(9_600)))
            await asyncio.sleep(0)
        assert not session.detached
        await eventually(lambda: session.detached)
        assert made.errors("slow_client") == 1
        await client.hang_up()


async def test_a_client_that_says_goodbye_and_does_not_read_is_gone_soon() -> None:
    async with serving(SocketLimits(linger_s=0.2)) as made:
        client = await RawClient.dial(made.port)
        await client.answer()
        client.frame(0x81, b'{"type": "prepare"}')
        await eventually(lambda: made.sessions.opened)
        session = made.sessions.session
        for number in range(20):
            session.outlet.send(outputs.ReplyAudio(1, number * 480, bytes(9_600)))
        client.frame(0x88, b"\x03\xe8")
        await eventually(lambda: session.detached)
        await client.hang_up()


async def test_a_client_that_answers_no_ping_is_dead() -> None:
    async with serving(SocketLimits(ping_s=0.1)) as made:
        client = await RawClient.dial(made.port)
        await client.answer()
        client.frame(0x81, b'{"type": "prepare"}')
        await eventually(lambda: made.sessions.opened)
        await eventually(lambda: made.sessions.session.detached)
        await client.hang_up()


@pytest.mark.parametrize(
    ("first_byte", "masked"),
    [(0x80, True), (0xC1, True), (0xC2, True), (0xA2, True), (0x92, True), (0x81, False), (0x83, True)],
    ids=[
        "continuation of nothing",
        "compressed text",
        "compressed sound",
        "sound with the second reserved bit",
        "sound with the third reserved bit",
        "without a mask",
        "unknown opcode",
    ],
)
async def test_what_breaks_the_websocket_protocol_is_closed_with_1002(first_byte: int, masked: bool) -> None:
    async with serving() as made:
        client = await RawClient.dial(made.port)
        await client.answer()
        client.frame(first_byte, b"{}", masked=masked)
        assert await client.closing() == 1002
        await client.hang_up()


async def test_a_client_may_go_with_and_without_a_word() -> None:
    async with serving() as made:
        for payload, number in ((b"\x03\xe9", 1001), (b"", 1000), (b"\x0f\xa1bye", 4001)):
            client = await RawClient.dial(made.port)
            await client.answer()
            client.frame(0x88, payload)
            assert await client.closing() == number
            await client.hang_up()
        client = await RawClient.dial(made.port)
        await client.answer()
        client.frame(0x81, b'{"type": "prepare"}')
        await eventually(lambda: made.sessions.opened)
        client.writer.transport.abort()
        await eventually(lambda: made.sessions.session.detached)
        await client.hang_up()


async def test_a_session_that_ends_closes_its_socket_normally() -> None:
    async with serving() as made, made.client() as client:
        await client.send('{"type": "prepare"}')
        await until(client, "prepared")
        made.sessions.session.outlet.send(outputs.Stopped("idle"))
        assert await until(client, "stopped") == {"type": "stopped", "reason": "idle"}
        assert await ended(client) == (1000, "idle")


async def test_the_turn_based_protocol_is_there_too() -> None:
    async with serving() as made, made.client("/ws/streaming/chat-001") as client:
        await client.send('{"type": "prefill", "messages": [{"role": "user", "content": "hi"}]}')
        await eventually(lambda: made.sessions.opened)
        made.sessions.session.outlet.send(outputs.Prefilled((), prompt_tokens=3, new_tokens=3))
        assert (await until(client, "prefill_done"))["prompt_tokens"] == 3


async def test_the_end_of_the_gateway_tells_everybody_to_come_back() -> None:
    async with serving() as made:
        client = await connect(made.url())
        await client.send('{"type": "prepare"}')
        await until(client, "prepared")
    assert await ended(client) == (1012, "restarting")
