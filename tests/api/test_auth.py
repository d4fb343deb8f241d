"""In and out: links, passwords, the cookie, tickets."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from api.house import HERE, House, house
from vivavoce.accounts.actor import LOCAL_OPERATOR

pytestmark = pytest.mark.real

OURS = {"X-Vivavoce": "1", "Origin": HERE}


async def link(here: House, name: str = "ann") -> str:
    made = await here.accounts.users.create(LOCAL_OPERATOR, name, "user")
    return (await here.accounts.links.issue(LOCAL_OPERATOR, made.id)).secret


def cookie(answer: httpx.Response) -> str:
    [line] = answer.headers.get_list("set-cookie")
    return line


async def test_a_link_works_once_and_sets_the_only_cookie(tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.browser() as browser:
        secret = await link(here)
        answer = await browser.post("/api/auth/link", json={"secret": secret})
        assert answer.json()["user"]["name"] == "ann"
        assert answer.headers["cache-control"] == "no-store"
        parts = {part.strip().partition("=")[0].lower() for part in cookie(answer).split(";")}
        assert {"vv_refresh", "httponly", "samesite", "path"} <= parts
        assert "secure" not in parts, "this is plain HTTP on loopback"
        again = await browser.post("/api/auth/link", json={"secret": secret})
        assert (again.status_code, again.json()["code"]) == (401, "link_invalid")


async def test_with_tls_the_cookie_goes_over_tls_only(tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.browser() as browser:
        browser.base_url = httpx.URL(HERE.replace("http", "https"))
        answer = await browser.post("/api/auth/link", json={"secret": await link(here)})
        assert cookie(answer).startswith("__Secure-vv_refresh=")
        assert "secure" in cookie(answer).lower().split("; ")


async def test_the_cookie_renews_the_token_and_itself(tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.browser() as browser:
        first = await browser.post("/api/auth/link", json={"secret": await link(here)})
        renewed = await browser.post("/api/auth/refresh", headers=OURS)
        assert renewed.status_code == 200
        assert renewed.json()["access_token"] != first.json()["access_token"]
        assert cookie(renewed) != cookie(first)


async def test_the_cookie_alone_does_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.browser() as browser:
        await browser.post("/api/auth/link", json={"secret": await link(here)})
        for headers in ({}, {"X-Vivavoce": "1"}, {"Origin": HERE}, {**OURS, "X-Vivavoce": "2"}):
            assert (await browser.post("/api/auth/refresh", headers=headers)).status_code == 403
        foreign = await browser.post("/api/auth/refresh", headers={**OURS, "Origin": "http://evil.example"})
        assert foreign.status_code == 403
        assert (await browser.get("/api/me")).status_code == 401
        browser.cookies.clear()
        nobody = await browser.post("/api/auth/refresh", headers=OURS)
        assert (nobody.status_code, nobody.json()) == (200, None)


async def test_who_signs_out_is_out_at_once(tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.browser() as browser:
        token = (await browser.post("/api/auth/link", json={"secret": await link(here)})).json()["access_token"]
        shown = {"Authorization": f"Bearer {token}"}
        answer = await browser.post("/api/auth/sign-out", headers=shown)
        assert answer.status_code == 204
        assert "max-age=0" in cookie(answer).lower()
        assert (await browser.get("/api/me", headers=shown)).json()["code"] == "token_revoked"


async def test_a_wrong_name_and_a_wrong_password_read_the_same(tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.browser() as browser:
        password = "a password that is long"
        await browser.post("/api/auth/link", json={"secret": await link(here), "password": password})
        assert (await browser.post("/api/auth/password", json={"name": "ANN", "password": password})).status_code == 200
        wrong = await browser.post("/api/auth/password", json={"name": "ann", "password": "another long one"})
        nobody = await browser.post("/api/auth/password", json={"name": "eve", "password": "another long one"})
        told = [{**answer.json(), "request_id": ""} for answer in (wrong, nobody)]
        assert told[0] == told[1]
        assert told[0]["code"] == "sign_in_failed"


async def test_a_weak_password_is_told_by_its_field_and_the_link_stays(tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.browser() as browser:
        secret = await link(here)
        weak = await browser.post("/api/auth/link", json={"secret": secret, "password": "password1234"})
        assert weak.status_code == 422
        assert list(weak.json()["fields"]) == ["password"]
        assert (await browser.post("/api/auth/link", json={"secret": secret})).status_code == 200


async def test_a_password_is_never_repeated_in_an_answer(tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.browser() as browser:
        long = "canary" * 40
        for body in (
            {"name": "ann", "password": long},
            {"name": "ann", "password": ["canary"]},
            {"password": "canary"},
        ):
            answer = await browser.post("/api/auth/password", json=body)
            assert answer.status_code == 422
            assert "canary" not in answer.text


async def test_a_ticket_is_for_this_page_and_this_path(tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.asking("ann") as ann:
        made = await ann.post("/api/auth/ticket", json={"path": "/ws/duplex/abc"}, headers={"Origin": HERE})
        assert made.json()["expires_in_s"] == 30
        principal = await here.accounts.tickets.take(made.json()["ticket"], "/ws/duplex/abc", HERE)
        assert principal.name == "ann"
        for path in ("/api/me", "ws", "/ws/../api", "/ws/a/b/c/d"):
            assert (await ann.post("/api/auth/ticket", json={"path": path})).status_code == 422
