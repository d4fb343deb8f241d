"""Wall time, for what outlives a process: when something was made, when it runs out.

Timers and leases use the loop's monotonic clock (`aio.now`). Whoever needs wall time is given a `Clock`, so that
tests say what time it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Milliseconds since 1970, UTC."""

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def wall() -> int:
    """Milliseconds since 1970, of this machine's clock."""
    return time.time_ns() // 1_000_000
