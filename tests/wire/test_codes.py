from __future__ import annotations

from typing import get_args

from vivavoce.wire.codes import CLOSE_NAMES, ERRORS, ErrorCode, close_code, known


def test_every_code_has_a_meaning_and_every_meaning_a_code() -> None:
    assert set(ERRORS) == set(get_args(ErrorCode))


def test_only_agreed_close_numbers_are_used() -> None:
    assert {meaning.close for meaning in ERRORS.values()} == {None, *CLOSE_NAMES}


def test_a_code_that_is_not_listed_reaches_nobody() -> None:
    assert known("a secret of ours") == "internal"
    assert close_code("a secret of ours") == 1011


def test_what_can_be_shown_keeps_the_socket_open_and_what_cannot_closes_it() -> None:
    assert close_code("bad_json") is None
    assert close_code("message_too_large") == 1009
    assert close_code("restarting") == 1012
    assert close_code("queue_full") == 1013
