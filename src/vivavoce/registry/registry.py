"""All services of this room, made of what they need.

registry = Registry.make(Commons(database, cache, bus, accounts.audit), live, assistant, skills.names)
spawn(group, registry.run(live.apply, sessions.end_one), "registry")
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass

from vivavoce.aio import spawn
from vivavoce.registry.apps import Apps
from vivavoce.registry.commons import Commons
from vivavoce.registry.overrides import Apply, Overrides, Rules
from vivavoce.registry.persona import Persona
from vivavoce.registry.sessions import End, LiveSessions


@dataclass(frozen=True, slots=True)
class Registry:
    """One of each."""

    apps: Apps
    overrides: Overrides
    sessions: LiveSessions

    @classmethod
    def make(
        cls, commons: Commons, rules: Rules, assistant: Callable[[], Persona], skills: Collection[str]
    ) -> Registry:
        """`rules` know the settings, `assistant` gives the built-in persona of those in force, `skills` are names."""
        return cls(Apps(commons, assistant, skills), Overrides(commons, rules), LiveSessions(commons))

    async def run(self, apply: Apply, end: End) -> None:
        """Until cancelled: put settings in force that any process changes, end sessions that any process orders."""
        async with asyncio.TaskGroup() as group:
            spawn(group, self.overrides.follow(apply), "settings")
            spawn(group, self.sessions.listen(end), "orders to end sessions")
