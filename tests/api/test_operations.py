"""What an operator looks at: audit, settings, doctor, live sessions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from api.house import house
from api.objects import session

pytestmark = pytest.mark.real


async def test_the_audit_is_filtered_paged_exported_and_checked(tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.asking("root", "admin") as admin:
        await admin.post("/api/apps", json={"id": "kitchen", "name": "Kitchen"})
        await admin.delete("/api/apps/kitchen")
        found = (await admin.get("/api/audit", params={"what": "app."})).json()["items"]
        assert [(one["act"], one["actor_name"]) for one in found] == [("app.delete", "root"), ("app.create", "root")]
        root = (await here.person("root")).id
        mine = (await admin.get("/api/audit", params={"who": root, "limit": 1})).json()
        assert mine["next"]
        lines = (await admin.get("/api/audit/export")).text.splitlines()
        every = (await admin.get("/api/audit")).json()["items"]
        assert [json.loads(line) for line in lines] == every[::-1]
        assert (await admin.get("/api/audit", params={"from": "2100-01-01T00:00:00Z"})).json()["items"] == []
        assert (await admin.get("/api/audit/chain")).json()["whole"]
        assert (await admin.get("/api/audit", params={"from": "yesterday"})).json()["fields"].keys() == {"from"}


async def test_settings_are_told_with_their_origin_and_changed(tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.asking("root", "admin") as admin:
        shown = await admin.get("/api/settings")
        told = {one["key"]: one for one in shown.json()["items"]}
        assert (told["talk.language"]["origin"], told["talk.language"]["where"]) == ("file", "vivavoce.yaml:14")
        assert [told[key]["changeable"] for key in ("turn.patience", "talk.language", "server.port")] == [
            True,
            False,
            False,
        ]
        tag = {"If-Match": shown.headers["etag"]}
        changed = await admin.patch("/api/settings", json={"values": {"turn.patience": 2}}, headers=tag)
        patience = next(one for one in changed.json()["items"] if one["key"] == "turn.patience")
        assert (patience["value"], patience["saved"], patience["origin"]) == (2, 2, "console")
        again = await admin.patch("/api/settings", json={"values": {"turn.patience": 1}}, headers=tag)
        assert (again.status_code, again.json()["code"]) == (412, "changed")


async def test_a_setting_that_cannot_be_is_named(tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.asking("root", "admin") as admin:
        values = {"turn.patience": 9, "limits.slots": 3}
        refused = await admin.patch("/api/settings", json={"values": values}, headers={"If-Match": '"0"'})
        assert refused.status_code == 422
        assert list(refused.json()["fields"]) == ["turn.patience"]
        assert (await here.registry.overrides.saved()) == ({}, 0)


async def test_the_doctor_examines_and_tries(tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.asking("root", "admin") as admin:
        assert (await admin.get("/api/doctor")).json()["in_use"][0]["name"] == "espeak"
        assert (await admin.post("/api/doctor/try", json={"kind": "tts"})).json()["ms"] == 12.5
        assert (await admin.post("/api/doctor/try", json={"kind": "gpu"})).status_code == 422


async def test_people_see_their_own_sessions_and_operators_all(tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.asking("ann") as ann, here.asking("op", "operator") as operator:
        await session(here, await here.person("ann"))
        await session(here, await here.person("ben"))
        assert [one["owner_name"] for one in (await ann.get("/api/sessions")).json()["items"]] == ["ann"]
        everybody = (await operator.get("/api/sessions")).json()["items"]
        assert [one["owner_name"] for one in everybody] == ["ann", "ben"]
        ended = await operator.delete(f"/api/sessions/{everybody[1]['owner']}/{everybody[1]['id']}")
        assert ended.status_code == 204


async def test_the_document_is_for_whoever_is_known(tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.asking("ann") as ann, here.browser() as nobody:
        document = (await ann.get("/api/openapi.json")).json()
        assert document["openapi"].startswith("3.1")
        assert document["paths"]["/api/users"]["post"]["x-permission"] == "users"
        assert (await nobody.get("/api/openapi.json")).status_code == 401
        for path in ("/docs", "/redoc", "/openapi.json", "/api/me/"):
            assert (await ann.get(path)).status_code == 404, path
