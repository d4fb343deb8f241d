"""Every route × every caller × own and foreign objects, made from the table of routes: none can be forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.history import archive
from api.house import House, Person
from api.objects import BODIES, COMMON, OWN_ROLE, OWNED, SEES_ALL, SILENT
from vivavoce.accounts.permissions import ROLES, TABLE, Permission, Role
from vivavoce.accounts.principal import GUEST_SCOPES
from vivavoce.api.routing import Declared
from vivavoce.api.sections import declarations

pytestmark = pytest.mark.real

BY_TAG = {tag: list(group) for tag, group in groupby(declarations(), lambda one: one.tag)}
NARROW: dict[str, tuple[Role, Permission]] = {
    "admin's token for apps.read": ("admin", "apps.read"),
    "operator's token for live": ("operator", "live"),
    "user's token for self": ("user", "self"),
}
ENDS_SIGN_INS = frozenset({"/api/auth/sign-out", "/api/auth/sign-out-everywhere"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: `scopes` are what they may, or None for nobody."""

    name: str
    person: Person | None
    token: str | None
    scopes: frozenset[Permission] | None
    signed_in: bool

    def expected(self, route: Declared) -> int | None:
        """401 or 403 where the door stays shut, None where it opens. Written down apart from the product's code."""
        if route.needs == "public":
            return None
        if self.scopes is None:
            return 401
        if route.needs == "known" or (route.needs == "signed_in" and self.signed_in):
            return None
        wanted = {route.needs} if isinstance(route.needs, str) else set(route.needs)
        return None if wanted & self.scopes else 403


async def callers(here: House) -> AsyncIterator[Caller]:
    for role in ROLES:
        person = await here.person(f"a-{role}", role)
        yield Caller(role, person, person.token, TABLE[role], True)
    for name, (role, scope) in NARROW.items():
        person = await here.person(f"scripting-{role}", role)
        yield Caller(name, person, await here.token(person, scope), frozenset({scope}), True)


async def call(here: House, route: Declared, caller: Caller, path: str) -> httpx.Response:
    token = caller.token
    if route.path in ENDS_SIGN_INS and caller.name in ROLES:
        token = (await here.person(f"passing-{caller.name}-{route.name}", caller.name)).token  # type: ignore[arg-type]
    body = BODIES.get((route.method, route.path))
    if isinstance(body, dict) and body.get("role") == OWN_ROLE:
        body = {**body, "role": caller.person.role if caller.person else "user"}
    headers = {"If-Match": '"1"'} if route.conditional else {}
    async with here.browser(token) as browser:
        return await browser.request(route.method, path, json=body, headers=headers)


def filled(route: Declared, parameters: Any) -> str:
    return route.path.format(**parameters)


SECTIONS = [pytest.param(routes, id=tag) for tag, routes in BY_TAG.items()]


@pytest.mark.parametrize("routes", SECTIONS)
async def test_authorisation_matrix(routes: list[Declared], tmp_path: Path, sqlite_template: Path) -> None:
    wrong: list[str] = []
    async with archive(tmp_path, sqlite_template) as kept:
        here = kept.house
        stranger = await here.person("stranger")
        everybody = [one async for one in callers(here)]
        for route in routes:
            for caller in [Caller("nobody", None, None, None, False), *everybody]:
                owner = caller.person or stranger
                make = OWNED.get(route.path) or COMMON.get(route.path)
                assert make or "{" not in route.path, f"say in objects.py what an object of {route.path} is"
                answer = await call(here, route, caller, filled(route, await make(here, owner) if make else {}))
                expected = caller.expected(route)
                got = answer.status_code
                if got != expected if expected else not came_in(route, got):
                    wrong.append(f"{caller.name}: {route.method} {route.path} → {got} {answer.text[:200]}")
                if expected:
                    assert answer.headers["content-type"] == "application/problem+json"
                    assert answer.json()["code"] == ("unauthorised" if got == 401 else "forbidden")
    assert wrong == []


def came_in(route: Declared, got: int) -> bool:
    """Whether the door was open: what the handler makes of an empty body or link is another matter."""
    if route.needs == "public" or (got == 404 and route.path in SILENT):
        return got != 500
    return got not in (401, 403, 404, 500)


OF_SOMEBODY = [route for route in declarations() if route.path in OWNED]


@pytest.mark.parametrize("route", OF_SOMEBODY, ids=lambda route: f"{route.method} {route.path}")
async def test_somebody_elses_object_and_a_missing_one_look_the_same(
    route: Declared, tmp_path: Path, sqlite_template: Path
) -> None:
    async with archive(tmp_path, sqlite_template) as kept:
        here = kept.house
        stranger = await here.person("stranger")
        for caller in [one async for one in callers(here)]:
            if caller.expected(route) is not None:
                continue
            theirs = await OWNED[route.path](here, stranger)
            assert caller.scopes is not None
            if SEES_ALL.get((route.method, route.path)) in caller.scopes:
                assert came_in(route, (await call(here, route, caller, filled(route, theirs))).status_code)
                continue
            missing = {name: "9" * len(value) for name, value in theirs.items()}
            foreign_answer = await call(here, route, caller, filled(route, theirs))
            missing_answer = await call(here, route, caller, filled(route, missing))
            assert foreign_answer.status_code == missing_answer.status_code == 404, caller.name
            assert told(foreign_answer) == told(missing_answer)
            owner = Caller("its owner", stranger, stranger.token, TABLE["user"], True)
            still_there = await call(here, route, owner, filled(route, theirs))
            assert came_in(route, still_there.status_code), "its owner still has it"


def told(answer: httpx.Response) -> dict[str, Any]:
    return {name: value for name, value in answer.json().items() if name != "request_id"}


@pytest.mark.parametrize("routes", SECTIONS)
async def test_a_guest_comes_in_where_guests_may(routes: list[Declared], tmp_path: Path, sqlite_template: Path) -> None:
    async with archive(tmp_path, sqlite_template, guests=True) as kept:
        here = kept.house
        stranger = await here.person("stranger")
        guest = Caller("guest", None, None, GUEST_SCOPES, False)
        for route in routes:
            make = OWNED.get(route.path) or COMMON.get(route.path)
            answer = await call(here, route, guest, filled(route, await make(here, stranger) if make else {}))
            expected = guest.expected(route)
            if expected:
                assert answer.status_code == expected, route.path
            elif route.path in OWNED:
                assert answer.status_code == 404, "a guest owns nothing"
            elif route.needs != "public":
                assert answer.status_code < 400, route.path
