"""A circuit breaker without a clock or a task: callers bring the time and tell what happened.

closed   everything is let through; `failures` within `within_s` open it
open     nothing is let through for `rest_s`
trying   one request is let through; it closes the breaker or opens it again
"""

from __future__ import annotations

from collections import deque
from typing import Literal


class Breaker:
    """States as above. Times are monotonic seconds."""

    def __init__(self, failures: int, within_s: float, rest_s: float) -> None:
        self.state: Literal["closed", "open", "trying"] = "closed"
        self._failures: deque[float] = deque(maxlen=failures)
        self._within_s = within_s
        self._rest_s = rest_s
        self._opened = 0.0

    def admit(self, at: float) -> float | None:
        """None: go. Else the seconds until it is worth asking again."""
        if self.state == "closed":
            return None
        left = self._opened + self._rest_s - at
        if self.state == "open" and left <= 0:
            self.state = "trying"
            return None
        return max(left, 1.0)

    def worked(self) -> None:
        """A request gave its first output: whatever was wrong is over."""
        if self.state == "trying":
            self.state = "closed"
            self._failures.clear()

    def failed(self, at: float) -> None:
        self._failures.append(at)
        many = len(self._failures) == self._failures.maxlen and at - self._failures[0] <= self._within_s
        if self.state == "trying" or (self.state == "closed" and many):
            self.state = "open"
            self._opened = at

    def left(self, at: float) -> None:
        """The caller of a try went away before it told anything: the next request is the try."""
        if self.state == "trying":
            self.state = "open"
            self._opened = at - self._rest_s
