"""`Idempotency-Key`: a create that is sent again, by a client that never saw the answer, has its effect once.

The key is claimed in a row before the work and the answer is written after it. Who comes meanwhile waits for that
answer; who comes later gets it again, for 24 hours. When the process died between the two, nobody can say whether
the work was done: the request is not repeated but refused, and the client has to look.

An answer may hold a secret that is shown once (a token, a link), so it is sealed with the key that only the client
has: what lies in the database opens for nobody else.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import ColumnElement, delete, select, update

from vivavoce import aio
from vivavoce.errors import BadInput, Conflict, StorageError
from vivavoce.storage.clock import DAY, MINUTE, Clock, wall
from vivavoce.storage.database import Database
from vivavoce.storage.models import IdempotentAnswer

KEY: Final = re.compile(r"[\x21-\x7e]{16,128}")
KEPT_MS: Final = DAY
WORK_MS: Final = MINUTE
"""No request works so long; a claim that is older belongs to a process that died."""
WAIT_S: Final = 5.0
"""So long a duplicate waits for the first one's answer, looking every `LOOK_S`."""
LOOK_S: Final = 0.05
NONCE: Final = 12

_WORKING: Final = 0
"""Status of a claim."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered; `headers` are those that belong to the object (`ETag`, `Location`)."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


@dataclass(frozen=True, slots=True)
class Asked:
    """One request with a key: whose, which, and what it wants."""

    owner: str
    key: str
    request: bytes
    """Method, path and body: another request under the same key is a mistake of the client."""

    @property
    def place(self) -> str:
        return hashlib.sha256(b"vvi1 place " + self.key.encode()).hexdigest()

    @property
    def secret(self) -> bytes:
        return hashlib.sha256(b"vvi1 secret " + self.key.encode() + b"\0" + self.owner.encode()).digest()

    @property
    def hash(self) -> bytes:
        return hashlib.sha256(self.request).digest()


class Idempotency:
    """See the head of the module."""

    def __init__(self, database: Database, clock: Clock = wall) -> None:
        self._database = database
        self._clock = clock

    async def once(self, asked: Asked, work: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer of `work`, or of the request that came first with this key. What `work` raises frees the key.

        Raises Conflict (`key_reused`, `in_progress`, `outcome_unknown`) and BadInput for what is no key.
        """
        if not KEY.fullmatch(asked.key):
            raise BadInput("an `Idempotency-Key` has 16 to 128 visible ASCII characters, such as a UUID")
        if not await self._claim(asked):
            return await self._answered(asked)
        try:
            answer = await work()
        except asyncio.CancelledError:
            raise  # the process ends: nobody knows how far it came
        except BaseException:
            with contextlib.suppress(StorageError):
                await self._free(asked)
            raise
        if answer.status >= 300:
            await self._free(asked)
            return answer
        await self._keep(asked, answer)
        return answer

    async def _claim(self, asked: Asked) -> bool:
        now = self._clock()
        row = IdempotentAnswer(
            owner_id=asked.owner,
            key=asked.place,
            request_hash=asked.hash,
            status=_WORKING,
            body=b"",
            created_at=now,
        )
        try:
            async with self._database.writing() as session:
                await session.execute(delete(IdempotentAnswer).where(IdempotentAnswer.created_at < now - KEPT_MS))
                session.add(row)
        except Conflict:
            return False
        return True

    async def _answered(self, asked: Asked) -> Answer:
        until = aio.now() + WAIT_S
        while True:
            row = await self._row(asked)
            if row is None:
                raise Conflict("the first request with this key failed just now; send it again", code="in_progress")
            if row.request_hash != asked.hash:
                raise Conflict("this `Idempotency-Key` was used for another request; take a new one", code="key_reused")
            if row.status != _WORKING:
                return _opened(asked, row)
            if row.created_at < self._clock() - WORK_MS:
                raise Conflict(
                    "the server stopped while it worked on this request, so it may have been done or not: look, and "
                    "take a new `Idempotency-Key` if it was not",
                    code="outcome_unknown",
                )
            if aio.now() > until:
                raise Conflict("the first request with this key is still at work", code="in_progress")
            await asyncio.sleep(LOOK_S)

    async def _row(self, asked: Asked) -> IdempotentAnswer | None:
        async with self._database.reading() as session:
            return (await session.execute(select(IdempotentAnswer).where(*_here(asked)))).scalar_one_or_none()

    async def _keep(self, asked: Asked, answer: Answer) -> None:
        plain = msgspec.msgpack.encode((list(answer.headers), answer.body))
        nonce = secrets.token_bytes(NONCE)
        sealed = nonce + AESGCM(asked.secret).encrypt(nonce, plain, asked.hash)
        async with self._database.writing() as session:
            await session.execute(
                update(IdempotentAnswer).where(*_here(asked)).values(status=answer.status, body=sealed)
            )

    async def _free(self, asked: Asked) -> None:
        async with self._database.writing() as session:
            await session.execute(delete(IdempotentAnswer).where(*_here(asked), IdempotentAnswer.status == _WORKING))


def _here(asked: Asked) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return IdempotentAnswer.owner_id == asked.owner, IdempotentAnswer.key == asked.place


def _opened(asked: Asked, row: IdempotentAnswer) -> Answer:
    try:
        plain = AESGCM(asked.secret).decrypt(row.body[:NONCE], row.body[NONCE:], asked.hash)
    except InvalidTag as error:
        raise StorageError("a kept answer was changed") from error
    headers, body = msgspec.msgpack.decode(plain, type=tuple[list[tuple[str, str]], bytes])
    return Answer(row.status, headers, body)
