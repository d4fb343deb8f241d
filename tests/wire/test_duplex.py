from __future__ import annotations

import base64
import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.errors import BadInput
from vivavoce.wire import duplex
from vivavoce.wire.base import encode

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
CLIENT_TYPES = [member.__struct_config__.tag for member in get_args(duplex.ClientMessage)]
FIELDS = [
    "input",
    "output",
    "codec",
    "rate",
    "audio",
    "format",
    "image",
    "at",
    "text",
    "reply",
    "ms",
    "patience",
    "resume",
]


def refused(message: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(BadInput) as caught:
        duplex.decode_client(json.dumps(message))
    return caught.value.code, str(caught.value)


@pytest.mark.parametrize(
    "message",
    [
        duplex.Prepare(),
        duplex.Prepare(
            input=duplex.InputFormat("opus", 48_000),
            output=duplex.OutputFormat("opus", 48_000),
            app="shop",
            voice="cmn",
            language="zh-Hans-CN",
            system_prompt="Be brief.",
            video=True,
            patience=3.0,
            resume="token",
        ),
        duplex.AudioChunk(b"\x01\x02", "f32"),
        duplex.VideoFrame(b"\xff\xd8\xff" + bytes(20), 1_000),
        duplex.TypedText("你好"),
        duplex.Played(7, 480.5),
        duplex.Commit(),
        duplex.Interrupt(),
        duplex.Pause(),
        duplex.Resume(),
        duplex.Stop(),
    ],
    ids=lambda message: type(message).__name__,
)
def test_client_messages_come_back_as_they_went(message: duplex.ClientMessage) -> None:
    assert duplex.decode_client(encode(message)) == message


@pytest.mark.parametrize(
    "message",
    [
        duplex.Queued("t", 2, 5, 12.5, (8.0, 20.0)),
        duplex.QueueUpdate("t", 1, 5, 3.0, (1.0, 4.0)),
        duplex.QueueDone(250),
        duplex.Prepared(
            "s",
            "token",
            "cascade",
            duplex.AudioFormat("pcm16", 16_000),
            duplex.AudioFormat("pcm16", 24_000),
            duplex.Languages(("en",), ("en", "zh")),
            {"session_s": 14_400},
            ("api.example",),
            duplex.Retention(0, 0),
            False,
        ),
        duplex.State("listening"),
        duplex.SpeechStarted(640),
        duplex.SpeechEnded(1_920),
        duplex.Transcript(1, "what time", False, 900, 0.7),
        duplex.ReplyStarted(1, 1),
        duplex.ReplyText(1, "It is ", 0),
        duplex.Expression(1, 240, viseme="PP"),
        duplex.Duck(1, 0.3),
        duplex.Hold(1),
        duplex.Release(1),
        duplex.Flush(1, "interrupted"),
        duplex.ReplyDone(1, "completed", 1_200, "It is noon."),
        duplex.Metrics(1, 480, 0, (duplex.Stage("llm", -40, 200),)),
        duplex.Paused(300.0),
        duplex.Resumed(),
        duplex.Stopped("idle"),
        duplex.Error("too_fast", "slow down", False, False, 1.5),
    ],
    ids=lambda message: type(message).__name__,
)
def test_server_messages_come_back_as_they_went(message: duplex.ServerMessage) -> None:
    assert duplex.decode_server(encode(message)) == message


def test_a_bare_prepare_means_pcm_16_khz_in_and_24_khz_out() -> None:
    prepare = duplex.decode_client('{"type":"prepare"}')
    assert isinstance(prepare, duplex.Prepare)
    assert (prepare.input.codec, prepare.input.rate) == ("pcm16", 16_000)
    assert (prepare.output.codec, prepare.output.rate) == ("pcm16", 24_000)


@pytest.mark.parametrize("side", ["input", "output"])
@pytest.mark.parametrize("form", [{"codec": "mp3"}, {"codec": "pcm16", "rate": 96_000}, {"rate": "16k"}, "pcm16", None])
def test_a_format_we_do_not_speak_is_named(side: str, form: Any) -> None:
    code, text = refused({"type": "prepare", side: form})
    assert code == "codec_unsupported"
    assert f"$.{side}" in text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("patience", 0.4),
        ("patience", 3.1),
        ("language", "klingon!"),
        ("language", "e"),
        ("voice", ""),
        ("app", "a" * 65),
        ("system_prompt", "x" * 8_001),
        ("video", "yes"),
        ("resume", ""),
    ],
)
def test_a_value_out_of_its_range_is_named(field: str, value: Any) -> None:
    code, text = refused({"type": "prepare", field: value})
    assert code == "bad_input"
    assert f"$.{field}" in text


def test_sound_that_is_no_base64_is_bad_audio() -> None:
    assert refused({"type": "audio_chunk", "audio": "a=b"})[0] == "bad_audio"
    assert (
        refused({"type": "audio_chunk", "audio": base64.b64encode(b"ab").decode(), "format": "mp3"})[0] == "bad_audio"
    )


@pytest.mark.parametrize("reply", [-1, 2**32, 1.5, "1", None])
def test_a_reply_number_is_an_unsigned_32_bit_integer(reply: Any) -> None:
    assert refused({"type": "played", "reply": reply, "ms": 0})[0] == "bad_input"


@given(st.sampled_from(CLIENT_TYPES), st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=5))
def test_right_types_with_any_values_end_as_a_message_or_a_named_error(kind: str, fields: dict[str, Any]) -> None:
    data = json.dumps({"type": kind, **fields})
    try:
        message = duplex.decode_client(data)
    except BadInput as error:
        outcome = error.code
    else:
        assert duplex.decode_client(encode(message)) == message
        outcome = "message"
    assert outcome in ("message", "bad_input", "bad_audio", "codec_unsupported")
