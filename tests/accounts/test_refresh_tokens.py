"""The form of refresh tokens."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vivavoce.accounts.refresh_tokens import LENGTH, RefreshToken, first, read, successor, write

KEY, OTHER = b"k" * 32, b"o" * 32
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

tokens = st.builds(
    RefreshToken, st.binary(min_size=16, max_size=16).map(bytes.hex), st.binary(min_size=32, max_size=32)
)


@given(token=tokens)
def test_what_was_written_is_read_back_under_the_same_key_only(token: RefreshToken) -> None:
    text = write(KEY, token)
    assert len(text) == LENGTH
    assert read(KEY, text) == token
    assert read(OTHER, text) is None


@given(token=tokens, at=st.integers(0, LENGTH - 2), letter=st.sampled_from(LETTERS))
def test_one_changed_letter_makes_it_none_of_ours(token: RefreshToken, at: int, letter: str) -> None:
    text = write(KEY, token)
    if text[at] != letter:
        assert read(KEY, text[:at] + letter + text[at + 1 :]) is None


@given(text=st.text(max_size=200) | st.text(LETTERS, min_size=LENGTH, max_size=LENGTH))
def test_no_text_is_one_by_chance(text: str) -> None:
    assert read(KEY, text) is None


@given(token=tokens)
def test_the_successor_is_one_of_the_same_sign_in_and_follows_from_the_token_and_the_key(token: RefreshToken) -> None:
    following = successor(KEY, token)
    assert following == successor(KEY, token)
    assert following.sign_in == token.sign_in
    assert len({token.hash, following.hash, successor(KEY, following).hash, successor(OTHER, token).hash}) == 4


@given(token=tokens, other=tokens)
def test_the_same_secret_in_another_sign_in_is_another_token(token: RefreshToken, other: RefreshToken) -> None:
    moved = RefreshToken(other.sign_in, token.secret)
    if moved != token:
        assert moved.hash != token.hash
        assert successor(KEY, moved).secret != successor(KEY, token).secret


def test_each_family_begins_with_another_secret() -> None:
    assert len({first("0" * 32).secret for _ in range(100)}) == 100
