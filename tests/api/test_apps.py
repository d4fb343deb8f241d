"""Apps over HTTP: what is seen by whom, changed, switched, reverted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from api.house import house, key

pytestmark = pytest.mark.real

KITCHEN: dict[str, Any] = {
    "id": "kitchen",
    "name": "Kitchen helper",
    "prompt": "You help in a kitchen.",
    "tools": ["timer_set"],
    "modes": ["camera", "turns"],
}


def body(**changes: Any) -> dict[str, Any]:
    return {**{name: value for name, value in KITCHEN.items() if name != "id"}, **changes}


async def test_an_app_is_made_seen_changed_reverted_and_deleted(tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.asking("root", "admin") as admin:
        made = await admin.post("/api/apps", json=KITCHEN, headers=key())
        assert made.status_code == 201
        assert made.headers["location"] == "/api/apps/kitchen"
        assert made.json()["modes"] == ["turns", "camera"]

        changed = await admin.put(
            "/api/apps/kitchen", json=body(prompt="Be brief."), headers={"If-Match": made.headers["etag"]}
        )
        assert (changed.status_code, changed.json()["version"]) == (200, 2)

        back = await admin.post(
            "/api/apps/kitchen/revert", json={"version": 1}, headers={"If-Match": changed.headers["etag"]}
        )
        assert (back.json()["version"], back.json()["prompt"]) == (3, "You help in a kitchen.")
        versions = (await admin.get("/api/apps/kitchen/versions")).json()["items"]
        assert [one["version"] for one in versions] == [3, 2, 1]
        assert versions[1]["body"]["prompt"] == "Be brief."

        assert (await admin.delete("/api/apps/kitchen")).status_code == 204
        assert (await admin.get("/api/apps/kitchen")).status_code == 404


async def test_a_prompt_is_shown_to_those_only_who_may_change_it(tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.asking("root", "admin") as admin, here.asking("ann") as ann:
        await admin.post("/api/apps", json=KITCHEN)
        assert (await admin.get("/api/apps/kitchen")).json()["prompt"] == "You help in a kitchen."
        seen = (await ann.get("/api/apps/kitchen")).json()
        assert (seen["prompt"], seen["tools"], seen["name"]) == (None, None, "Kitchen helper")


async def test_who_changes_an_app_has_read_it_as_it_is(tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.asking("root", "admin") as admin:
        made = await admin.post("/api/apps", json=KITCHEN)
        blind = await admin.put("/api/apps/kitchen", json=body())
        assert (blind.status_code, blind.json()["code"]) == (428, "precondition_required")
        await admin.put("/api/apps/kitchen", json=body(), headers={"If-Match": made.headers["etag"]})
        late = await admin.put("/api/apps/kitchen", json=body(), headers={"If-Match": made.headers["etag"]})
        assert (late.status_code, late.json()["code"]) == (412, "changed")


async def test_the_list_is_kept_until_something_changes(tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.asking("root", "admin") as admin, here.asking("ann") as ann:
        first = await ann.get("/api/apps")
        again = await ann.get("/api/apps", headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304
        await admin.post("/api/apps", json=KITCHEN)
        after = await ann.get("/api/apps", headers={"If-None-Match": first.headers["etag"]})
        assert [app["id"] for app in after.json()["items"]] == ["assistant", "kitchen"]


async def test_an_unknown_skill_is_refused_by_the_name_of_its_field(tmp_path: Path) -> None:
    async with house(tmp_path) as here, here.asking("root", "admin") as admin:
        refused = await admin.post("/api/apps", json={**KITCHEN, "tools": ["timer_sett"]})
        assert refused.status_code == 422
        assert refused.json()["fields"] == {"tools": "there is no skill `timer_sett`; did you mean `timer_set`?"}
