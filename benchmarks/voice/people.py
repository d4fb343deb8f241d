"""python -m benchmarks.voice.people FOLDER NUMBER: people with accounts in a data folder, who said yes to recording.

Prints a token of each, one a line. The server starts on the folder afterwards.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from vivavoce.accounts.accounts import Accounts
from vivavoce.accounts.actor import LOCAL_OPERATOR
from vivavoce.app.platform import storage
from vivavoce.app.settings.values import Accounts as Options
from vivavoce.app.settings.values import Data
from vivavoce.storage.models import User


async def tokens(folder: Path, number: int) -> list[str]:
    made = []
    async with storage(Data(folder=str(folder))) as stores:
        accounts = Accounts.make(stores.database, stores.cache, stores.bus, stores.sealer, Options())
        for count in range(number):
            user = await accounts.users.create(LOCAL_OPERATOR, f"person-{count}", "user")
            async with stores.database.writing() as session:
                row = await session.get_one(User, user.id)
                row.recording, row.recording_at = True, row.created_at
            made.append((await accounts.api_tokens.create(LOCAL_OPERATOR, user.id, "bench", "user")).token)
        accounts.passwords.close()
    return made


if __name__ == "__main__":
    print("\n".join(asyncio.run(tokens(Path(sys.argv[1]), int(sys.argv[2])))))
