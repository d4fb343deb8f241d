"""The pure parts of the OpenAI back-end: events, WAV on the fly, addresses, refusals."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.errors import BackendError, BackendUnavailable, ConfigError
from vivavoce.inference.backends.openai import Endpoint
from vivavoce.inference.backends.openai.chat import _Answer
from vivavoce.inference.backends.openai.endpoint import refusal
from vivavoce.inference.backends.openai.sse import EventReader
from vivavoce.inference.backends.openai.transcription import wav_file
from vivavoce.inference.backends.openai.wav import WavReader
from vivavoce.inference.ports import TextDelta, ToolCall, Usage
from vivavoce.inference.secret import Secret
from vivavoce.testing.openai_server import wav_header


def cut(data, places):
    """`data` in pieces, cut at `places`."""
    borders = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:stop] for start, stop in pairwise(borders)]


# ── events ────────────────────────────────────────────────────────────────────────────────────────

STREAM = (
    b': hello\r\n\r\ndata: {"a": 1}\n\nevent: x\nid: 7\nretry: 5\ndata: two\r\ndata:lines\r\n\r\n\n\ndata: [DONE]\n'
)


@given(st.lists(st.integers(0, 200), max_size=12))
def test_events_are_the_same_however_the_bytes_were_cut(places):
    reader = EventReader()
    events = [event for piece in cut(STREAM, places) for event in reader.feed(piece)]
    assert events + reader.finish() == [b'{"a": 1}', b"two\nlines", b"[DONE]"]


@pytest.mark.parametrize("line", [b"<html>\n", b'{"error": 1}\n', b"data\n"])
def test_a_line_that_is_no_event_is_an_error(line):
    with pytest.raises(BackendError, match="no event"):
        EventReader().feed(line)


@pytest.mark.parametrize("piece", [b"data: " + b"x" * 700_000, b"data: " + b"x" * 70_000 + b"\n"])
def test_an_event_without_end_is_an_error(piece):
    reader = EventReader()
    with pytest.raises(BackendError, match="endless"):
        list(map(reader.feed, [piece] * 20))


# ── deltas ────────────────────────────────────────────────────────────────────────────────────────


def event(finish_reason=None, **delta):
    return json.dumps({"choices": [{"delta": delta, "finish_reason": finish_reason}], "usage": None}).encode()


def calling(name=None, arguments=None, **names):
    """An event with a piece of a tool call."""
    return event(tool_calls=[{"function": {"name": name, "arguments": arguments}, **names}])


END = event("stop")


def answer(*events):
    reply = _Answer()
    deltas = [delta for each in events for delta in reply.take(each)]
    return deltas + reply.finish()


def test_text_calls_and_usage_come_in_that_order():
    assert answer(
        event(role="assistant", content=""),
        event(content="One"),
        calling("g", index=1, id="b"),
        calling("f", '{"n"', index=0, id="a"),
        calling(arguments=": 1}", index=0),
        b'{"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}',
        b"[DONE]",
    ) == [TextDelta("One"), ToolCall("a", "f", {"n": 1}), ToolCall("b", "g", {}), Usage(3, 0, 2)]


def test_servers_that_leave_index_or_id_out_are_understood():
    assert answer(calling("f", "{}", id="a"), calling("f", "{", id="b"), calling(arguments="}"), END) == [
        ToolCall("a", "f", {}),
        ToolCall("b", "f", {}),
    ]
    assert answer(calling("f", index=0), END) == [ToolCall("call_0", "f", {})]


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([event(content="cut")], "broke off"),
        ([b'{"error": {"message": "boom"}}'], "error of its own"),
        ([calling(index=0, id="a")], "without a name"),
        ([calling("f", "[1]", id="a"), END], "malformed arguments"),
        ([calling("f", index=index) for index in range(40)], "32 tools"),
        ([calling("f", "x" * 40_000, index=0)] * 2, "ran past"),
    ],
    ids=["cut", "error", "no name", "arguments", "runaway calls", "runaway arguments"],
)
def test_a_broken_or_endless_answer_is_an_error(events, message):
    with pytest.raises(BackendError, match=message):
        answer(*events)


# ── WAV ───────────────────────────────────────────────────────────────────────────────────────────


@given(st.lists(st.integers(0, 3000), max_size=8), st.booleans())
def test_a_wav_file_is_read_while_it_arrives(places, streamed):
    sound = bytes(range(250)) * 4
    file = wav_header(16_000) + sound if streamed else wav_file(sound)
    reader = WavReader()
    assert b"".join(reader.feed(piece) for piece in cut(file, places)) == sound
    assert reader.rate == 16_000


def test_other_chunks_before_the_sound_are_passed_over():
    head = wav_header(8_000)
    tags = b"LIST" + (5).to_bytes(4, "little") + b"hello\0"
    assert WavReader().feed(head[:12] + tags + head[12:] + b"abcd") == b"abcd"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<html><body>", "no WAV"),
        (wav_header(8_000)[:22] + b"\2\0" + wav_header(8_000)[24:], "2 channels"),
        (b"RIFF\0\0\0\0WAVEdata\0\0\0\0", "does not say"),
        (b"RIFF\0\0\0\0WAVEjunk\xff\xff\xff\xff" + bytes(70_000), "no sound"),
    ],
)
def test_what_is_no_sound_is_an_error(data, message):
    with pytest.raises(BackendError, match=message):
        WavReader().feed(data)


# ── addresses and refusals ────────────────────────────────────────────────────────────────────────


async def test_the_host_is_shown_unless_it_is_this_machine():
    hosts = {
        "http://127.0.0.1:11434/v1": None,
        "http://localhost:8000/v1": None,
        "http://[::1]:8000/v1": None,
        "https://api.openai.com/v1": "api.openai.com",
        "http://192.168.1.5:8000/v1": "192.168.1.5",
    }
    for url, host in hosts.items():
        endpoint = Endpoint(url)
        assert endpoint.sends_to == host
        await endpoint.aclose()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.openai.com",
        "ftp://host/v1",
        "http://",
        "https://user:pass@host/v1",
        "http://h/v1?key=1",
        "http://host:port/v1",
    ],
)
def test_an_address_that_cannot_work_is_refused_without_quoting_it(url):
    with pytest.raises(ConfigError, match="base_url") as caught:
        Endpoint(url)
    assert "pass@" not in str(caught.value)


@pytest.mark.parametrize("key", ["sk-canary\n", "sk canary", "sk-cänary", "\ufeffsk-canary"])
def test_a_key_that_cannot_be_sent_is_refused_without_quoting_it(key):
    with pytest.raises(ConfigError, match="copy it again") as caught:
        Endpoint("http://127.0.0.1:8000/v1", Secret(key))
    assert "nary" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "kind", "retryable", "advice"),
    [
        (302, BackendUnavailable, False, "set base_url to the final address"),
        (401, BackendUnavailable, False, "set api_key or OPENAI_API_KEY"),
        (403, BackendUnavailable, False, "set api_key or OPENAI_API_KEY"),
        (404, BackendUnavailable, False, "vivavoce models list"),
        (429, BackendError, True, "wait, or raise the quota"),
        (400, BackendError, False, "check model and options"),
        (422, BackendError, False, "check model and options"),
        (500, BackendError, True, "look into its log"),
        (503, BackendError, True, "look into its log"),
    ],
)
def test_each_refusal_says_what_to_do_next(status, kind, retryable, advice):
    error = refusal(status, "models.example", "/chat/completions", "some_reason", "llm_failed")
    assert isinstance(error, kind)
    assert (error.retryable, error.code) == (retryable, "llm_failed")
    assert advice in error.message
    assert f"({status}, some_reason)" in error.message
