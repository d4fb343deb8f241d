"""Journeys over real sockets: who is let through the door to a WebSocket, and who is shown out again."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from channels.people import Entrance, person
from channels.server import RawClient, Serving, eventually, serving
from channels.test_websocket import ended, heard, refused, until
from vivavoce.channels.limits import CensusLimits, HttpLimits, SocketLimits

pytestmark = pytest.mark.journey

ULI = person("uli")
BEARER = {"Authorization": "Bearer token-of-uli"}


def page(made: Serving) -> str:
    return f"http://127.0.0.1:{made.port}"


async def test_a_program_comes_with_its_token_and_talks_in_its_own_name() -> None:
    async with serving(entrance=Entrance(ULI)) as made:
        async with connect(made.url(), additional_headers=BEARER) as client:
            await client.send('{"type": "prepare"}')
            await until(client, "prepared")
        spec = made.sessions.session.spec
        assert (spec.owner, spec.sign_in) == (ULI.user, ULI.sign_in)


async def test_a_page_comes_with_a_ticket_which_works_once() -> None:
    async with serving(entrance=Entrance()) as made:
        made.entrance.people.tickets["t1"] = ("/ws/duplex/kitchen-1", page(made), ULI)
        ticket = {"origin": page(made), "subprotocols": ["vivavoce.v1", "ticket.t1"]}
        async with connect(made.url(), **ticket) as client:  # type: ignore[arg-type]
            assert client.subprotocol == "vivavoce.v1"
            await client.send('{"type": "prepare"}')
            await until(client, "prepared")
        assert made.sessions.session.spec.owner == ULI.user
        answer = await refused(made, **ticket)
        assert (answer.status_code, answer.json()["code"]) == (401, "ticket_invalid")
        assert answer.json()["request_id"] == answer.headers["x-request-id"]


async def test_who_may_not_is_told_why_before_the_upgrade() -> None:
    entrance = Entrance(ULI, person("vito", "viewer"))
    async with serving(entrance=entrance) as made:
        for headers, status, code in (
            ({}, 401, "unauthorised"),
            ({"Authorization": "Bearer wrong"}, 401, "token_invalid"),
            ({"Authorization": "Bearer token-of-vito"}, 403, "forbidden"),
        ):
            answer = await refused(made, additional_headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (status, code)
        entrance.people.away = True
        entrance.people.verified.clear()
        answer = await refused(made, additional_headers=BEARER)
        assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (
            503,
            "storage_unavailable",
            "2",
        )
        assert not made.sessions.opened


async def test_too_many_starts_are_refused_by_http_and_one_may_still_watch() -> None:
    async with serving(entrance=Entrance(ULI)) as made:
        for _ in range(10):
            async with connect(made.url(), additional_headers=BEARER):
                pass
        answer = await refused(made, additional_headers=BEARER)
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
        assert 0 < int(answer.headers["retry-after"]) <= 120
        async with connect(made.url("/ws"), additional_headers=BEARER):
            pass


async def test_five_at_once_are_the_most_and_one_that_ends_makes_room() -> None:
    async with serving(entrance=Entrance(ULI)) as made:
        clients = [await connect(made.url(), additional_headers=BEARER) for _ in range(5)]
        assert (await refused(made, additional_headers=BEARER)).status_code == 429
        await clients.pop().close()
        await eventually(lambda: len(made.gateway) == 4)
        clients.append(await connect(made.url(), additional_headers=BEARER))
        for client in clients:
            await client.close()


async def test_revocation_closes_live_sockets() -> None:
    async with serving(entrance=Entrance(ULI, person("vera"))) as made:
        other = person("uli", sign_in="another")
        made.entrance.people.tokens["another-token"] = other
        mine = await connect(made.url(), additional_headers=BEARER)
        elsewhere = await connect(made.url("/ws"), additional_headers={"Authorization": "Bearer another-token"})
        veras = await connect(made.url(), additional_headers={"Authorization": "Bearer token-of-vera"})
        await eventually(lambda: len(made.gateway) == 3)
        made.gateway.revoked(ULI.user, ULI.sign_in)
        assert (await heard(mine))["code"] == "token_revoked"
        assert await ended(mine) == (1008, "token_revoked")
        made.gateway.revoked(ULI.user, None)
        assert await ended(elsewhere) == (1008, "token_revoked")
        await veras.send('{"type": "prepare"}')
        await until(veras, "prepared")
        await veras.close()


async def test_a_revocation_while_it_is_asked_who_it_is_counts_too() -> None:
    entrance = Entrance(ULI)
    entrance.people.slow.clear()
    async with serving(entrance=entrance) as made, asyncio.TaskGroup() as group:
        asking = group.create_task(refused(made, additional_headers=BEARER))
        await eventually(lambda: entrance.people.asked)
        made.gateway.revoked(ULI.user, None)
        entrance.people.slow.set()
        assert (await asking).json()["code"] == "token_revoked"


async def test_who_goes_while_it_is_asked_who_it_is_is_forgotten() -> None:
    entrance = Entrance(ULI)
    entrance.people.slow.clear()
    async with serving(entrance=entrance) as made:
        client = await RawClient.dial(made.port, fields=b"Authorization: Bearer token-of-uli\r\n")
        await eventually(lambda: entrance.people.asked)
        # Nothing is read meanwhile, so what it goes on sending stays outside.
        client.writer.write(b"x" * 10_000)
        assert len(made.census) == 1
        client.writer.transport.abort()
        entrance.people.slow.set()
        await eventually(lambda: len(made.census) == 0)
        assert len(made.gateway) == 0
        await client.hang_up()


async def test_the_end_of_the_gateway_does_not_wait_for_an_answer() -> None:
    entrance = Entrance(ULI)
    entrance.people.slow.clear()
    async with serving(entrance=entrance) as made:
        client = await RawClient.dial(made.port, fields=b"Authorization: Bearer token-of-uli\r\n")
        await eventually(lambda: entrance.people.asked)
    await client.hang_up()


async def test_what_changes_is_heard_over_the_socket() -> None:
    entrance = Entrance(person("ada", "admin"))
    async with serving(entrance=entrance) as made, asyncio.TaskGroup() as group:
        feeding = group.create_task(made.feed.run())
        async with connect(made.url("/ws"), additional_headers={"Authorization": "Bearer token-of-ada"}) as client:
            await client.send('{"type": "subscribe", "topics": ["users"]}')
            assert (await heard(client))["topics"] == ["users"]
            await entrance.bus.tell("users", "u1")
            assert (await heard(client))["id"] == "u1"
        feeding.cancel()


async def test_encoded_slashes_and_dots_are_no_path_to_a_session() -> None:
    async with serving() as made:
        for path in ("/ws/duplex%2Fkitchen-1", "/ws/duplex/..%2Fkitchen-1", "/ws//duplex/kitchen-1"):
            client = await RawClient.dial(made.port, path)
            assert await client.answer() == "HTTP/1.1 400 Bad Request"
            await client.hang_up()


# ── how many ──────────────────────────────────────────────────────────────────────────────────────


async def test_connections_are_counted_from_their_first_byte_to_their_last() -> None:
    async with serving(census=CensusLimits(connections=2)) as made:
        async with connect(made.url()), httpx.AsyncClient() as http:
            assert (await http.get(f"{page(made)}/health")).status_code == 200
            reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
            answer = await reader.read()
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "overloaded"
            writer.close()
        await eventually(lambda: len(made.census) == 0)


async def test_a_crowd_that_only_holds_connections_keeps_nobody_out() -> None:
    limits = CensusLimits(strangers=20)
    async with serving(census=limits, entrance=Entrance(ULI), http=HttpLimits(head_s=5)) as made:
        crowd = [await asyncio.open_connection("127.0.0.1", made.port) for _ in range(20)]
        async with httpx.AsyncClient() as http:
            for _ in range(3):
                assert (await http.get(f"{page(made)}/status", headers=BEARER)).status_code == 200
            await eventually(lambda: made.census.strangers == 19)
        for _, writer in crowd:
            writer.close()


async def test_a_socket_that_is_refused_leaves_nothing_behind() -> None:
    async with serving(entrance=Entrance(), limits=SocketLimits(linger_s=0.2)) as made:
        for _ in range(3):
            with pytest.raises(InvalidStatus):
                await connect(made.url())
        client = await RawClient.dial(made.port, "/ws/duplex/kitchen-1", fields=b"Sec-WebSocket-Version: 12\r\n")
        await client.answer()
        await client.hang_up()
        await eventually(lambda: len(made.census) == 0)
