from __future__ import annotations

import itertools

import pytest

from vivavoce.accounts.permissions import ROLES, TABLE, Permission
from vivavoce.accounts.principal import Principal
from vivavoce.archive.conversations_sight import reach, sight_of_list, sight_of_one
from vivavoce.errors import Refused

SEEING: tuple[Permission, ...] = ("history.own", "history.timings", "history.words")


def viewer(scopes: frozenset[Permission]) -> Principal:
    return Principal("me", "me", "user", "", "session", scopes)


EVERY = [frozenset(some) for count in range(4) for some in itertools.combinations(SEEING, count)]


@pytest.mark.parametrize("scopes", EVERY)
@pytest.mark.parametrize("words", [False, True])
def test_words_of_others_are_shown_only_on_request_and_with_the_permission(
    scopes: frozenset[Permission], words: bool
) -> None:
    who = viewer(scopes)
    for owner in ("somebody", "*"):
        allowed = "history.timings" in scopes and (not words or "history.words" in scopes)
        if not allowed:
            with pytest.raises(Refused):
                sight_of_list(who, owner, words)
        else:
            sight = sight_of_list(who, owner, words)
            assert (sight.words, sight.own) == (words, False)
            assert sight.owner == (None if owner == "*" else owner)


@pytest.mark.parametrize("scopes", EVERY)
def test_ones_own_need_their_own_permission(scopes: frozenset[Permission]) -> None:
    who = viewer(scopes)
    for owner in (None, "me"):
        if "history.own" in scopes:
            assert sight_of_list(who, owner, False).words
        else:
            with pytest.raises(Refused):
                sight_of_list(who, owner, False)


@pytest.mark.parametrize("scopes", EVERY)
def test_without_timings_no_query_leaves_the_own_rows(scopes: frozenset[Permission]) -> None:
    assert reach(viewer(scopes)) == (None if "history.timings" in scopes else "me")


def test_no_role_has_words_by_default() -> None:
    for role in ROLES:
        who = Principal("me", "me", role, "", "session", TABLE[role])
        if who.may("history.timings"):
            assert not sight_of_one(who, "somebody", words=False).words
