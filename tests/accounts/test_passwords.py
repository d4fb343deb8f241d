"""Hashing: bounded, the same cost for everybody, and renewed when the parameters grow."""

from __future__ import annotations

import asyncio

import pytest
from argon2 import PasswordHasher, Type, extract_parameters

from vivavoce.accounts.passwords import WAITING, Passwords, argon2id
from vivavoce.errors import Closed, Refused

pytestmark = pytest.mark.real

CHEAP = argon2id(64, 1)


def test_the_parameters_are_those_of_the_threat_model() -> None:
    given = extract_parameters(argon2id().hash("x"))
    assert (given.type, given.memory_cost, given.time_cost, given.parallelism) == (Type.ID, 64 << 10, 3, 1)
    assert (given.salt_len, given.hash_len) == (16, 32)


async def test_a_password_is_known_again_and_no_other_is() -> None:
    passwords = Passwords(1, CHEAP)
    stored = await passwords.hash("plum tree")
    assert stored != await passwords.hash("plum tree")
    assert await passwords.verify(stored, "plum tree")
    assert not await passwords.verify(stored, "plum tree ")
    assert not await passwords.verify("not a hash", "plum tree")
    passwords.close()


async def test_nobodys_password_costs_one_hash_of_the_same_parameters() -> None:
    seen: list[str] = []

    class Watched(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            seen.append(str(hash))
            return super().verify(hash, password)

    passwords = Passwords(1, Watched(time_cost=2, memory_cost=128, parallelism=1))
    stored = await passwords.hash("plum tree")
    counts = []
    for against in (stored, None):
        before = passwords.hashed
        assert not await passwords.verify(against, "wrong")
        counts.append(passwords.hashed - before)
    assert counts == [1, 1]
    assert extract_parameters(seen[0]) == extract_parameters(seen[1])
    passwords.close()


async def test_more_than_wait_are_told_to_come_back_and_the_places_come_free_again() -> None:
    passwords = Passwords(2, CHEAP)
    asked = [asyncio.ensure_future(passwords.hash("x")) for _ in range(WAITING + 6)]  # noqa: TID251 — the test owns them
    answers = await asyncio.gather(*asked, return_exceptions=True)
    busy = [answer for answer in answers if isinstance(answer, Refused)]
    assert 0 < len(busy) <= 4
    assert {(one.code, one.retryable) for one in busy} == {("busy", True)}
    await asyncio.gather(*(passwords.hash("x") for _ in range(WAITING)))
    passwords.close()


async def test_who_hangs_up_gives_his_place_back_only_when_his_hash_is_done() -> None:
    passwords = Passwords(1, CHEAP)
    for _ in range(20):
        asked = [asyncio.ensure_future(passwords.hash("x")) for _ in range(WAITING)]  # noqa: TID251
        await asyncio.sleep(0)
        for one in asked:
            one.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
    while True:  # all of them are free at the end, whatever had begun
        try:
            await asyncio.gather(*(passwords.hash("x") for _ in range(WAITING + 1)))
            break
        except Refused:
            await asyncio.sleep(0)
    passwords.close()


async def test_after_the_end_nothing_is_hashed() -> None:
    passwords = Passwords(1, CHEAP)
    passwords.close()
    for _ in range(WAITING + 2):
        with pytest.raises(Closed):
            await passwords.hash("x")


def test_a_hash_of_smaller_parameters_is_outgrown() -> None:
    passwords = Passwords(1, argon2id(128, 2))
    assert passwords.outgrown(argon2id(64, 2).hash("x"))
    assert passwords.outgrown(argon2id(128, 1).hash("x"))
    assert not passwords.outgrown(argon2id(128, 2).hash("x"))
    passwords.close()
