"""Which passwords are taken."""

from __future__ import annotations

import pytest

from vivavoce.accounts.password_rules import check, common
from vivavoce.errors import BadInput


@pytest.mark.parametrize(
    "password",
    [
        "plum tree by the river",
        "XvQ7-kk2p-Zr9w",
        "            a b c d",
        "密码是一条很长的河流啊真的很长",
        "ab cd" * 25 + "xyz",
        "no Digits Or Signs At All",
    ],
)
def test_length_is_what_counts_and_every_character_may_be_in_it(password: str) -> None:
    check(password, ("ada", "Ada Lovelace"))


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("elevenchars", "12 to 128"),
        ("x" * 129, "12 to 128"),
        ("", "12 to 128"),
        ("123456789012", "tried first"),
        ("qwerty123456", "tried first"),
        ("Password1234", "tried first"),
        ("passwordpassword", "tried first"),
        ("!!dragon!!2024", "tried first"),
        ("aaaaaaaaaaaaaaa", "tried first"),
        ("vivavoce2026", "tried first"),
        ("VIVAVOCEvivavoce", "tried first"),
        ("adalovelace!", "tried first"),
        ("ada lovelace 1815", "tried first"),
    ],
)
def test_what_everybody_tries_first_is_refused(password: str, why: str) -> None:
    with pytest.raises(BadInput, match=why) as refused:
        check(password, ("adalovelace", "Ada Lovelace"))
    assert refused.value.code == "password_weak"


def test_the_list_has_the_ten_thousand_commonest() -> None:
    assert len(common()) > 10_000
    assert {"123456", "password", "qwertyuiop123", "1qaz2wsx3edc"} & common() >= {"123456", "password", "1qaz2wsx3edc"}
    assert all(one == one.casefold() and "\n" not in one for one in common())
