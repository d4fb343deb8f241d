"""Apps: versions, the switch, the built-in one, and what a conversation begins with."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from registry.office import ADMIN, office
from vivavoce.conversation.views import SessionSpec
from vivavoce.errors import Conflict, LimitReached, Missing, Refused, StorageUnavailable
from vivavoce.registry.apps import Apps
from vivavoce.registry.persona import ASSISTANT, Persona
from vivavoce.storage.database import Database
from vivavoce.storage.models import AppVersion

pytestmark = pytest.mark.real

KITCHEN = Persona(name="Kitchen", prompt="Cook.", voice="ann", language="de", patience=2.0, tools=("time",), model="m")
SPEC = SessionSpec("s", language="")


async def test_each_change_is_a_version_and_going_back_makes_one_more(database_url: str) -> None:
    async with office(database_url) as here:
        apps = here.registry.apps
        first = await apps.create(ADMIN, "kitchen", KITCHEN)
        second = await apps.change(ADMIN, "kitchen", Persona(name="Kitchen", prompt="Bake."), first.state)
        third = await apps.revert(ADMIN, "kitchen", 1, second.state)
        assert (third.version, third.persona) == (3, KITCHEN)
        assert [kept.persona.prompt for kept in await apps.versions("kitchen")] == ["Cook.", "Bake.", "Cook."]
        assert await here.acts() == ["app.create", "app.change", "app.revert"]
        told = [(one["kind"], one["id"]) for one in await here.told("apps", 3)]
        assert told == [("created", "kitchen"), ("changed", "kitchen"), ("changed", "kitchen")]


async def test_of_two_who_change_at_once_one_is_told(database_url: str) -> None:
    async with office(database_url) as here:
        apps = here.registry.apps
        app = await apps.create(ADMIN, "kitchen", KITCHEN)
        both = [apps.change(ADMIN, "kitchen", Persona(name=name), app.state) for name in ("A", "B")]
        done = await asyncio.gather(*both, return_exceptions=True)
        assert sorted(type(one).__name__ for one in done) == ["Conflict", "Offered"]
        assert (await apps.get("kitchen")).version == 2


async def test_the_built_in_app_follows_the_settings_and_can_only_be_switched(database_url: str) -> None:
    async with office(database_url) as here:
        apps = here.registry.apps
        assert [app.id for app in await apps.every()] == [ASSISTANT]
        here.persona = Persona(name="Assistant", prompt="Be brief.")
        built_in = await apps.get(ASSISTANT)
        assert built_in.persona.prompt == "Be brief."
        with pytest.raises(Refused):
            await apps.delete(ADMIN, ASSISTANT)
        with pytest.raises(Refused):
            await apps.change(ADMIN, ASSISTANT, KITCHEN, built_in.state)
        with pytest.raises(Conflict):
            await apps.create(ADMIN, ASSISTANT, KITCHEN)
        off = await apps.switch(ADMIN, ASSISTANT, False, built_in.state)
        assert not (await apps.get(ASSISTANT)).enabled
        with pytest.raises(Refused):
            await apps.change(ADMIN, ASSISTANT, KITCHEN, off.state)
        on = await apps.switch(ADMIN, ASSISTANT, True, off.state)
        assert (await apps.get(ASSISTANT)).persona.prompt == "Be brief."
        assert on.state == built_in.state


async def test_a_deleted_app_is_gone_with_its_versions(database_url: str) -> None:
    async with office(database_url) as here:
        apps = here.registry.apps
        await apps.create(ADMIN, "kitchen", KITCHEN)
        await apps.delete(ADMIN, "kitchen")
        with pytest.raises(Missing):
            await apps.versions("kitchen")
        async with here.database.reading() as session:
            assert await session.get(AppVersion, ("kitchen", 1)) is None
        assert (await apps.create(ADMIN, "kitchen", KITCHEN)).version == 1


async def test_apps_and_their_versions_are_bounded(database_url: str) -> None:
    async with office(database_url) as here:
        apps = Apps(here.commons, lambda: here.persona, ["time"], most=2, versions=3)
        app = await apps.create(ADMIN, "one", KITCHEN)
        await apps.create(ADMIN, "two", KITCHEN)
        with pytest.raises(LimitReached):
            await apps.create(ADMIN, "three", KITCHEN)
        for number in range(5):
            app = await apps.change(ADMIN, "one", Persona(name=f"{number}"), app.state)
        assert [kept.version for kept in await apps.versions("one")] == [6, 5, 4]
        with pytest.raises(Missing, match="no version 1 any more"):
            await apps.revert(ADMIN, "one", 1, app.state)


# ── beginning a conversation ──────────────────────────────────────────────────────────────────────


async def test_an_app_fills_in_what_the_client_left_open(database_url: str) -> None:
    async with office(database_url) as here:
        apps = here.registry.apps
        await apps.create(ADMIN, "kitchen", KITCHEN)
        begun = await apps.resolve(replace(SPEC, app="kitchen", patience=0.5))
        assert (begun.language, begun.voice, begun.system_prompt) == ("de", "ann", "Cook.")
        assert (begun.skills, begun.model, begun.app_version) == (frozenset({"time"}), "m", 1)
        assert begun.patience == 0.5 * 2.0 * 1.5, "the person's, the app's and the server's"
        draft = await apps.resolve(replace(SPEC, app="kitchen", system_prompt="Draft.", language="en", voice="ben"))
        assert (draft.system_prompt, draft.language, draft.voice) == ("Draft.", "en", "ben")


async def test_without_an_app_the_built_in_one_answers(database_url: str) -> None:
    async with office(database_url) as here:
        begun = await here.registry.apps.resolve(SPEC)
        assert (begun.app, begun.app_version, begun.system_prompt) == (ASSISTANT, 0, "Be kind.")
        assert (begun.language, begun.skills, begun.patience) == ("en", None, 1.5)


async def test_what_is_off_unknown_or_not_offered_so_is_refused_by_name(database_url: str) -> None:
    async with office(database_url) as here:
        apps = here.registry.apps
        app = await apps.create(ADMIN, "kitchen", Persona(name="K", modes=("turns",)))
        refusals = {
            "switched off": SPEC,
            "no app `nowhere`": replace(SPEC, app="nowhere"),
            "not offered in this mode": replace(SPEC, app="kitchen"),
        }
        await apps.switch(ADMIN, ASSISTANT, False, (await apps.get(ASSISTANT)).state)
        for words, spec in refusals.items():
            with pytest.raises(Refused, match=words) as refused:
                await apps.resolve(spec)
            assert refused.value.code == "app_disabled"
        assert (await apps.resolve(replace(SPEC, app="kitchen", kind="streaming"))).app == "kitchen"
        assert app.enabled


async def test_the_switch_works_at_once_in_another_process(database_url: str) -> None:
    async with office(database_url) as here, office(database_url) as there:
        app = await here.registry.apps.create(ADMIN, "kitchen", KITCHEN)
        await there.registry.apps.resolve(replace(SPEC, app="kitchen"))
        await here.registry.apps.switch(ADMIN, "kitchen", False, app.state)
        with pytest.raises(Refused, match="switched off"):
            await there.registry.apps.resolve(replace(SPEC, app="kitchen"))


async def test_conversations_begin_with_the_database_away(database_url: str) -> None:
    async with office(database_url) as here:
        line = Line(here.database)
        commons = replace(here.commons, database=line)  # type: ignore[arg-type]
        apps = Apps(commons, lambda: here.persona, ["time"])
        await apps.create(ADMIN, "kitchen", KITCHEN)
        line.cut = True
        assert (await apps.resolve(replace(SPEC, app="kitchen"))).voice == "ann"
        assert (await apps.resolve(SPEC)).app == ASSISTANT
        with pytest.raises(StorageUnavailable):
            await apps.resolve(replace(SPEC, app="never-seen"))


class Line:
    """The way to a database, which can be cut."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.cut = False

    def reading(self) -> AbstractAsyncContextManager[AsyncSession]:
        if self.cut:
            raise StorageUnavailable("the database does not answer")
        return self._database.reading()

    def writing(self) -> AbstractAsyncContextManager[AsyncSession]:
        return self._database.writing()
