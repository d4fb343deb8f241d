"""The data folder and the database that the settings name, for commands that work beside a server or instead of one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vivavoce.app.settings.values import Data
    from vivavoce.storage.database import Database
    from vivavoce.storage.folder import DataFolder


@dataclass(frozen=True, slots=True)
class Stores:
    """What `beside` has opened."""

    folder: DataFolder
    database: Database


@asynccontextmanager
async def beside(data: Data) -> AsyncIterator[Stores]:
    """Folder and database for a command; a server may be running.

    Where the schema is older than this program's, it is brought up, but not under the feet of a server that uses the
    folder: then StorageError is raised.
    """
    from vivavoce.app.where import address, place
    from vivavoce.storage.database import Database
    from vivavoce.storage.database_check import prepare
    from vivavoce.storage.folder import entered, private, visited
    from vivavoce.storage.migrate import pending

    with private():
        folder = visited(place(data))
        async with Database.open(address(data, folder)) as database:
            if await pending(database):
                with entered(folder.path):
                    await prepare(database)
            yield Stores(folder, database)
