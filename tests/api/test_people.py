"""Oneself and others: profiles, roles, links, sign-ins, tokens."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.house import HERE, house, key

pytestmark = pytest.mark.real


async def test_ones_own_name_and_consent(tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.asking("ann") as ann:
        me = await ann.get("/api/me")
        assert (me.json()["role"], me.json()["user"]["recording"]) == ("user", None)
        assert "history.own" in me.json()["permissions"]
        tag = {"If-Match": me.headers["etag"]}
        changed = await ann.patch("/api/me", json={"display_name": "Ann B.", "recording": True}, headers=tag)
        assert (changed.json()["display_name"], changed.json()["recording"]) == ("Ann B.", True)
        late = await ann.patch("/api/me", json={"display_name": "C"}, headers=tag)
        assert (late.status_code, late.json()["code"]) == (412, "changed")


async def test_an_administrator_invites_changes_and_removes(tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.asking("root", "admin") as admin, here.browser() as browser:
        made = await admin.post("/api/users", json={"name": "Ann", "role": "user"}, headers=key())
        where = made.headers["location"]
        assert made.json()["name"] == "ann"
        link = (await admin.post(f"{where}/link", json={"kind": "sign_in"})).json()["link"]
        assert link.startswith(f"{HERE}/sign-in#link=")
        grant = (await browser.post("/api/auth/link", json={"secret": link.partition("#link=")[2]})).json()
        shown = {"Authorization": f"Bearer {grant['access_token']}"}
        [sign_in] = (await admin.get(f"{where}/sign-ins")).json()["items"]
        assert (sign_in["how"], sign_in["current"]) == ("link", False)

        demoted = await admin.patch(where, json={"role": "viewer"}, headers={"If-Match": made.headers["etag"]})
        assert demoted.json()["role"] == "viewer"
        assert (await browser.get("/api/me", headers=shown)).status_code == 401
        assert (await admin.delete(where)).status_code == 204
        assert (await admin.get(where)).status_code == 404


async def test_the_last_administrator_stays(tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.asking("root", "admin") as admin:
        me = (await admin.get("/api/me")).json()["user"]
        where, tag = f"/api/users/{me['id']}", {"If-Match": f'"{me["version"]}"'}
        answer = await admin.patch(where, json={"role": "user"}, headers=tag)
        assert (answer.status_code, answer.json()["code"]) == (403, "last_admin")
        assert (await admin.delete(where)).json()["code"] == "last_admin"


async def test_a_taken_name_is_a_conflict(tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.asking("root", "admin") as admin:
        answer = await admin.post("/api/users", json={"name": "root"})
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


async def test_pages_of_people(tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.asking("root", "admin") as admin:
        for name in ("ann", "ben", "cleo"):
            await here.person(name)
        first = (await admin.get("/api/users", params={"limit": 3})).json()
        rest = (await admin.get("/api/users", params={"limit": 3, "cursor": first["next"]})).json()
        assert [one["name"] for one in first["items"] + rest["items"]] == ["root", "ann", "ben", "cleo"]
        assert rest["next"] is None
        assert (await admin.get("/api/users", params={"limit": 0})).json()["fields"].keys() == {"limit"}


async def test_a_token_is_shown_once_and_revoked_at_once(tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.asking("ann") as ann:
        made = (await ann.post("/api/me/tokens", json={"name": "ci", "role": "user", "days": 3})).json()
        [listed] = (await ann.get("/api/me/tokens")).json()["items"]
        assert "token" not in listed
        assert made["token"].startswith(listed["hint"])
        async with here.browser(made["token"]) as script:
            assert (await script.get("/api/me")).json()["via"] == "token"
            assert (await ann.delete(f"/api/me/tokens/{listed['id']}")).status_code == 204
            assert (await script.get("/api/me")).json()["code"] == "token_revoked"


async def test_the_sign_in_that_asks_is_marked(tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.asking("ann") as ann:
        [one] = (await ann.get("/api/me/sign-ins")).json()["items"]
        assert (one["id"], one["current"]) == ((await here.person("ann")).sign_in, True)
        assert (await ann.delete(f"/api/me/sign-ins/{one['id']}")).status_code == 204
        assert (await ann.get("/api/me")).status_code == 401
