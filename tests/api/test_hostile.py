"""What strangers and people of ill will send: it is refused, changes nothing, and breaks nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from api.house import House, house
from vivavoce.api.routing import BODY_BYTES

pytestmark = pytest.mark.real


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["request_id"] == answer.headers["x-request-id"]
    return body


async def test_deep_huge_and_duplicate_key_json(tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.asking("root", "admin") as admin:

        async def post(body: bytes) -> httpx.Response:
            return await admin.post("/api/users", content=body, headers={"Content-Type": "application/json"})

        refused(await post(b"[" * 100_000), 400, "bad_json")
        refused(await post(b'{"name": "eve", "role": "user", "role": "admin"}'), 400, "bad_json")
        refused(await post(b'{"name": "' + b"e" * BODY_BYTES + b'"}'), 413, "too_large")
        refused(await post(b'{"name": "e\\u0000ve"}'), 400, "bad_json")
        refused(await admin.post("/api/users", data={"name": "eve"}), 415, "media_type")
        assert len((await admin.get("/api/users")).json()["items"]) == 1


async def test_nobody_makes_himself_more_than_he_is(tmp_path: Path) -> None:
    """Mass assignment: fields that are not for the caller to set are refused, not passed over."""
    async with house(tmp_path) as here, here.asking("ann") as ann:
        tag = (await ann.get("/api/me")).headers["etag"]
        for extra in ("role", "id", "disabled", "epoch", "version", "password", "created_at"):
            answer = await ann.patch("/api/me", json={extra: "admin"}, headers={"If-Match": tag})
            assert extra in refused(answer, 422, "bad_input")["fields"]
        assert (await ann.get("/api/me")).json()["role"] == "user"


async def test_a_token_cannot_make_a_wider_one(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        root = await here.person("root", "admin")
        async with here.browser(await here.token(root, "self", "audit")) as narrow:
            wide = await narrow.post("/api/me/tokens", json={"name": "w", "role": "admin"})
            assert "users" in refused(wide, 403, "forbidden")["detail"]
            other = await narrow.post("/api/me/tokens", json={"name": "w", "role": "admin", "scopes": ["users"]})
            refused(other, 403, "forbidden")
            same = await narrow.post("/api/me/tokens", json={"name": "w", "role": "admin", "scopes": ["audit"]})
            assert same.status_code == 201
            password = {"old": None, "new": "a password that is long"}
            refused(await narrow.post("/api/me/password", json=password), 403, "forbidden")


SQL = ["' OR '1'='1", "'; DROP TABLE users; --", "%", "_", "\\", '"', "a' UNION SELECT password FROM users --"]


@pytest.mark.parametrize("text", SQL)
async def test_sql_in_a_search_is_only_text(text: str, tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.asking("root", "admin") as admin:
        await here.person("ann")
        found = await admin.get("/api/users", params={"q": text})
        assert (found.status_code, found.json()["items"]) == (200, [])
        for name in ("who", "what", "object"):
            answer = await admin.get("/api/audit", params={name: text})
            assert answer.status_code == 422 or answer.json()["items"] == [], name
        assert len((await admin.get("/api/users")).json()["items"]) == 2


CURSORS = ["0", "' OR 1=1 --", "9" * 200, "../..", "%00", "null", "-1", "deadbeef", "ff" * 16 + "."]


@pytest.mark.parametrize("path", ["/api/users", "/api/audit", "/api/sessions"])
async def test_a_cursor_that_is_none_of_ours_breaks_nothing(path: str, tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.asking("root", "admin") as admin:
        for cursor in CURSORS:
            answer = await admin.get(path, params={"cursor": cursor})
            assert answer.status_code in (200, 422), (cursor, answer.text)


async def test_header_injection_finds_no_header(tmp_path: Path) -> None:
    """What comes back in a header is made by us: ids, ETags and versions, never a text of the caller."""
    async with house(tmp_path) as here, here.asking("root", "admin") as admin:
        evil = "x\r\nSet-Cookie: a=b"
        made = await admin.post("/api/apps", json={"id": "evil", "name": evil})
        assert made.status_code == 201
        assert "set-cookie" not in made.headers
        refused(await admin.post("/api/apps", json={"id": evil, "name": "Evil"}), 422, "bad_input")
        looked = await admin.get("/api/users", headers={"If-None-Match": '"a", */*;q=1'})
        assert looked.status_code == 200
        assert refused(
            await admin.put("/api/apps/evil", json={"name": "a"}, headers={"If-Match": '"1" OR 1'}), 412, "changed"
        )


PATHS = [
    "/api/apps/../users",
    "/api/apps/%2e%2e/users",
    "/api/apps/..%2fusers",
    "/api/apps/..%5cusers",
    "/api//users",
    "/api/apps/%00",
    "/api/users/' OR '1'='1",
    "/api/users/" + "0" * 31,
    "/api/users/" + "F" * 32,
    "/api/sessions/" + "0" * 32 + "/..",
    "/api/apps/" + "a" * 5_000,
]


@pytest.mark.parametrize("path", PATHS)
async def test_encoded_paths_do_not_escape(path: str, tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        ann = await here.person("ann")
        status, body = await raw(here, path, ann.token)
        assert status in (400, 403, 404, 422), body
        assert "items" not in json.loads(body)


async def raw(
    here: House, path: str, token: str, *, method: str = "GET", pieces: Iterable[Any] = ()
) -> tuple[int, bytes]:
    """The path as it is: no client tidies it. `pieces` are what the client sends after the head."""
    sent: list[Any] = []
    coming = iter(pieces)

    async def receive() -> dict[str, Any]:
        whole = {"type": "http.request", "body": b"", "more_body": False}
        return dict(next(coming, whole))

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:8006"), (b"authorization", f"Bearer {token}".encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8006),
    }
    await here.app(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


async def test_who_goes_away_in_the_middle_of_a_body_breaks_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        root = await here.person("root", "admin")
        pieces = [{"type": "http.request", "body": b'{"name"', "more_body": True}, {"type": "http.disconnect"}]
        status, _ = await raw(here, "/api/users", root.token, method="POST", pieces=pieces)
        assert status == 503
        assert [profile.name for profile in (await here.accounts.users.page()).items] == ["root"]


async def test_a_fault_of_ours_tells_nothing_of_itself(tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.asking("root", "admin") as admin:
        await here.database.readers.dispose()
        async with here.database.writers.begin() as connection:
            await connection.exec_driver_sql("ALTER TABLE apps RENAME TO gone")
        body = refused(await admin.get("/api/apps/kitchen"), 500, "storage_failed")
        assert body["detail"] == "a fault on our side"
