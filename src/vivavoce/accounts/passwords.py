"""Argon2id, off the event loop and bounded: at most `at_once` hashes run, 32 wait, more are told to come back.

Each takes 64 MiB and about 0.1 s. A caller who goes away does not stop his hash; it keeps its place until it is done,
so nobody can start more of them by hanging up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from vivavoce.errors import Refused

WAITING: Final = 32

T = TypeVar("T")


def argon2id(memory_kib: int = 64 << 10, rounds: int = 3) -> PasswordHasher:
    """The parameters of the threat model; tests take smaller ones."""
    return PasswordHasher(
        time_cost=rounds, memory_cost=memory_kib, parallelism=1, hash_len=32, salt_len=16, type=Type.ID
    )


class Passwords:
    """Hashes and checks passwords. `hashed` counts the hashes computed, by either."""

    def __init__(self, at_once: int, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or argon2id()
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="argon2")
        self._room = at_once + WAITING
        self._dummy: str | None = None
        self.hashed = 0

    async def hash(self, password: str) -> str:
        """Raises Refused `busy`."""
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether it is the one. Without a stored hash the answer is no, and costs the same. Raises Refused `busy`."""
        if stored is None and self._dummy is None:
            # Made once, at the first need: every later unknown name costs one hash, as a known one does.
            self._dummy = await self._run(lambda: self._hasher.hash("nobody has this password"))
        against = stored or self._dummy or ""
        return await self._run(lambda: self._matches(against, password)) and stored is not None

    def outgrown(self, stored: str) -> bool:
        """Made with other parameters than today's: hash again when the password is at hand."""
        return self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._room == 0:
            raise Refused("too many people sign in right now", code="busy", retry_after_s=2.0)
        self._room -= 1
        self.hashed += 1
        loop = asyncio.get_running_loop()
        future: Future[T] = self._threads.submit(work)
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._leave))
        return await asyncio.wrap_future(future)

    def _leave(self) -> None:
        self._room += 1
