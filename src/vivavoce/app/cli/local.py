"""The accounts of the local database, for commands of whoever runs the server; it may be running.

What a command does is recorded as done by the local operator. A running server hears of it by the bus where there is
a Redis, else by looking at the audit each second.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from vivavoce.accounts.accounts import Accounts
    from vivavoce.accounts.profile import Profile
    from vivavoce.app.settings import Loaded

T = TypeVar("T")

FILE_COLUMNS = 240
"""A table that goes into a file or a pipe is not broken for a screen."""


def run(loaded: Loaded, work: Callable[[Accounts], Awaitable[T]]) -> T:
    """What `work` makes of the accounts."""
    import asyncio

    async def done() -> T:
        async with accounts(loaded) as house:
            return await work(house)

    return asyncio.run(done())


@asynccontextmanager
async def accounts(loaded: Loaded) -> AsyncIterator[Accounts]:
    """The services, in force as the server has them: with the settings that the console saved."""
    from vivavoce.accounts.accounts import Accounts
    from vivavoce.app.cli.database import beside
    from vivavoce.app.settings.live import Live
    from vivavoce.registry.overrides import saved
    from vivavoce.storage.bus import open_bus
    from vivavoce.storage.cache.memory import MemoryCache
    from vivavoce.storage.sealing import key_ring, open_sealer

    data = loaded.settings.data
    ring = key_ring(file=data.keys, value=data.keys_text.reveal() if data.keys_text else None)
    redis = data.redis.reveal() if data.redis else None
    async with (
        beside(data) as stores,
        open_sealer(stores.database, ring) as sealer,
        open_bus(redis, stores.database) as bus,
    ):
        options = Live(loaded, await saved(stores.database)).settings.accounts
        house = Accounts.make(stores.database, MemoryCache(), bus, sealer, options)
        try:
            yield house
            await house.live.flush()
        finally:
            house.passwords.close()


async def everybody(house: Accounts) -> list[Profile]:
    """In the order in which they were made."""
    page = await house.users.page(limit=200)
    found = list(page.items)
    while page.next is not None:
        page = await house.users.page(cursor=page.next, limit=200)
        found += page.items
    return found


async def administrator(house: Accounts) -> Profile:
    """The oldest one who is not disabled; made where there is none, as at the first start."""
    return await house.users.get(await house.first_start.administrator())


async def somebody(house: Accounts, name: str | None) -> Profile:
    """The user of that name, else the administrator. Raises Missing."""
    return await house.users.by_name(name) if name else await administrator(house)


def sign_in_address(loaded: Loaded, secret: str, base: str | None = None) -> str:
    """What to open in a browser to sign in by a link: at `base`, else at the first of `server.origins`, else where the
    running server listens, else where the settings would have it listen.
    """
    server = loaded.settings.server
    if base is None and server.origins:
        base = server.origins[0]
    return f"{(base or _listening(loaded)).rstrip('/')}/sign-in#link={secret}"


def _listening(loaded: Loaded) -> str:
    import socket

    from vivavoce.app.where import place
    from vivavoce.inference.addresses import is_loopback
    from vivavoce.storage.folder import DataFolder

    told = DataFolder(place(loaded.settings.data)).address
    if told.exists():
        return told.read_text().strip()
    server, tls = loaded.settings.server, loaded.settings.tls
    encrypted = bool(tls.certificate) or not (is_loopback(server.host) or tls.behind_proxy)
    host = socket.gethostname() if server.host in ("0.0.0.0", "::") else server.host
    return f"{'https' if encrypted else 'http'}://{f'[{host}]' if ':' in host else host}:{server.port}"


def moment(ms: int | None) -> str:
    """RFC 3339, UTC, in seconds; a dash where it never was."""
    return "–" if ms is None else f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print it, nothing of it cut off: the first column is what other commands are given, and stays whole."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(*columns, box=None, header_style="bold", padding=(0, 2, 0, 0))
    for column in shown.columns:
        column.overflow = "fold"
    shown.columns[0].no_wrap = True
    for row in rows:
        shown.add_row(*map(Text, row))
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = FILE_COLUMNS
    console.print(shown)
