"""Settings that change while the server runs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from registry.office import ADMIN, office
from vivavoce.errors import BadInput, Conflict
from vivavoce.storage.models import Setting

pytestmark = pytest.mark.real


async def test_a_value_is_saved_audited_told_and_taken_back(database_url: str) -> None:
    async with office(database_url) as here:
        overrides = here.registry.overrides
        await overrides.change(ADMIN, {"turn.patience": 2}, 0)
        assert await overrides.saved() == ({"turn.patience": 2}, 1)
        await overrides.change(ADMIN, {"turn.patience": None}, 1)
        assert await overrides.saved() == ({}, 2)
        assert await here.acts() == ["settings.change", "settings.change"]
        told = [one["data"] for one in await here.told("settings", 2)]
        assert told == [{"version": 1, "keys": ["turn.patience"]}, {"version": 2, "keys": ["turn.patience"]}]


async def test_nobody_overwrites_what_he_has_not_read(database_url: str) -> None:
    async with office(database_url) as here:
        overrides = here.registry.overrides
        await overrides.change(ADMIN, {"turn.patience": 2}, 0)
        with pytest.raises(Conflict) as late:
            await overrides.change(ADMIN, {"turn.patience": 3}, 0)
        assert late.value.code == "changed"


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"turn.patience": 9}, "expected number"),
        ({"turn.patienc": 1}, "did you mean `turn.patience`"),
        ({"talk.voice": "ann"}, "ruled by vivavoce.yaml:3"),
        ({"server.port": 1}, "before the database"),
    ],
)
async def test_what_cannot_be_set_is_named_and_nothing_is_changed(
    values: dict[str, Any], why: str, database_url: str
) -> None:
    async with office(database_url) as here:
        with pytest.raises(BadInput, match=why) as refused:
            await here.registry.overrides.change(ADMIN, {"turn.patience": 2, **values}, 0)
        assert set(refused.value.fields) == set(values)
        assert await here.registry.overrides.saved() == ({}, 0)


async def test_what_the_built_in_app_is_made_of_is_news_of_that_app(database_url: str) -> None:
    async with office(database_url) as here:
        await here.commons.cache.put("the list", b"old", 60, tags=["apps"])
        await here.registry.overrides.change(ADMIN, {"talk.loudness": 2}, 0)
        assert [one["id"] for one in await here.told("apps", 1)] == ["assistant"]
        assert await here.commons.cache.get("the list") is None


async def test_every_process_hears_of_a_change(database_url: str) -> None:
    async with office(database_url) as here:
        heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        async with asyncio.TaskGroup() as group:
            following = group.create_task(here.registry.overrides.follow(heard.put_nowait))  # type: ignore[arg-type]
            assert await heard.get() == {}
            await here.registry.overrides.change(ADMIN, {"turn.patience": 2}, 0)
            assert await heard.get() == {"turn.patience": 2}
            following.cancel()


async def test_a_row_that_fits_no_more_goes_with_the_next_change(database_url: str) -> None:
    async with office(database_url) as here:
        async with here.database.writing() as session:
            session.add(Setting(key="turn.haste", value={"value": 1}, updated_at=0, updated_by=""))
        await here.registry.overrides.change(ADMIN, {"turn.patience": 2}, 0)
        assert await here.registry.overrides.saved() == ({"turn.patience": 2}, 1)
