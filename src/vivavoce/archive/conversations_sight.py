"""Whose conversations somebody may see, and whether with their words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vivavoce.accounts.principal import Principal

ALL: Final = "*"
"""In place of an owner: everybody."""


@dataclass(frozen=True, slots=True)
class Sight:
    """`owner` None: everybody's. With `words` what was said and heard is shown; `own` are the viewer's."""

    owner: str | None
    words: bool
    own: bool


def sight_of_list(viewer: Principal, owner: str | None, words: bool) -> Sight:
    """What a list shows: one's own with their words, others' with numbers, others' words only where they are asked
    for by name. Raises Refused.
    """
    if owner is None or owner == viewer.user:
        viewer.require("history.own")
        return Sight(viewer.user, True, True)
    viewer.require("history.timings")
    if words:
        viewer.require("history.words")
    return Sight(None if owner == ALL else owner, words, False)


def reach(viewer: Principal) -> str | None:
    """The owner that every query for one conversation names: oneself, or None for who looks after all."""
    return None if viewer.may("history.timings") else viewer.user


def sight_of_one(viewer: Principal, owner: str, words: bool) -> Sight:
    """What is shown of a conversation that `reach` has let through. Raises Refused."""
    if owner == viewer.user and viewer.may("history.own"):
        return Sight(owner, True, True)
    viewer.require("history.timings")
    if words:
        viewer.require("history.words")
    return Sight(owner, words, False)
