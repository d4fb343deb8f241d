"""`/api/doctor`: what is in use, what is missing and what it would add; and a try of each part."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

from pydantic import Field

from vivavoce.api.models import Body, View
from vivavoce.api.routing import Routes

Kind = Literal["vad", "asr", "llm", "tts"]


class InUseView(View):
    """A back-end in force."""

    kind: Kind
    name: str = Field(examples=["espeak"])
    detail: str
    problem: str | None = Field(description="Why it cannot be used.")


class MissingView(View):
    """Something that is not here."""

    missing: str
    adds: str
    how: str


class CheckView(View):
    """Another thing that was looked at: database, disk, certificate …"""

    name: str = Field(examples=["database"])
    well: bool
    detail: str


class DoctorView(View):
    """What a doctor would tell."""

    well: bool
    version: str
    python: str
    system: str
    file: str | None = Field(description="The configuration file that was read.")
    in_use: list[InUseView]
    checks: list[CheckView]
    missing: list[MissingView]


class TryBody(Body):
    """What to try."""

    kind: Kind


class TryView(View):
    """How it went."""

    kind: Kind
    well: bool
    ms: float = Field(description="Until the first result.")
    text: str = Field(description="What was recognised or answered, or what went wrong.")
    sound: str | None = Field(description="A WAV file in base64, where sound was made.")


Examine = Callable[[], Awaitable[DoctorView]]
Try = Callable[[Kind], Awaitable[TryView]]


class DoctorApi:
    """What answers `/api/doctor`."""

    routes = Routes("/api/doctor", "doctor")

    def __init__(self, examine: Examine, try_out: Try) -> None:
        self._examine = examine
        self._try_out = try_out

    @routes.get("", permission="settings", limit="search")
    async def examine(self) -> DoctorView:
        """What is in use here, and what is missing."""
        return await self._examine()

    @routes.post("/try", permission="settings", limit="search", errors=(502, 504))
    async def try_out(self, body: TryBody) -> TryView:
        """One sentence through one part: how long it takes, and what comes out."""
        return await self._try_out(body.kind)
