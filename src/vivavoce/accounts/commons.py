"""What every service of this room works with."""

from __future__ import annotations

from dataclasses import dataclass, field

from vivavoce.accounts.audit import Audit
from vivavoce.accounts.live import Live
from vivavoce.accounts.revocation import Revocations
from vivavoce.accounts.tally import Tally
from vivavoce.storage.clock import Clock
from vivavoce.storage.database import Database


@dataclass(frozen=True, slots=True)
class Commons:
    """The database, what each act in it is recorded by and told through, and the time of day."""

    database: Database
    audit: Audit
    revocations: Revocations
    live: Live
    clock: Clock
    tally: Tally = field(default_factory=Tally)
