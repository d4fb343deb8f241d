from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.errors import BadAudio, BadInput
from vivavoce.wire import base, duplex
from vivavoce.wire.base import AudioFrame

U32 = st.integers(0, 2**32 - 1)


def code_of(data: bytes | str) -> str:
    with pytest.raises(BadInput) as caught:
        duplex.decode_client(data)
    return caught.value.code


def outcome(data: bytes | str) -> str:
    try:
        duplex.decode_client(data)
    except BadInput as error:
        return error.code
    return "message"


@given(U32, U32, st.binary(min_size=1, max_size=64))
def test_sound_comes_back_as_it_went(reply: int, offset: int, audio: bytes) -> None:
    frame = AudioFrame(reply, offset, audio)
    assert AudioFrame.parse(bytes(frame)) == frame


def test_the_header_is_two_big_endian_numbers() -> None:
    assert bytes(AudioFrame(1, 258, b"xy")) == bytes([0, 0, 0, 1, 0, 0, 1, 2]) + b"xy"


@given(st.binary(max_size=8))
def test_a_header_without_sound_is_refused(data: bytes) -> None:
    with pytest.raises(BadAudio):
        AudioFrame.parse(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"{'type': 'stop'}",
        b'{"type": "text", "text": "\xff"}',
        b'{"type":"played","reply":1,"ms":NaN}',
    ],
)
def test_what_is_no_json_is_named(data: bytes) -> None:
    assert code_of(data) == "bad_json"


@pytest.mark.parametrize("data", ["[]", "3", "null", "{}", '{"type": 3}', '{"type": "sing"}', '{"Type": "stop"}'])
def test_what_is_no_message_of_ours_is_named(data: str) -> None:
    assert code_of(data) == "unknown_type"


def test_depth_ends_in_an_error_not_in_the_stack() -> None:
    deep = '{"type": "stop", "ignored": ' + "[" * 200_000 + "]" * 200_000 + "}"
    assert code_of(deep) == "bad_json"


def test_a_wrong_value_is_named_with_its_field_but_not_quoted_at_length() -> None:
    with pytest.raises(BadInput) as caught:
        duplex.decode_client('{"type": "audio_chunk", "audio": "", "format": "' + "x" * 100_000 + '"}')
    assert "$.format" in str(caught.value)
    assert len(str(caught.value)) < 300


def test_unknown_fields_are_ignored_and_the_last_of_two_equal_ones_counts() -> None:
    assert duplex.decode_client('{"type":"text","new":[1,{}],"text":"a","text":"b"}') == duplex.TypedText("b")


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_bytes_end_as_a_message_or_a_named_error(data: bytes | str) -> None:
    assert outcome(data) in ("message", "bad_json", "unknown_type", "bad_input", "bad_audio", "codec_unsupported")


def test_optional_fields_are_left_out() -> None:
    assert (
        base.encode(base.Transcript(1, "hi", True, 20))
        == b'{"type":"transcript","turn":1,"text":"hi","final":true,"at":20}'
    )
