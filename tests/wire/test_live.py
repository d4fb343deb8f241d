from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.errors import BadInput
from vivavoce.wire import live
from vivavoce.wire.base import encode


def test_a_subscription_names_topics_and_where_to_go_on() -> None:
    message = live.decode_client(b'{"type": "subscribe", "topics": ["users", "apps"], "cursor": "c"}')
    assert message == live.Subscribe(("users", "apps"), "c")
    assert live.decode_client(b'{"type": "ping"}') == live.Ping()


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b'{"type": "subscribe", "topics": ["passwords"]}', "bad_input"),
        (b'{"type": "subscribe"}', "bad_input"),
        (b'{"type": "subscribe", "topics": ["users"], "cursor": "%s"}' % (b"x" * 121), "bad_input"),
        (b'{"type": "subscribe", "topics": [%s]}' % b",".join([b'"users"'] * 17), "bad_input"),
        (b'{"type": "event"}', "unknown_type"),
        (b"{", "bad_json"),
    ],
)
def test_what_is_wrong_is_named(sent: bytes, code: str) -> None:
    with pytest.raises(BadInput) as caught:
        live.decode_client(sent)
    assert caught.value.code == code


def test_an_event_without_data_says_so_by_leaving_it_out() -> None:
    event = live.Event("c", "users", "changed", "u")
    assert json.loads(encode(event)) == {"type": "event", "cursor": "c", "topic": "users", "kind": "changed", "id": "u"}
    assert live.decode_server(encode(event)) == event


@given(st.binary(max_size=200))
def test_whatever_is_sent_ends_as_a_message_or_one_named_error(data: bytes) -> None:
    with suppress(BadInput):
        assert isinstance(live.decode_client(data), (live.Subscribe, live.Ping))
