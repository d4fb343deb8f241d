"""What an app is: a persona with the modes it is offered in. Plain data, as it lies in the database."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from vivavoce.errors import BadInput

Mode = Literal["turns", "hands_free", "camera"]
MODES: Final[tuple[Mode, ...]] = ("turns", "hands_free", "camera")

SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,46}[a-z0-9]")
ASSISTANT: Final = "assistant"
"""The built-in app: what the settings' section `talk` says. Nobody can delete it or write over it."""


class Persona(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who answers, and how one may talk with it. None: as the server does it otherwise."""

    name: Annotated[str, Meta(min_length=1, max_length=80)]
    prompt: Annotated[str, Meta(max_length=20_000)] = ""
    voice: Annotated[str, Meta(min_length=1, max_length=80)] | None = None
    language: Annotated[str, Meta(pattern=r"^[a-z]{2,3}$")] | None = None
    patience: Annotated[float, Meta(ge=0.5, le=3)] = 1.0
    """Factor on the server's own waits for the end of a turn."""
    tools: Annotated[tuple[Annotated[str, Meta(max_length=64)], ...], Meta(max_length=64)] | None = None
    """Skills that may be used; None: all of them."""
    model: Annotated[str, Meta(min_length=1, max_length=120)] | None = None
    """For the language model's server."""
    modes: Annotated[tuple[Mode, ...], Meta(min_length=1, max_length=3)] = MODES


def stored(persona: Persona) -> dict[str, Any]:
    """As it is kept."""
    body: dict[str, Any] = msgspec.to_builtins(persona)
    return body


def loaded(body: dict[str, Any]) -> Persona:
    """Of what was kept, or sent. Raises BadInput that names the field."""
    try:
        return msgspec.convert(body, Persona)
    except msgspec.ValidationError as error:
        raise BadInput(f"this is no app: {error}") from error


def checked(persona: Persona, skills: Collection[str]) -> Persona:
    """The same, its modes in order and once each. Raises BadInput for a skill that there is not."""
    for name in persona.tools or ():
        if name not in skills:
            near = difflib.get_close_matches(name, skills, 1)
            raise BadInput(f"there is no skill `{name}`" + (f"; did you mean `{near[0]}`?" if near else ""))
    tools = None if persona.tools is None else tuple(dict.fromkeys(persona.tools))
    modes = tuple(mode for mode in MODES if mode in persona.modes)
    return msgspec.structs.replace(persona, tools=tools, modes=modes)


def slug(text: str) -> str:
    """`text` as the id of an app. Raises BadInput."""
    if not SLUG.fullmatch(text):
        raise BadInput("an app's id has 2 to 48 small letters, digits and hyphens, such as kitchen-helper")
    return text
