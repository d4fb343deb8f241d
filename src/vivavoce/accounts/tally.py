"""What happened to accounts in this process since it began: numbers under a few words of ours, nobody's name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from vivavoce.errors import RateLimited, Refused, Unauthorised, VivavoceError

Way = Literal["password", "link", "refresh"]


class Tally:
    """Read by whoever shows metrics."""

    def __init__(self) -> None:
        self.sign_ins: Counter[tuple[str, ...]] = Counter()
        """By way and outcome: `ok`, `refused`, `limited`, `busy`, `failed`."""
        self.audited: Counter[tuple[str, ...]] = Counter()
        """Rows of the audit that were committed, by act and outcome."""

    @contextmanager
    def sign_in(self, way: Way) -> Iterator[None]:
        """One try to come in, which ends with what it raises. A try that was broken off is none."""
        try:
            yield
        except VivavoceError as error:
            self.sign_ins[way, _outcome(error)] += 1
            raise
        self.sign_ins[way, "ok"] += 1


def _outcome(error: VivavoceError) -> str:
    match error:
        case Unauthorised():
            return "refused"
        case RateLimited():
            return "limited"
        case Refused():
            return "busy"
        case _:
            return "failed"
