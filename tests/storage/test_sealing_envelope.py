"""The envelope: what was changed, cut, moved or reordered does not open."""

from __future__ import annotations

import secrets

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.errors import StorageError
from vivavoce.storage.sealing import envelope
from vivavoce.storage.sealing.envelope import Cutter, Head

KEK, KEK_ID, DEK = AESGCM(bytes(range(32))), b"\x07" * 8, bytes(range(32, 64))
HEAD = envelope.wrap(KEK, KEK_ID, DEK, "conversation:1")
CIPHER = AESGCM(DEK)


def opened(stored: bytes, scope: str = "conversation:1", place: str = "turns/1/said") -> bytes:
    head = Head.parse(stored)
    return envelope.open_row(AESGCM(envelope.unwrap(KEK, head, scope)), head, stored, scope, place)


def sealed(plain: bytes) -> bytes:
    return envelope.seal_row(CIPHER, HEAD, plain, "conversation:1", "turns/1/said")


@given(st.binary(max_size=2_000))
def test_a_row_opens_where_it_was_sealed(plain: bytes) -> None:
    assert opened(sealed(plain)) == plain


def test_its_layout_is_the_documented_one() -> None:
    stored = sealed(b"hello")
    assert stored[:4] == b"VVE1"
    assert stored[4:12] == KEK_ID
    assert len(stored) == 4 + 8 + 12 + 48 + 12 + 5 + 16
    wrapping = AESGCM(bytes(range(32))).decrypt(stored[12:24], stored[24:72], b"VVE1" + KEK_ID + b"conversation:1")
    assert wrapping == DEK


@given(st.data())
def test_any_flipped_bit_is_noticed(data: st.DataObject) -> None:
    stored = bytearray(sealed(b"what was said"))
    stored[data.draw(st.integers(0, len(stored) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(StorageError):
        opened(bytes(stored))


@given(st.data())
def test_anything_cut_off_is_noticed(data: st.DataObject) -> None:
    stored = sealed(b"what was said")
    with pytest.raises(StorageError):
        opened(stored[: data.draw(st.integers(0, len(stored) - 1))])


@pytest.mark.parametrize(
    ("scope", "place"),
    [("conversation:2", "turns/1/said"), ("conversation:1", "turns/2/said"), ("conversation:1t", "urns/1/said")],
)
def test_it_opens_nowhere_else(scope: str, place: str) -> None:
    stored = sealed(b"x")
    with pytest.raises(StorageError):
        opened(stored, scope, place)
    with pytest.raises(StorageError):  # not even for whoever has the data key at hand
        envelope.open_row(CIPHER, HEAD, stored, scope, place)


def test_two_seals_of_the_same_words_differ() -> None:
    assert sealed(b"x") != sealed(b"x")


@given(st.binary(max_size=20))
def test_plain_text_that_looks_like_an_envelope_comes_back_as_it_was(tail: bytes) -> None:
    for plain in (tail, envelope.MAGIC + tail, envelope.UNSEALED + tail, envelope.UNSEALED * 2 + tail):
        stored = envelope.marked(plain)
        assert not envelope.is_sealed(stored)
        assert envelope.unmarked(stored) == plain


@given(st.lists(st.binary(max_size=9)), st.integers(1, 8))
def test_a_cutter_gives_pieces_of_one_size_and_the_rest_at_the_end(parts: list[bytes], size: int) -> None:
    cutter = Cutter(size)
    pieces = [piece for part in parts for piece in cutter.feed(part)]
    last = cutter.end()
    assert b"".join([*pieces, last]) == b"".join(parts)
    assert all(len(piece) == size for piece in pieces)
    assert cutter.count == len(pieces)
    assert 0 < len(last) <= size or not any(parts)


def test_a_chunk_opens_only_in_its_place_in_its_blob() -> None:
    one = envelope.Chunks(CIPHER, HEAD, "blob:a", secrets.token_bytes(7))
    other = envelope.Chunks(CIPHER, HEAD, "blob:a", secrets.token_bytes(7))
    chunk = one.seal(3, b"sound", last=False)
    assert one.open(3, chunk, last=False) == b"sound"
    for chunks, number, last in ((one, 2, False), (one, 3, True), (other, 3, False)):
        with pytest.raises(StorageError):
            chunks.open(number, chunk, last=last)


def test_a_nonce_is_never_used_twice_in_a_blob() -> None:
    chunks = envelope.Chunks(CIPHER, HEAD, "blob:a", bytes(7))
    with pytest.raises(StorageError):
        chunks.seal(1 << 32, b"", last=True)


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000])
def test_the_size_of_a_sealed_blob_tells_that_of_the_plain_one(size: int) -> None:
    chunks = max(1, -(-size // envelope.CHUNK))
    assert envelope.plain_size(envelope.BLOB_HEAD + size + chunks * envelope.TAG) == size


@pytest.mark.parametrize("size", [0, 78, 79, 94, 79 + 65_552 + 15])
def test_no_sealed_blob_has_such_a_size(size: int) -> None:
    with pytest.raises(StorageError):
        envelope.plain_size(size)
