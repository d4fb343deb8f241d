from __future__ import annotations

import asyncio
from typing import Any

import httpx
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from channels.people import Entrance, person
from channels.test_guard import BEARER, Seen, client


async def test_the_second_answer_is_the_first_one_and_the_application_is_not_asked() -> None:
    app = Seen()
    async with client(app, Entrance(person("uli"))) as asking:
        first, second = [await asking.get("/api/list", headers=BEARER) for _ in range(2)]
    assert first.json() == second.json() == {"asked": 1, "what": "x" * 100}
    assert first.headers["etag"] == second.headers["etag"]
    assert second.headers["cache-control"] == "no-store"
    assert second.headers["x-content-type-options"] == "nosniff"
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


async def test_who_has_it_already_is_told_so() -> None:
    async with client(Seen(), Entrance(person("uli"))) as asking:
        etag = (await asking.get("/api/list", headers=BEARER)).headers["etag"]
        for given in (etag, f'"other", W/{etag}', "*"):
            answer = await asking.get("/api/list", headers={**BEARER, "If-None-Match": given})
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
        answer = await asking.get("/api/list", headers={**BEARER, "If-None-Match": '"other"'})
        assert answer.status_code == 200


async def test_a_change_is_seen_at_once() -> None:
    app, entrance = Seen(), Entrance(person("uli"))
    async with client(app, entrance) as asking:
        await asking.get("/api/list", headers=BEARER)
        await entrance.cache.invalidate("things")
        assert (await asking.get("/api/list", headers=BEARER)).json()["asked"] == 2


async def test_nobody_sees_what_others_permissions_show_and_nobody_unknown_sees_anything() -> None:
    app = Seen()
    async with client(app, Entrance(person("uli"), person("vera"), person("ada", "admin"))) as asking:

        async def number(name: str) -> int:
            headers = {"Authorization": f"Bearer token-of-{name}"}
            return int((await asking.get("/api/list", headers=headers)).json()["asked"])

        assert [await number(name) for name in ("uli", "vera", "ada", "uli")] == [1, 1, 2, 1]
        assert (await asking.get("/api/list")).status_code == 401


async def test_another_question_is_another_answer() -> None:
    app = Seen()
    async with client(app, Entrance(person("uli"))) as asking:
        for query in ("", "?page=2", "?page=2", "?" + "x" * 300, "?" + "x" * 300):
            await asking.get("/api/list" + query, headers=BEARER)
    assert len(app.scopes) == 4  # the endless one is asked each time


async def test_head_asks_for_the_same_without_its_body() -> None:
    async with client(Seen(), Entrance(person("uli"))) as asking:
        head = await asking.head("/api/list", headers=BEARER)
        whole = await asking.get("/api/list", headers=BEARER)
    assert (head.content, head.headers["etag"]) == (b"", whole.headers["etag"])
    assert head.headers["content-length"] == str(len(whole.content))


async def test_only_whole_answers_are_kept() -> None:
    for status, headers in ((404, {}), (200, {"Set-Cookie": "a=b"}), (200, {"X-Own": "1"})):
        asked = 0

        async def app(
            scope: Scope, receive: Receive, send: Send, status: int = status, headers: dict[str, str] = headers
        ) -> None:
            nonlocal asked
            asked += 1
            await JSONResponse({"asked": asked}, status, headers)(scope, receive, send)

        async with client(app, Entrance(person("uli"))) as asking:
            for number in (1, 2):
                answer = await asking.get("/api/list", headers=BEARER)
                assert (answer.status_code, answer.json()["asked"]) == (status, number)


async def test_of_many_who_ask_at_once_one_asks_the_application() -> None:
    app = Seen()
    gate = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        await app(scope, receive, send)

    async with client(slow, Entrance(person("uli"))) as asking, asyncio.TaskGroup() as group:

        async def ask() -> httpx.Response:
            return await asking.get("/api/list", headers=BEARER)

        tasks = [group.create_task(ask()) for _ in range(20)]
        await asyncio.sleep(1)
        gate.set()
    assert {task.result().status_code for task in tasks} == {200}
    assert len(app.scopes) == 1


async def test_an_answer_of_many_megabytes_is_passed_on_and_not_kept() -> None:
    async def large(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(b"x" * (1 << 20), media_type="text/plain")(scope, receive, send)

    entrance: Any = Entrance(person("uli"))
    async with client(large, entrance) as asking:
        assert len((await asking.get("/api/list", headers=BEARER)).content) == 1 << 20
    assert len(entrance.cache) <= 10  # counters of limits only
