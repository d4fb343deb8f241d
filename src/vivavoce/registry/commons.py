"""What every service of this room works with."""

from __future__ import annotations

from dataclasses import dataclass, field

from vivavoce.accounts.audit import Audit
from vivavoce.registry.news import News
from vivavoce.storage.bus import Bus
from vivavoce.storage.cache import Cache
from vivavoce.storage.clock import Clock, wall
from vivavoce.storage.database import Database


@dataclass(frozen=True, slots=True)
class Commons:
    """The database, what each act in it is recorded by and told through, and the time of day."""

    database: Database
    cache: Cache
    bus: Bus
    audit: Audit
    clock: Clock = wall
    news: News = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "news", News(self.cache, self.bus))
