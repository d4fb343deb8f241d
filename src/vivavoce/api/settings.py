"""`/api/settings`: every value with where it comes from, and the change of those that may change while it runs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Response
from pydantic import Field

from vivavoce.api.conditions import Expected, set_version
from vivavoce.api.context import Who
from vivavoce.api.models import Body, View
from vivavoce.api.routing import Routes
from vivavoce.registry.overrides import Described, Effect, Overrides

Value = str | int | float | bool | list[str] | None
Key = Annotated[str, Field(pattern=r"^[a-z_]+\.[a-z0-9_]+$", max_length=96)]


class SettingView(View):
    """One value."""

    key: str = Field(examples=["turn.patience"])
    value: Value = Field(description="In force now. A secret is shown as such.")
    saved: Value = Field(description="What the console has set; in force after a restart where `effect` says so.")
    is_saved: bool
    default: Value
    type: str = Field(description="For people, with its bounds.", examples=["number, 0.5–3"])
    choices: list[str] | None = Field(description="All that it may be.")
    minimum: float | None
    maximum: float | None
    text: str = Field(description="What it does.")
    origin: Literal["default", "file", "environment", "flag", "console"]
    where: str = Field(description="`vivavoce.yaml:14`, the variable or the flag; there it has to be changed.")
    effect: Effect = Field(description="When a change works; `fixed`: only in the file, environment or by a flag.")
    changeable: bool = Field(description="Here and now.")


class SettingsView(View):
    """All of them. The ETag goes up with every change."""

    items: list[SettingView]
    version: int


class SettingsPatch(Body):
    """Keys with their new values; null takes back what was set here."""

    values: dict[Key, Any] = Field(min_length=1, max_length=100, examples=[{"turn.patience": 1.2}])


class SettingsApi:
    """What answers `/api/settings`."""

    routes = Routes("/api/settings", "settings")

    def __init__(self, overrides: Overrides) -> None:
        self._overrides = overrides

    @routes.get("", permission="settings")
    async def list_settings(self, response: Response) -> SettingsView:
        """Every key there is."""
        return await self._shown(response)

    @routes.patch("", permission="settings", conditional=True, errors=(409,))
    async def change_settings(
        self, body: SettingsPatch, expected: Expected, who: Who, response: Response
    ) -> SettingsView:
        """Change some, all or none. What a file, the environment or a flag rules is refused, with the place."""
        await self._overrides.change(who, body.values, expected)
        return await self._shown(response)

    async def _shown(self, response: Response) -> SettingsView:
        described, version = await self._overrides.described()
        set_version(response, version)
        return SettingsView(items=[_view(one) for one in described], version=version)


def _view(one: Described) -> SettingView:
    return SettingView.model_validate(one)
