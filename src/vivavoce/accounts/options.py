"""What of the settings this room is given: their section `accounts`, by shape (the settings lie in a higher room)."""

from __future__ import annotations

from typing import Protocol


class Options(Protocol):
    """`app.settings.values.Accounts` fits; its docstrings say what each one is."""

    @property
    def access_s(self) -> int: ...
    @property
    def refresh_idle_s(self) -> int: ...
    @property
    def refresh_s(self) -> int: ...
    @property
    def link_s(self) -> int: ...
    @property
    def ticket_s(self) -> int: ...
    @property
    def token_days(self) -> int: ...
    @property
    def hashes(self) -> int: ...
