from __future__ import annotations

import pytest

from channels.people import Entrance, person
from vivavoce.accounts.principal import guest
from vivavoce.channels.door import LOOK_S, TOKEN_CHARACTERS, Caller, Head, Place, Socket, Undeclared, plain_path
from vivavoce.channels.problems import Problem
from vivavoce.channels.rates import Rate
from vivavoce.errors import Refused, StorageUnavailable, Unauthorised

HERE = "http://localhost"
PATH = "/ws/duplex/kitchen-1"
TALK = Socket("conversation", "talk", guests=True)
ULI = person("uli")


def head(**fields: str) -> Head:
    named = {"host": "localhost", **{name.replace("_", "-"): value for name, value in fields.items()}}
    return Head((name.encode(), value.encode()) for name, value in named.items())


async def come_in(entrance: Entrance, asking: Head, peer: str = "127.0.0.1", rate: Rate = "read") -> Caller:
    place = entrance.door.arrived(asking, peer, "http")
    return await entrance.door.admit(Undeclared(rate), asking, place)


async def upgrade(
    entrance: Entrance, asking: Head, peer: str = "127.0.0.1", rule: Socket = TALK, path: str = PATH
) -> Caller:
    place = entrance.door.arrived(asking, peer, "http")
    return await entrance.door.admit_upgrade(rule, asking, place, path)


def with_ticket(entrance: Entrance, path: str = PATH, origin: str = HERE) -> Head:
    entrance.people.tickets["t1"] = (path, origin, ULI)
    return head(origin=HERE, sec_websocket_protocol="vivavoce.v1, ticket.t1")


# ── bearers ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_token_is_looked_up_once_and_then_known() -> None:
    entrance = Entrance(ULI)
    for _ in range(3):
        caller = await come_in(entrance, head(authorization="Bearer token-of-uli", user_agent="curl"))
        assert caller == Caller(ULI, "127.0.0.1", "curl", secure=False)
    assert entrance.people.asked == 1


@pytest.mark.parametrize(
    "sent", ["token-of-uli", "Basic dXNlcjpwYXNz", "Bearer", "Bearer ", "Bearer wrong", "Bearer tokén"]
)
async def test_what_is_no_token_of_ours_is_refused_even_where_anybody_may_ask(sent: str) -> None:
    with pytest.raises(Unauthorised) as caught:
        await come_in(Entrance(ULI, guests=True), head(authorization=sent))
    assert caught.value.code == "token_invalid"


async def test_an_endless_token_is_not_even_looked_at() -> None:
    entrance = Entrance(ULI)
    with pytest.raises(Unauthorised):
        await come_in(entrance, head(authorization="Bearer " + "x" * (TOKEN_CHARACTERS + 1)))
    assert entrance.people.asked == 0


async def test_two_tokens_are_none() -> None:
    twice = Head([(b"host", b"localhost"), *[(b"authorization", b"Bearer token-of-uli")] * 2])
    with pytest.raises(Unauthorised):
        await come_in(Entrance(ULI), twice)


async def test_where_secrets_are_exchanged_a_bearer_is_not_ours_to_judge() -> None:
    caller = await come_in(Entrance(ULI), head(authorization="Bearer of-a-share"), rate="sign_in")
    assert caller.principal is None


async def test_accounts_that_say_nothing_are_away(  # in virtual time
) -> None:
    entrance = Entrance(ULI)
    entrance.people.slow.clear()
    with pytest.raises(StorageUnavailable):
        await come_in(entrance, head(authorization="Bearer token-of-uli"))
    assert LOOK_S == 5.0


# ── guests ────────────────────────────────────────────────────────────────────────────────────────


async def test_guests_come_from_this_machine_and_only_where_they_are_let_in() -> None:
    assert (await come_in(Entrance(guests=True), head())).principal == guest()
    assert (await come_in(Entrance(), head())).principal is None
    assert (await come_in(Entrance(guests=True), head(), peer="192.0.2.1")).principal is None


async def test_nobody_is_of_this_machine_because_a_proxy_is() -> None:
    told = Entrance(guests=True, proxies=["127.0.0.1"])
    assert (await come_in(told, head(x_forwarded_for="203.0.113.7"))).principal is None
    assert (await come_in(told, head(x_forwarded_for="::1"))).principal == guest()
    # A proxy that the settings do not name: whoever it is, it is not this machine's own user.
    assert (await come_in(Entrance(guests=True), head(x_forwarded_for="203.0.113.7"))).principal is None


# ── ways ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "asking", [head(host="evil.example"), head(origin="http://evil.example"), head(origin="null"), Head([])]
)
async def test_foreign_hosts_and_origins_are_refused_before_anything_is_asked(asking: Head) -> None:
    entrance = Entrance(ULI)
    with pytest.raises(Problem) as caught:
        entrance.door.arrived(asking, "127.0.0.1", "http")
    assert caught.value.status == 403


def test_behind_a_proxy_nobody_comes_past_it() -> None:
    door = Entrance(proxies=["10.0.0.1"], behind_proxy=True).door
    assert door.arrived(head(x_forwarded_for="203.0.113.7"), "10.0.0.1", "http").address == "203.0.113.7"
    assert door.arrived(head(), "127.0.0.1", "http") == Place("127.0.0.1", secure=False, local=True)
    with pytest.raises(Problem) as caught:
        door.arrived(head(), "203.0.113.7", "http")
    assert caught.value.status == 403


# ── sockets ───────────────────────────────────────────────────────────────────────────────────────


async def test_ticket_is_single_use_bound_and_short() -> None:
    entrance = Entrance()
    asking = with_ticket(entrance)
    assert (await upgrade(entrance, asking)).principal == ULI
    with pytest.raises(Unauthorised) as caught:  # a second time
        await upgrade(entrance, asking)
    assert caught.value.code == "ticket_invalid"
    for elsewhere in (with_ticket(entrance, path="/ws"), with_ticket(entrance, origin="http://localhost:3000")):
        with pytest.raises(Unauthorised):
            await upgrade(entrance, elsewhere)
        assert "t1" not in entrance.people.tickets  # shown in the wrong place it is gone, too


@pytest.mark.parametrize(
    "asking",
    [
        head(sec_websocket_protocol="vivavoce.v1, ticket.t1"),  # no page
        head(origin=HERE, sec_websocket_protocol="ticket.t1"),  # not our protocol
        head(origin=HERE, sec_websocket_protocol="vivavoce.v1, ticket." + "x" * 3_000),
    ],
)
async def test_a_ticket_travels_in_one_way_only(asking: Head) -> None:
    entrance = Entrance()
    with_ticket(entrance)
    with pytest.raises(Unauthorised):
        await upgrade(entrance, asking)
    assert "t1" in entrance.people.tickets


async def test_a_ticket_is_not_spent_on_whom_the_limits_refuse() -> None:
    entrance = Entrance()
    asking = with_ticket(entrance)
    for _ in range(60):
        await entrance.door.rates.from_address("conversation", "203.0.113.7")
    with pytest.raises(Refused):
        await upgrade(entrance, asking, peer="203.0.113.7")
    assert "t1" in entrance.people.tickets


async def test_to_talk_one_needs_the_permission() -> None:
    entrance = Entrance(person("vito", "viewer"), ULI)
    with pytest.raises(Refused, match="talk"):
        await upgrade(entrance, head(authorization="Bearer token-of-vito"))
    assert (await upgrade(entrance, head(authorization="Bearer token-of-uli"))).user == ULI.user
    with pytest.raises(Unauthorised):
        await upgrade(entrance, head())


async def test_guests_talk_but_do_not_watch() -> None:
    entrance = Entrance(guests=True)
    assert (await upgrade(entrance, head())).principal == guest()
    with pytest.raises(Refused, match="signed in"):
        await upgrade(entrance, head(), rule=Socket("live"))


# ── paths ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_path_is_decoded_once() -> None:
    assert plain_path(b"/ws/duplex/k%69tchen-1?x=%2f") == "/ws/duplex/kitchen-1"
    assert plain_path(b"/a%252eb") == "/a%2eb"


@pytest.mark.parametrize(
    "raw", [b"/a/../b", b"/a/%2e%2E/b", b"/a%2fb", b"/a%5Cb", b"//a", b"/a/./b", b"/a%00", b"/a%0d%0ab", b"/%ff", b"a"]
)
def test_a_path_that_could_mean_another_is_none(raw: bytes) -> None:
    with pytest.raises(Problem) as caught:
        plain_path(raw)
    assert caught.value.status == 400
