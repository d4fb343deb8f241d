"""The messages between the recogniser and its processes."""

from __future__ import annotations

from io import BytesIO

import msgspec
import pytest

from vivavoce.inference.backends.pocketsphinx.worker import MOST_BYTES, Answer, Kind, receive, send, serve


def written(*bodies: bytes) -> BytesIO:
    stream = BytesIO()
    for body in bodies:
        send(stream, body)
    stream.seek(0)
    return stream


def test_a_message_comes_back_as_it_went() -> None:
    stream = written(b"one", b"")
    assert (receive(stream), receive(stream)) == (b"one", b"")
    with pytest.raises(EOFError):
        receive(stream)


@pytest.mark.parametrize("broken", [b"\x05\0\0\0abc", b"\x01", (MOST_BYTES + 1).to_bytes(4, "little") + b"x"])
def test_a_broken_stream_ends(broken: bytes) -> None:
    with pytest.raises(EOFError):
        receive(BytesIO(broken))


@pytest.mark.parametrize(
    ("jsgf", "named"),
    [
        ("#JSGF V1.0; grammar g; public <c> = stop | xylozork | quombat;", "quombat, xylozork"),
        ("this is no grammar", "grammar"),
    ],
)
def test_a_grammar_that_cannot_be_used_is_named(jsgf: str, named: str) -> None:
    answers = BytesIO()
    serve(written(jsgf.encode()), answers)
    answers.seek(0)
    answer = msgspec.json.decode(receive(answers), type=Answer)
    assert answer.setting
    assert named in answer.error


def test_without_a_grammar_there_are_no_commands() -> None:
    answers = BytesIO()
    with pytest.raises(EOFError):
        serve(written(b"", *(kind.value + bytes(32_000) for kind in Kind)), answers)
    answers.seek(0)
    assert [msgspec.json.decode(receive(answers), type=Answer) for _ in range(4)] == [Answer()] * 4
