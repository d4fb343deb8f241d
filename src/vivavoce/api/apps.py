"""`/api/apps`: what is offered, and who answers. All see what there is; how an app is made, only who may change it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Response
from pydantic import Field

from vivavoce.accounts.actor import Actor
from vivavoce.api.conditions import Expected, set_version
from vivavoce.api.context import Who
from vivavoce.api.models import Body, Page, Slug, Time, View
from vivavoce.api.problems import about
from vivavoce.api.routing import Routes
from vivavoce.registry.apps import Apps, Kept, Offered
from vivavoce.registry.persona import MODES, Mode, Persona

Tools = Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(max_length=64)]


class AppBody(Body):
    """A persona and its modes."""

    name: str = Field(min_length=1, max_length=80, examples=["Kitchen helper"])
    prompt: str = Field(
        default="", max_length=20_000, description="What a language model is told.", examples=["You help in a kitchen."]
    )
    voice: str | None = Field(default=None, min_length=1, max_length=80, examples=["en-gb"])
    language: str | None = Field(default=None, pattern=r"^[a-z]{2,3}$", examples=["en"])
    patience: float = Field(default=1.0, ge=0.5, le=3, description="Factor on the waits for the end of a turn.")
    tools: Tools | None = Field(
        default=None, description="Skills that may be used; null: all.", examples=[["timer_set"]]
    )
    model: str | None = Field(
        default=None, min_length=1, max_length=120, description="For the language model's server."
    )
    modes: list[Mode] = Field(default=list(MODES), min_length=1, max_length=3)

    def persona(self) -> Persona:
        given = self.model_dump()
        tools = given.pop("tools")
        modes = tuple(given.pop("modes"))
        return Persona(**given, modes=modes, tools=None if tools is None else tuple(tools))


class NewApp(AppBody):
    """An app with its id, which stays."""

    id: Slug

    def persona(self) -> Persona:
        return AppBody(**self.model_dump(exclude={"id"})).persona()


class AppSummary(View):
    """An app as it is offered."""

    id: Slug
    name: str
    language: str | None
    modes: list[Mode]
    enabled: bool
    version: int = Field(description="Of its body; 0 for the built-in app, which follows the settings.")
    built_in: bool
    updated_at: Time


class AppView(AppSummary):
    """An app. `prompt`, `tools` and `model` are null for those who may not change it."""

    prompt: str | None
    voice: str | None
    patience: float
    tools: list[str] | None
    model: str | None


class VersionView(View):
    """A version that is kept."""

    version: int
    body: AppBody
    created_at: Time
    created_by: str = Field(description="Id of a user.")


class Switch(Body):
    """On or off."""

    enabled: bool


class Revert(Body):
    """Back to what a version was."""

    version: int = Field(ge=1, le=1_000_000)


class AppsApi:
    """What answers `/api/apps`."""

    routes = Routes("/api/apps", "apps")

    def __init__(self, apps: Apps) -> None:
        self._apps = apps

    @routes.get("", permission="apps.read", cached=("apps",))
    async def list_apps(self) -> Page[AppSummary]:
        """All apps in one page: the built-in one first, then by id. Those that are off are among them."""
        return Page(items=[_summary(app) for app in await self._apps.every()], next=None)

    @routes.get("/{id}", permission="apps.read")
    async def get_app(self, id: Slug, who: Who, response: Response) -> AppView:
        """One app."""
        return _shown(await self._apps.get(id), who, response)

    @routes.post("", permission="apps.write", status=201, once=True, errors=(409,))
    async def create_app(self, body: NewApp, who: Who, response: Response) -> AppView:
        """A new app, switched on."""
        with about("tools"):
            made = await self._apps.create(who, body.id, body.persona())
        response.headers["Location"] = f"/api/apps/{made.id}"
        return _shown(made, who, response)

    @routes.put("/{id}", permission="apps.write", conditional=True)
    async def change_app(self, id: Slug, body: AppBody, expected: Expected, who: Who, response: Response) -> AppView:
        """A new version of it. Conversations that run keep theirs."""
        with about("tools"):
            return _shown(await self._apps.change(who, id, body.persona(), expected), who, response)

    @routes.patch("/{id}", permission="apps.write", conditional=True)
    async def switch_app(self, id: Slug, body: Switch, expected: Expected, who: Who, response: Response) -> AppView:
        """On or off, at once and everywhere. Conversations that run finish."""
        return _shown(await self._apps.switch(who, id, body.enabled, expected), who, response)

    @routes.delete("/{id}", permission="apps.write", status=204)
    async def delete_app(self, id: Slug, who: Who) -> None:
        """It and its versions. The built-in app can only be switched off."""
        await self._apps.delete(who, id)

    @routes.get("/{id}/versions", permission="apps.write")
    async def list_versions(self, id: Slug) -> Page[VersionView]:
        """All versions that are kept (the newest 100), the newest first."""
        return Page(items=[_version(kept) for kept in await self._apps.versions(id)], next=None)

    @routes.post("/{id}/revert", permission="apps.write", conditional=True)
    async def revert_app(self, id: Slug, body: Revert, expected: Expected, who: Who, response: Response) -> AppView:
        """A new version with the body of an old one."""
        return _shown(await self._apps.revert(who, id, body.version, expected), who, response)


def _summary(app: Offered) -> AppSummary:
    return AppSummary(
        id=app.id,
        name=app.persona.name,
        language=app.persona.language,
        modes=list(app.persona.modes),
        enabled=app.enabled,
        version=app.version,
        built_in=app.built_in,
        updated_at=app.updated_at,
    )


def _shown(app: Offered, who: Actor, response: Response) -> AppView:
    set_version(response, app.state)
    inside = who.principal.may("apps.write")
    persona = app.persona
    return AppView(
        **_summary(app).model_dump(),
        voice=persona.voice,
        patience=persona.patience,
        # A prompt may hold what an operator would not tell everybody.
        prompt=persona.prompt if inside else None,
        tools=None if persona.tools is None or not inside else list(persona.tools),
        model=persona.model if inside else None,
    )


def _version(kept: Kept) -> VersionView:
    persona = kept.persona
    body = AppBody(
        name=persona.name,
        prompt=persona.prompt,
        voice=persona.voice,
        language=persona.language,
        patience=persona.patience,
        tools=None if persona.tools is None else list(persona.tools),
        model=persona.model,
        modes=list(persona.modes),
    )
    return VersionView(version=kept.version, body=body, created_at=kept.created_at, created_by=kept.created_by)
