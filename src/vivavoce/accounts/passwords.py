"""Argon2id, off the event loop and bounded: at most `at_once` hashes run, 32 wait, more are told to come back.

Each takes 64 MiB and about 0.1 s. A caller who goes away does not stop his hash; it keeps its place until it is done,
so nobody can start more of them by hanging up.
"""

from __future__ import annotations

import asyncio
import base64
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from vivavoce.errors import Closed, Refused

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
        self._room = threading.BoundedSemaphore(at_once + WAITING)
        self._nobodys = _nobodys(self._hasher)
        self.hashed = 0

    async def hash(self, password: str) -> str:
        """Raises Refused `busy`."""
        return await self._run(lambda: self._hasher.hash(_bytes(password)))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether it is the one. Without a stored hash the answer is no, and costs the same. Raises Refused `busy`."""
        against = self._nobodys if stored is None else stored
        return await self._run(lambda: self._matches(against, password)) and stored is not None

    def outgrown(self, stored: str) -> bool:
        """Made with other parameters than today's: hash again when the password is at hand."""
        return self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if not self._room.acquire(blocking=False):
            raise Refused("too many people sign in right now", code="busy", retry_after_s=2.0)
        try:
            future: Future[T] = self._threads.submit(work)
        except RuntimeError:  # after `close`
            self._room.release()
            raise Closed("the server is stopping") from None
        self.hashed += 1
        # Given back when the thread is done with it, which may be after the caller, or the loop, has gone.
        future.add_done_callback(lambda _: self._room.release())
        return await asyncio.wrap_future(future)


def _bytes(password: str) -> bytes:
    """As typed; JSON can even hold halves of surrogate pairs."""
    return password.encode("utf-8", "surrogatepass")


def _nobodys(hasher: PasswordHasher) -> str:
    """A hash of the parameters of `hasher` that no password has: it is random, and was never computed."""
    salt, tag = (base64.b64encode(os.urandom(n)).rstrip(b"=").decode() for n in (hasher.salt_len, hasher.hash_len))
    return f"$argon2id$v=19$m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}${salt}${tag}"
