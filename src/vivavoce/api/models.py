"""Forms that all sections share. Bodies are closed (nothing unknown passes) and bounded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from vivavoce.errors import BadInput

Item = TypeVar("Item")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Body(BaseModel):
    """What comes in: closed, and taken as it is (the text "1" is no number)."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class View(BaseModel):
    """What goes out."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)


Id = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", examples=["0199a7f0c4d27e3b8a51d0f2b6c7e8a9"])]
Slug = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,46}[a-z0-9]$", min_length=2, max_length=48, examples=["kitchen-helper"])
]
"""Name of an app."""


def moment(ms: int) -> str:
    """RFC 3339, UTC, with milliseconds."""
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


Time = Annotated[
    int,
    PlainSerializer(moment, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-26T07:00:00.000Z"]}),
]
"""Milliseconds inside, RFC 3339 text outside."""

When = Annotated[
    datetime,
    Field(description="RFC 3339, such as 2026-11-26T07:00:00Z", examples=["2026-11-26T07:00:00Z"]),
]
"""A moment in a query."""

Cursor = Annotated[str | None, Query(max_length=256, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=200, description="Items of a page.")]


class Page(View, Generic[Item]):
    """A piece of a list."""

    items: list[Item]
    next: str | None = Field(description="`cursor` of the next page; null at the end.")


class ProblemDetails(BaseModel):
    """An error (RFC 9457)."""

    model_config = ConfigDict(extra="forbid", title="ProblemDetails")

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(ge=400, le=599, examples=[404])
    detail: str = Field(description="For people.", examples=["there is no such app"])
    code: str = Field(description="For programs; it stays as it is.", examples=["not_found"])
    request_id: str = Field(description="Also in the server's log.")
    fields: dict[str, str] | None = Field(default=None, description="What is wrong with which field.")


def ms(when: datetime | None) -> int | None:
    """A moment of a query in our own unit; without a zone it is UTC. Raises BadInput for one that is none of ours."""
    if when is None:
        return None
    if not 1970 < when.year < 9999:  # whatever the zone, it can be written down again
        raise BadInput("a moment lies between 1971 and 9998")
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(milliseconds=1)


JsonObject = dict[str, Any]
