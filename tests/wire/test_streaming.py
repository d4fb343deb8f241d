from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.errors import BadInput
from vivavoce.wire import streaming
from vivavoce.wire.base import encode

CHAT = (
    streaming.ChatMessage("system", "Be brief."),
    streaming.ChatMessage(
        "user",
        (
            streaming.TextPart("what is this"),
            streaming.ImagePart(b"\x89PNG\r\n\x1a\n" + bytes(12), "png"),
            streaming.AudioPart(b"\x00\x01"),
            streaming.VideoPart(bytes(16), "mp4"),
        ),
    ),
)


@pytest.mark.parametrize(
    "message",
    [
        streaming.Prefill(CHAT, replace=True, language="zh"),
        streaming.Generate(),
        streaming.Generate(False, "en-us", 200, 0.7, True, "json", language="en", conversation="a1" * 16),
        streaming.Commit(),
        streaming.Stop(),
        streaming.Close(),
        streaming.Played(3, 20.0),
    ],
    ids=lambda message: type(message).__name__,
)
def test_client_messages_come_back_as_they_went(message: streaming.ClientMessage) -> None:
    assert streaming.decode_client(encode(message)) == message


@pytest.mark.parametrize(
    "message",
    [
        streaming.Queued("t", 2, 5, 12.5, (8.0, 20.0)),
        streaming.QueueUpdate("t", 1, 5, 3.0, (1.0, 4.0)),
        streaming.QueueDone(0),
        streaming.PrefillDone(120, 100, 20),
        streaming.Transcript(1, "hello", True, 900),
        streaming.Chunk(1, 0, text_delta="Hi"),
        streaming.Chunk(1, 1, audio=b"\x00\x01"),
        streaming.Done(1, False, streaming.Tokens(100, 20, 40), 1_500, "Hi there."),
        streaming.Error("llm_failed", "the model is away", True, False),
    ],
    ids=lambda message: type(message).__name__,
)
def test_server_messages_come_back_as_they_went(message: streaming.ServerMessage) -> None:
    assert streaming.decode_server(encode(message)) == message


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({"type": "prefill"}, "messages"),
        ({"type": "prefill", "messages": [{"role": "root", "content": ""}]}, "$.messages[0].role"),
        (
            {"type": "prefill", "messages": [{"role": "user", "content": [{"type": "zip"}]}]},
            "$.messages[0].content[0].type",
        ),
        ({"type": "prefill", "messages": [{"role": "user", "content": ""}] * 257}, "$.messages"),
        ({"type": "generate", "temperature": 2.1}, "$.temperature"),
        ({"type": "generate", "max_new_tokens": 0}, "$.max_new_tokens"),
        ({"type": "generate", "audio_format": "mp3"}, "$.audio_format"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(message: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        streaming.decode_client(json.dumps(message))
    assert caught.value.code == "bad_input"
    assert field in str(caught.value)


@given(st.lists(st.fixed_dictionaries({"role": st.text(max_size=9), "content": st.text() | st.integers()}), max_size=3))
def test_any_conversation_ends_as_a_message_or_a_named_error(messages: list[dict[str, Any]]) -> None:
    try:
        streaming.decode_client(json.dumps({"type": "prefill", "messages": messages}))
    except BadInput as error:
        outcome = error.code
    else:
        outcome = "message"
    assert outcome in ("message", "bad_input")
