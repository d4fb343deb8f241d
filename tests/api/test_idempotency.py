"""`Idempotency-Key`: sent twice, done once, answered alike."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select, update

from api.house import House, house, key
from vivavoce.api.idempotency import KEPT_MS, WORK_MS
from vivavoce.storage.models import IdempotentAnswer

pytestmark = pytest.mark.real

TOKEN = {"name": "ci", "role": "user"}


async def names(here: House) -> list[str]:
    return [profile.name for profile in (await here.accounts.users.page()).items]


async def test_the_second_is_answered_like_the_first(tmp_path: Path, database_url: str) -> None:
    async with house(tmp_path, url=database_url) as here, here.asking("root", "admin") as admin:
        headers = key()
        first = await admin.post("/api/users", json={"name": "ann"}, headers=headers)
        second = await admin.post("/api/users", json={"name": "ann"}, headers=headers)
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.content == second.content
        assert [first.headers[name] for name in ("etag", "location")] == [
            second.headers[name] for name in ("etag", "location")
        ]
        assert await names(here) == ["root", "ann"]


async def test_those_that_come_at_once_are_done_once(tmp_path: Path, database_url: str) -> None:
    async with house(tmp_path, url=database_url) as here, here.asking("ann") as ann:
        headers = key()
        answers = await asyncio.gather(*(ann.post("/api/me/tokens", json=TOKEN, headers=headers) for _ in range(8)))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["token"] for answer in answers}) == 1
        assert len((await ann.get("/api/me/tokens")).json()["items"]) == 1


async def test_a_key_belongs_to_one_request_of_one_person(tmp_path: Path, database_url: str) -> None:
    async with house(tmp_path, url=database_url) as here, here.asking("ann") as ann, here.asking("ben") as ben:
        headers = key()
        assert (await ann.post("/api/me/tokens", json=TOKEN, headers=headers)).status_code == 201
        other = await ann.post("/api/me/tokens", json={**TOKEN, "name": "cd"}, headers=headers)
        assert (other.status_code, other.json()["code"]) == (409, "key_reused")
        assert (await ben.post("/api/me/tokens", json=TOKEN, headers=headers)).status_code == 201


async def test_what_failed_may_be_sent_again(tmp_path: Path, database_url: str) -> None:
    async with house(tmp_path, url=database_url) as here, here.asking("root", "admin") as admin:
        headers = key()
        await here.person("ann")
        taken = await admin.post("/api/users", json={"name": "ann"}, headers=headers)
        assert taken.status_code == 409
        wrong = await admin.post("/api/users", json={"nme": "ben"}, headers=headers)
        assert wrong.status_code == 422
        assert (await admin.post("/api/users", json={"name": "ben"}, headers=headers)).status_code == 201


async def test_after_a_day_a_key_is_forgotten(tmp_path: Path, database_url: str) -> None:
    async with house(tmp_path, url=database_url) as here, here.asking("ann") as ann:
        headers = key()
        await ann.post("/api/me/tokens", json=TOKEN, headers=headers)
        here.clock.now += KEPT_MS + 1
        token = await here.token(await here.person("ann"))
        async with here.browser(token) as script:
            await script.post("/api/me/tokens", json=TOKEN, headers=headers)
        async with here.database.reading() as session:
            assert len((await session.scalars(select(IdempotentAnswer))).all()) == 1


async def test_nobody_can_say_what_a_process_did_before_it_died(tmp_path: Path, database_url: str) -> None:
    async with house(tmp_path, url=database_url) as here, here.asking("ann") as ann:
        headers = key()
        await ann.post("/api/me/tokens", json=TOKEN, headers=headers)
        async with here.database.writing() as session:  # as it was between the claim and the answer
            await session.execute(update(IdempotentAnswer).values(status=0, body=b""))
        here.clock.now += WORK_MS + 1
        answer = await ann.post("/api/me/tokens", json=TOKEN, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (409, "outcome_unknown")
        assert len((await ann.get("/api/me/tokens")).json()["items"]) == 1


async def test_a_kept_answer_shows_no_secret_to_whoever_has_the_database(tmp_path: Path, database_url: str) -> None:
    async with house(tmp_path, url=database_url) as here, here.asking("ann") as ann:
        headers = key()
        made = await ann.post("/api/me/tokens", json=TOKEN, headers=headers)
        async with here.database.reading() as session:
            row = (await session.scalars(select(IdempotentAnswer))).one()
        assert made.json()["token"].encode() not in row.body
        assert b"ci" not in row.body
        assert headers["Idempotency-Key"] not in row.key


@pytest.mark.parametrize("bad", ["short", "x" * 129, "with a space inside it", "ümlaut-ümlaut-ümlaut"])
async def test_a_key_is_long_and_plain(bad: str, tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.asking("ann") as ann:
        answer = await ann.post("/api/me/tokens", json=TOKEN, headers=[(b"Idempotency-Key", bad.encode())])
        assert answer.status_code == 422
