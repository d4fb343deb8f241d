"""Lists that come in pages, as one stream of items."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct

from vivavoce.client.transport import Transport

Item = TypeVar("Item")

SIZE: Final = 100


class Page(Struct, Generic[Item]):
    items: list[Item]
    next: str | None = None


async def pages(
    wire: Transport, path: str, form: type[Item], query: Mapping[str, Any] | None = None
) -> AsyncIterator[Item]:
    """All items; a page is asked for when the one before is used up."""
    cursor: str | None = None
    while True:
        asked = {**(query or {}), "cursor": cursor, "limit": SIZE}
        page = await wire.call("GET", path, Page[form], query=asked)  # type: ignore[valid-type]
        for item in page.items:
            yield item
        cursor = page.next
        if cursor is None:
            return
