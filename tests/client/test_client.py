"""The client against the real API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from api.house import HERE, House, house
from vivavoce.accounts.actor import LOCAL_OPERATOR
from vivavoce.client import Blocking, VivavoceClient
from vivavoce.client.forms import AppBody
from vivavoce.client.problems import problem
from vivavoce.errors import (
    BackendUnavailable,
    BadInput,
    Conflict,
    Missing,
    RateLimited,
    Refused,
    StorageUnavailable,
    Unauthorised,
    VivavoceError,
)
from vivavoce.storage.clock import SECOND

pytestmark = pytest.mark.real

PASSWORD = "a password that is long"


@asynccontextmanager
async def client_of(here: House, token: str | None = None) -> AsyncIterator[VivavoceClient]:
    transport = httpx.ASGITransport(here.app, raise_app_exceptions=False)
    async with VivavoceClient(HERE, token=token, transport=transport) as client:
        yield client


@asynccontextmanager
async def at_home(folder: Path) -> AsyncIterator[tuple[House, VivavoceClient]]:
    """A house, and a client of its administrator."""
    async with house(folder) as here, client_of(here, (await here.person("root", "admin")).token) as client:
        yield here, client


async def test_a_link_then_a_password_then_out(tmp_path: Path) -> None:
    async with house(tmp_path) as here, client_of(here) as client:
        root = await here.accounts.users.create(LOCAL_OPERATOR, "root", "admin")
        link = await here.accounts.links.issue(LOCAL_OPERATOR, root.id)
        grant = await client.sign_in_by_link(f"{HERE}/sign-in#link={link.secret}")
        assert (grant.user.name, client.bearer) == ("root", grant.access_token)
        with pytest.raises(BadInput) as weak:
            await client.me.change_password(None, "short")
        assert "new" in weak.value.fields
        await client.me.change_password(None, PASSWORD)
        await client.sign_out()
        with pytest.raises(Unauthorised):
            await client.me.get()
        with pytest.raises(Unauthorised) as wrong:
            await client.sign_in_by_password("root", "another password")
        assert wrong.value.code == "sign_in_failed"
        await client.sign_in_by_password("root", PASSWORD)
        assert [one.how async for one in client.me.sign_ins()] == ["password"]
        await client.sign_out_everywhere()
        assert client.bearer is None


async def test_a_token_that_runs_out_is_renewed_by_itself(tmp_path: Path) -> None:
    async with house(tmp_path) as here, client_of(here) as client:
        ann = await here.accounts.users.create(LOCAL_OPERATOR, "ann", "user")
        link = await here.accounts.links.issue(LOCAL_OPERATOR, ann.id)
        before = (await client.sign_in_by_link(link.secret)).access_token
        here.clock.now += 700 * SECOND
        assert (await client.me.get()).name == "ann"
        assert client.bearer != before


async def test_apps_are_made_changed_and_listed(tmp_path: Path) -> None:
    async with at_home(tmp_path) as (_, client):
        first = await client.apps.create("kitchen", AppBody(name="Kitchen", prompt="Cook."))
        second = await client.apps.change(first, AppBody(name="Kitchen", prompt="Bake.", modes=["turns"]))
        with pytest.raises(Conflict) as late:
            await client.apps.change(first, AppBody(name="Late"))
        assert late.value.code == "changed"
        third = await client.apps.revert(second, 1)
        assert (third.version, third.prompt, third.enabled) == (3, "Cook.", True)
        assert [one.version async for one in client.apps.versions("kitchen")] == [3, 2, 1]
        await client.apps.switch(await client.apps.get("assistant"), False)
        assert [(one.id, one.enabled) async for one in client.apps.list()] == [("assistant", False), ("kitchen", True)]
        await client.apps.delete("kitchen")
        with pytest.raises(Missing):
            await client.apps.get("kitchen")


async def test_pages_come_as_one_stream(tmp_path: Path) -> None:
    async with at_home(tmp_path) as (here, client):
        for number in range(120):
            await here.accounts.users.create(LOCAL_OPERATOR, f"u{number:03}", "user")
        names = [user.name async for user in client.users.list()]
        assert len(names) == 121
        assert [user.name async for user in client.users.list("u11")] == [f"u11{digit}" for digit in range(10)]


async def test_an_operators_day(tmp_path: Path) -> None:
    async with at_home(tmp_path) as (here, client):
        ann = await client.users.create("ann", display_name="Ann")
        assert (await client.users.link(ann.id)).link.startswith(f"{HERE}/sign-in#link=")
        ann = await client.users.change(ann.id, ann.version, role="viewer")
        assert (await client.users.get(ann.id)).role == "viewer"
        token = await client.me.create_token("ci", "admin", scopes=["audit"], days=3)
        async with client_of(here, token.token) as script:
            assert (await script.audit.check()).whole
            with pytest.raises(Refused):
                await script.settings.get()
        await client.me.revoke_token(token.id)
        settings = await client.settings.get()
        settings = await client.settings.change({"turn.patience": 1.5}, settings.version)
        assert next(one for one in settings.items if one.key == "turn.patience").saved == 1.5
        exported = [entry async for entry in client.audit.export()]
        listed = [entry async for entry in client.audit.list()]
        assert [entry.seq for entry in exported] == [entry.seq for entry in reversed(listed)]
        assert (await client.doctor.examine()).well
        assert (await client.doctor.try_out("tts")).text == "hello"
        assert [session async for session in client.sessions.list()] == []
        await client.users.sign_out(ann.id)
        await client.users.delete(ann.id)
        assert await client.ticket("/ws/duplex/x")


# ── when things go wrong ──────────────────────────────────────────────────────────────────────────


class Scripted(httpx.AsyncBaseTransport):
    """Answers as written: a status, a status with `Retry-After`, or an error."""

    def __init__(self, *answers: int | tuple[int, str] | Exception) -> None:
        self.answers = list(answers)
        self.keys: list[str | None] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.keys.append(request.headers.get("idempotency-key"))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, wait = answer if isinstance(answer, tuple) else (answer, None)
        headers = {} if wait is None else {"Retry-After": wait}
        if status < 300:
            return httpx.Response(status, json={"user": None, "name": "", "role": "", "via": "", "permissions": []})
        return httpx.Response(status, json={"code": "busy", "detail": "not now"}, headers=headers)


async def asked(*answers: int | tuple[int, str] | Exception) -> Scripted:
    script = Scripted(*answers)
    async with VivavoceClient(HERE, token="t", transport=script) as client:
        await client.me.get()
    return script


@pytest.mark.parametrize("trouble", [(429, "0"), (503, "0"), httpx.ConnectError("refused"), httpx.ReadTimeout("slow")])
async def test_it_is_tried_again_where_that_may_help(trouble: tuple[int, str] | Exception) -> None:
    script = await asked(trouble, 200)
    assert script.answers == []


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        (((503, "0"), (503, "0"), (503, "0")), Refused),
        (((429, "60"),), RateLimited),
        ((500,), Exception),
        ((400,), BadInput),
        ((httpx.ConnectError("refused"),) * 3, BackendUnavailable),
    ],
)
async def test_in_the_end_it_is_told(answers: tuple[int | tuple[int, str] | Exception, ...], kind: type) -> None:
    with pytest.raises(kind):
        await asked(*answers)


async def test_a_create_that_is_sent_again_keeps_its_key() -> None:
    script = Scripted(httpx.ReadTimeout("slow"), (503, "0"), 400)
    async with VivavoceClient(HERE, token="t", transport=script) as client:
        with pytest.raises(BadInput):
            await client.users.create("ann")
    assert script.keys[0]
    assert len(set(script.keys)) == 1


async def test_a_guess_is_sent_once() -> None:
    script = Scripted((503, "0"))
    async with VivavoceClient(HERE, transport=script) as client:
        with pytest.raises(Refused) as busy:
            await client.sign_in_by_password("ann", PASSWORD)
    assert busy.value.code == "busy"


async def test_a_request_id_is_told_with_the_error(tmp_path: Path) -> None:
    async with at_home(tmp_path) as (_, client):
        with pytest.raises(Missing) as missing:
            await client.users.get("0" * 32)
        assert missing.value.__notes__[0].startswith("request ")


def test_scripts_that_are_not_asynchronous() -> None:
    with Blocking(VivavoceClient(HERE, token="t", transport=Scripted(200, (401, "0")))) as server:
        assert server.run(server.client.me.get()).name == ""
        with pytest.raises(Unauthorised):
            list(server.each(server.client.users.list()))


def test_who_stops_early_leaves_no_answer_half_read() -> None:
    ended = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            ended.append(True)

    with Blocking(VivavoceClient(HERE)) as server:
        items = server.each(numbers())
        assert next(items) == 1
        items.close()  # type: ignore[attr-defined]
        assert ended == [True]


def test_storage_that_is_away_is_told_as_such() -> None:
    answer = httpx.Response(503, json={"code": "storage_unavailable", "detail": "the database does not answer"})
    assert isinstance(problem(answer), StorageUnavailable)
    assert problem(httpx.Response(502, text="<html>")).message == "the server answered 502"


async def test_an_answer_without_end_is_not_taken_whole() -> None:
    sent = 0

    async def much() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 1_000:
            sent += 1
            yield bytes(1 << 20)

    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=much()))
    async with VivavoceClient(HERE, transport=transport) as client:
        with pytest.raises(VivavoceError) as error:
            await client.me.get()
    assert error.value.code == "too_large"
    assert sent < 100
