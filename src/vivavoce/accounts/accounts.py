"""All services of this room, made of what they need and kept running.

    accounts = Accounts.make(database, cache, bus, sealer, settings.accounts)
    spawn(group, accounts.run(), "accounts")
    principal = await accounts.authenticator.authenticate(token)

Whoever keeps something of people tells `accounts.users` how it goes (`before_delete`, `on_delete`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from argon2 import PasswordHasher

from vivavoce.accounts.access import AccessTokens
from vivavoce.accounts.api_tokens import ApiTokens
from vivavoce.accounts.audit import Audit
from vivavoce.accounts.audit_check import AuditCheck
from vivavoce.accounts.authenticate import Authenticator
from vivavoce.accounts.checkpoints import Checkpoints
from vivavoce.accounts.commons import Commons
from vivavoce.accounts.credentials import Credentials
from vivavoce.accounts.first_start import FirstStart
from vivavoce.accounts.keys import Keys
from vivavoce.accounts.links import Links
from vivavoce.accounts.live import Live
from vivavoce.accounts.options import Options
from vivavoce.accounts.passwords import Passwords
from vivavoce.accounts.revocation import Revocations
from vivavoce.accounts.sign_ins import Lives, SignIns
from vivavoce.accounts.tally import Tally
from vivavoce.accounts.throttle import Throttle
from vivavoce.accounts.tickets import Tickets
from vivavoce.accounts.users import Users
from vivavoce.aio import spawn
from vivavoce.errors import VivavoceError
from vivavoce.storage.bus.port import Bus
from vivavoce.storage.cache.memory import MemoryCache
from vivavoce.storage.cache.port import Cache
from vivavoce.storage.clock import SECOND, Clock, wall
from vivavoce.storage.database import Database
from vivavoce.storage.sealing import Sealer

log = logging.getLogger(__name__)

KEEP_S = 60.0
"""How often what runs out is swept, and what is due is done."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """One of each."""

    commons: Commons
    access: AccessTokens
    users: Users
    credentials: Credentials
    sign_ins: SignIns
    links: Links
    api_tokens: ApiTokens
    tickets: Tickets
    authenticator: Authenticator
    keys: Keys
    revocations: Revocations
    passwords: Passwords
    audit: Audit
    checkpoints: Checkpoints
    audit_check: AuditCheck
    first_start: FirstStart
    live: Live

    @classmethod
    def make(
        cls,
        database: Database,
        cache: Cache,
        bus: Bus,
        sealer: Sealer,
        options: Options,
        clock: Clock = wall,
        *,
        hasher: PasswordHasher | None = None,
    ) -> Accounts:
        """The services. One command needs no more; a server also runs `run`, which hears of what others do."""
        live = Live(bus)
        tally = Tally()
        audit = Audit(database, live, clock, tally)
        commons = Commons(database, audit, Revocations(database, bus), live, clock, tally)
        keys = Keys(commons, sealer)
        access = AccessTokens(keys, options.access_s, clock)
        api_tokens = ApiTokens(commons, options.token_days)
        authenticator = Authenticator(commons, access, api_tokens)
        links = Links(commons, options.link_s)
        passwords = Passwords(options.hashes, hasher)
        throttle = Throttle(cache, MemoryCache(), clock)
        lives = Lives(options.refresh_idle_s * SECOND, options.refresh_s * SECOND)
        sign_ins = SignIns(commons, access, keys, lives)
        return cls(
            commons=commons,
            access=access,
            users=Users(commons),
            credentials=Credentials(commons, passwords, throttle, links, sign_ins),
            sign_ins=sign_ins,
            links=links,
            api_tokens=api_tokens,
            tickets=Tickets(cache, authenticator, options.ticket_s),
            authenticator=authenticator,
            keys=keys,
            revocations=commons.revocations,
            passwords=passwords,
            audit=audit,
            checkpoints=Checkpoints(commons, keys),
            audit_check=AuditCheck(commons, keys),
            first_start=FirstStart(commons, links),
            live=live,
        )

    async def run(self) -> None:
        """Until cancelled: hear of revocations by other processes, sweep what has run out, do what is due."""
        try:
            async with asyncio.TaskGroup() as group:
                spawn(group, self.revocations.listen(), "revocations")
                spawn(group, self.live.run(), "accounts-live")
                spawn(group, self._keep(), "accounts-keeper")
        finally:
            self.passwords.close()

    async def tidy(self) -> None:
        """What is due each minute; what fails is left for the next one."""
        chores: tuple[Callable[[], Awaitable[object]], ...] = (
            self.checkpoints.make_due,
            self.checkpoints.prune_old,
            self.api_tokens.note_use,
            self.sign_ins.sweep,
            self.links.sweep,
            self.users.finish_deletions,
        )
        for chore in chores:
            try:
                await chore()
            except VivavoceError as error:
                log.warning("accounts: a chore is left for later: %s", error)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(KEEP_S)
            await self.tidy()
