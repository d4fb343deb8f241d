"""Whether this process takes new conversations: set by app/build, asked by health and by every upgrade."""

from __future__ import annotations

from typing import Literal

Phase = Literal["loading", "ok", "draining"]


class Readiness:
    """Starts as `loading`; `ok` when every model is loaded; `draining` when the process is going to stop."""

    __slots__ = ("phase", "what")

    def __init__(self) -> None:
        self.phase: Phase = "loading"
        self.what = "starting"

    def loading(self, what: str) -> None:
        """`what` is being loaded now, in words for people."""
        self.phase, self.what = "loading", what

    def ready(self) -> None:
        self.phase, self.what = "ok", ""

    def drain(self) -> None:
        self.phase, self.what = "draining", "running replies are finished, new conversations are refused"

    @property
    def open(self) -> bool:
        return self.phase == "ok"
