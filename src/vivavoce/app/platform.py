"""What the conversations stand on: stores, accounts, what is offered, the archive; opened in the order of need.

    folder ─▶ database ─▶ sealer, bus, cache, blobs ─▶ accounts ─▶ registry ─▶ archive

`vivavoce serve` opens it once and gives it to what listens (front.py) and to the conversations (build.py). Commands
that only talk need none of it.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from vivavoce import aio
from vivavoce.accounts.accounts import Accounts
from vivavoce.accounts.links import Link
from vivavoce.app.build import Surroundings
from vivavoce.app.settings import Loaded
from vivavoce.app.settings.live import Live
from vivavoce.app.settings.values import Data, Settings
from vivavoce.app.where import address, place
from vivavoce.archive.reading import Kept, Reading, Stores, open_reading
from vivavoce.archive.writing import Options, Parts, Writing, open_writing
from vivavoce.conversation.sessions import Sessions
from vivavoce.conversation.skills import Skills
from vivavoce.registry.commons import Commons
from vivavoce.registry.overrides import saved
from vivavoce.registry.persona import Persona
from vivavoce.registry.registry import Registry
from vivavoce.storage.backup_deletions import Journal
from vivavoce.storage.blobs import BlobIndex, open_blobs
from vivavoce.storage.bus import Bus, open_bus
from vivavoce.storage.cache import Cache, open_cache, open_near
from vivavoce.storage.database import Database
from vivavoce.storage.database_check import prepare
from vivavoce.storage.folder import DataFolder, entered, write_whole
from vivavoce.storage.sealing import Sealer, key_ring, open_sealer


@dataclass(frozen=True, slots=True)
class Storage:
    """The stores of this process."""

    folder: DataFolder
    database: Database
    sealer: Sealer
    bus: Bus
    cache: Cache
    blobs: BlobIndex


@dataclass(frozen=True, slots=True)
class Platform:
    """Everything below the channels that is not a conversation itself."""

    live: Live
    """The settings in force."""
    storage: Storage
    accounts: Accounts
    registry: Registry
    reading: Reading
    writing: Writing
    skills: Skills
    first: Link | None
    """To sign in with, as long as nobody ever has."""
    backends: dict[str, str] = field(default_factory=dict)
    """What answers each stage of a turn; known when it is loaded."""

    @property
    def settings(self) -> Settings:
        return self.live.settings

    def surroundings(self) -> Surroundings:
        """What a conversation is surrounded by."""
        return Surroundings(
            self.skills, self.writing.observe, self.writing.resumes, self.registry.apps.resolve, self.backends.update
        )

    async def run(self, sessions: Sessions) -> None:
        """Until cancelled: hear of what other processes do, and do what is due."""
        self.writing.attach(sessions)
        forget = self.accounts.revocations.watch(sessions.expel)
        try:
            await self.registry.run(self.live.apply, sessions.stop)
        finally:
            forget()


@asynccontextmanager
async def platform(loaded: Loaded) -> AsyncIterator[Platform]:
    """Open all of it, and close it in the end: what was said is written first.

    Raises ConfigError for a folder, a key or an address that cannot be used, StorageError for a database that cannot.
    """
    async with storage(loaded.settings.data) as stores:
        live = Live(loaded, await saved(stores.database))
        settings = live.settings
        gateway = _name_of(stores.folder)
        skills = Skills.load()
        accounts = Accounts.make(stores.database, stores.cache, stores.bus, stores.sealer, settings.accounts)
        commons = Commons(stores.database, stores.cache, stores.bus, accounts.audit)
        registry = Registry.make(commons, live, lambda: _assistant(live.settings), skills.names)
        reading = open_reading(
            Stores(
                database=stores.database,
                blobs=stores.blobs,
                cache=stores.cache,
                bus=stores.bus,
                sealer=stores.sealer,
            ),
            accounts.audit,
            lambda: _kept(live.settings),
            index_plaintext=settings.data.index_plaintext,
            process=gateway,
        )
        accounts.users.before_delete(reading.deletions.everything)
        accounts.users.on_delete(reading.deletions.of_person)
        backends: dict[str, str] = {}
        parts = Parts(stores.database, stores.blobs, stores.bus, stores.sealer, reading.index)
        history = settings.history
        options = Options(
            folder=stores.folder.spool,
            gateway=gateway,
            transcript_days=history.transcript_days,
            recording_days=history.recording_days,
            spool_bytes=history.spool_bytes,
            backends=backends,
        )
        async with aio.background() as keep, open_writing(parts, options) as writing:
            keep(accounts.run(), "accounts")
            first = await accounts.first_start.ensure()
            keep(reading.sweeper.run(), "sweeper")
            keep(Journal(stores.database, stores.folder.deletions).run(), "journal of deletions")
            yield Platform(live, stores, accounts, registry, reading, writing, skills, first, backends)


@asynccontextmanager
async def storage(data: Data) -> AsyncIterator[Storage]:
    """The stores that the settings name, the database at this program's schema."""
    redis = data.redis.reveal() if data.redis else None
    keys = key_ring(file=data.keys, value=data.keys_text.reveal() if data.keys_text else None)
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(entered(place(data)))
        database = await stack.enter_async_context(Database.open(address(data, folder)))
        await prepare(database)
        sealer = await stack.enter_async_context(open_sealer(database, keys))
        bus = await stack.enter_async_context(open_bus(redis, database))
        cache: Cache = await stack.enter_async_context(open_cache(redis))
        if redis is not None:
            cache = await stack.enter_async_context(open_near(cache, bus))
        blobs = await stack.enter_async_context(open_blobs(folder.blobs, data.blobs, data.blobs_endpoint))
        yield Storage(folder, database, sealer, bus, cache, BlobIndex(database, blobs, sealer))


def _name_of(folder: DataFolder) -> str:
    """What this folder's process is called among several; the same after a restart."""
    file = folder.path / "gateway"
    if not file.exists():
        write_whole(file, secrets.token_hex(16).encode())
    return file.read_text().strip()


def _assistant(settings: Settings) -> Persona:
    """The built-in app: what the settings say."""
    talk = settings.talk
    return Persona(
        name="Assistant",
        prompt=talk.system_prompt,
        voice=talk.voice,
        language=talk.language,
        patience=settings.turn.patience,
    )


def _kept(settings: Settings) -> Kept:
    history = settings.history
    return Kept(history.transcript_days, history.recording_days, history.recording_bytes)
