"""Where the data are that the settings name. Imports what it needs when it runs: the command line asks it, too."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vivavoce.app.settings.values import Data
    from vivavoce.storage.folder import DataFolder


def place(data: Data) -> Path:
    """Where the data folder is."""
    from vivavoce.storage.folder import default_place

    return Path(data.folder) if data.folder else default_place(os.environ)


def address(data: Data, folder: DataFolder) -> str:
    """Of the database: the one that is set, else the file in the folder."""
    from sqlalchemy import URL

    if data.database:
        return data.database.reveal()
    return URL.create("sqlite", database=str(folder.database)).render_as_string()
