"""Tickets for one WebSocket."""

from __future__ import annotations

import asyncio

import pytest

from accounts.house import Watch, accounts, come_in, person, whose
from vivavoce.accounts.actor import LOCAL_OPERATOR
from vivavoce.accounts.principal import guest
from vivavoce.aio import now
from vivavoce.errors import Unauthorised
from vivavoce.storage.cache.memory import MemoryCache
from vivavoce.storage.database import Database

PATH, ORIGIN = "/ws/duplex", "https://voice.example"


async def _code(work: object) -> str:
    with pytest.raises(Unauthorised) as refused:
        await work  # type: ignore[misc]
    return refused.value.code


@pytest.mark.real
async def test_ticket_is_single_use_bound_and_short(sqlite: Database) -> None:
    cache = MemoryCache()
    here, there = accounts(sqlite, Watch(), cache=cache), accounts(sqlite, Watch(), cache=cache)
    principal = await whose(here, await come_in(here, await person(here, "ada")))
    ticket = await here.tickets.issue(principal, PATH, ORIGIN)
    assert await there.tickets.take(ticket, PATH, ORIGIN) == principal
    assert await _code(here.tickets.take(ticket, PATH, ORIGIN)) == "ticket_invalid"
    for path, origin in (("/ws", ORIGIN), (PATH, "https://evil.example"), (PATH + "/", ORIGIN), (PATH, "")):
        ticket = await here.tickets.issue(principal, PATH, ORIGIN)
        assert await _code(here.tickets.take(ticket, path, origin)) == "ticket_invalid"
        assert await _code(here.tickets.take(ticket, PATH, ORIGIN)) == "ticket_invalid"  # shown once is used


async def test_a_ticket_lives_thirty_seconds() -> None:
    """In virtual time; a guest's needs no database."""
    cache = MemoryCache()
    house = accounts(None, Watch(), cache=cache)  # type: ignore[arg-type]
    first, second = [await house.tickets.issue(guest(), PATH, ORIGIN) for _ in range(2)]
    began = now()
    await asyncio.sleep(29.9)
    assert await house.tickets.take(first, PATH, ORIGIN) == guest()
    await asyncio.sleep(began + 30 - now())
    assert await _code(house.tickets.take(second, PATH, ORIGIN)) == "ticket_invalid"


@pytest.mark.real
async def test_of_two_who_show_a_ticket_at_once_one_comes_in(sqlite: Database, redis_url: str) -> None:
    from vivavoce.storage.cache import open_cache

    async with open_cache(redis_url) as one, open_cache(redis_url) as two:
        here, there = accounts(sqlite, Watch(), cache=one), accounts(sqlite, Watch(), cache=two)
        principal = await whose(here, await come_in(here, await person(here, "ada")))
        ticket = await here.tickets.issue(principal, PATH, ORIGIN)
        answers = await asyncio.gather(
            *(house.tickets.take(ticket, PATH, ORIGIN) for house in (here, there) * 5), return_exceptions=True
        )
        assert [answer for answer in answers if not isinstance(answer, Unauthorised)] == [principal]


@pytest.mark.real
async def test_a_ticket_says_who_it_was_and_the_database_what_they_may(sqlite: Database) -> None:
    house = accounts(sqlite, Watch())
    user = await person(house, "ada", "operator")
    grant = await come_in(house, user)
    principal = await whose(house, grant)
    token = await house.api_tokens.create(LOCAL_OPERATOR, user.id, "x", "operator", scopes=["talk"])
    by_token = await house.authenticator.authenticate(token.token)
    tickets = [await house.tickets.issue(one, PATH, ORIGIN) for one in (principal, by_token, principal, by_token)]
    await house.users.change(LOCAL_OPERATOR, user.id, role="viewer")
    assert (await house.tickets.take(tickets[0], PATH, ORIGIN)).role == "viewer"
    assert (await house.tickets.take(tickets[1], PATH, ORIGIN)).scopes == set()
    await house.sign_ins.end_all(LOCAL_OPERATOR, user.id)
    await house.api_tokens.revoke(LOCAL_OPERATOR, user.id, token.view.id)
    for ticket in tickets[2:]:
        assert await _code(house.tickets.take(ticket, PATH, ORIGIN)) == "token_revoked"


async def test_nonsense_is_no_ticket() -> None:
    house = accounts(None, Watch())  # type: ignore[arg-type]
    for nonsense in ("", "x", "a" * 43, "a" * 10_000, "é" * 43, "\ud800" * 43, "a" * 42 + "\n"):
        assert await _code(house.tickets.take(nonsense, PATH, ORIGIN)) == "ticket_invalid"
