from __future__ import annotations

import asyncio
import base64
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from channels.actors import Stage, settled
from vivavoce.channels.streaming import StreamingChannel
from vivavoce.conversation import inputs, outputs
from vivavoce.inference.ports import ChatMessage, Picture

PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "prefill", "messages": [{"role": "user", "content": list(parts)}]}


@asynccontextmanager
async def channel(*first: dict[str, Any]) -> AsyncIterator[Stage]:
    """A streaming channel that has got `first`; the socket is lost at the end."""
    async with asyncio.TaskGroup() as group:
        stage = Stage(group)
        stage.connection.channel = StreamingChannel(stage.connection, "chat", stage.sessions)
        for message in first:
            stage.say(message)
        await settled()
        yield stage
        stage.connection.lost()


async def test_the_first_message_opens_the_session_whichever_it_is() -> None:
    async with channel({"type": "generate", "language": "zh"}) as stage:
        spec = stage.sessions.session.spec
        assert (spec.session_id, spec.kind, spec.language, spec.output_rate) == ("chat", "streaming", "zh", 24_000)
    async with channel() as stage:
        stage.sound(b"\1\0")
        await settled()
        assert stage.sessions.session.heard == b"\1\0"


async def test_a_dropped_conversation_goes_on_with_its_token() -> None:
    async with channel({"type": "generate", "resume": "token"}) as stage:
        assert stage.sessions.resumes == ["token"]
        (prepared,) = (message for message in stage.tape.messages if message["type"] == "prepared")
        assert (prepared["resume"], prepared["resumed"]) == ("next-token", True)
        assert prepared["output"] == {"codec": "pcm16", "rate": 24_000}


async def test_a_whole_turn_in_inputs() -> None:
    async with channel({"type": "prefill", "messages": [{"role": "system", "content": "Be brief."}]}) as stage:
        stage.say({"type": "generate", "vad": True, "temperature": 0.5, "max_new_tokens": 90, "voice": "v"})
        stage.sound(b"\1\0")
        for kind in ("commit", "stop", "close"):
            stage.say({"type": kind})
        stage.say({"type": "played", "reply": 1, "ms": 20})
        assert stage.sessions.session.inputs == [
            inputs.Prefill((ChatMessage("system", "Be brief."),)),
            inputs.Generate(True, "v", 90, 0.5, True),
            inputs.Commit(),
            inputs.Interrupt(),
            inputs.Stop(),
            inputs.Played(1, 20),
        ]


async def test_parts_become_text_pictures_and_sound() -> None:
    message = user(
        {"type": "text", "text": "what is"},
        {"type": "image", "image": b64(PNG)},
        {"type": "text", "text": "this"},
        {"type": "audio", "audio": b64(b"\1\0")},
        {"type": "audio", "audio": b64(struct.pack("<f", 1.0)), "format": "f32"},
    )
    async with channel({**message, "replace": True}) as stage:
        (prefill,) = stage.sessions.session.inputs
        chat = ChatMessage("user", "what is\nthis", (Picture("image/png", PNG),))
        assert prefill == inputs.Prefill((chat,), (b"\1\0", struct.pack("<h", 32_767)), replace=True)


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ({"type": "video", "video": b64(bytes(16))}, "bad_input"),
        ({"type": "image", "image": b64(bytes(16))}, "bad_input"),
        ({"type": "audio", "audio": b64(b"\1")}, "bad_audio"),
        ({"type": "audio", "audio": b64(struct.pack("<f", float("nan"))), "format": "f32"}, "bad_audio"),
    ],
)
async def test_a_part_that_cannot_be_used_is_named_and_opens_nothing(part: dict[str, Any], code: str) -> None:
    async with channel(user(part)) as stage:
        assert stage.tape.errors == [code]
        assert stage.sessions.opened == []


async def test_sound_belongs_into_the_last_message() -> None:
    chat = [
        {"role": "user", "content": [{"type": "audio", "audio": b64(b"\1\0")}]},
        {"role": "assistant", "content": "hm"},
    ]
    async with channel({"type": "prefill", "messages": chat}) as stage:
        assert stage.tape.errors == ["bad_input"]


async def test_a_reply_comes_in_chunks_and_ends_with_its_numbers() -> None:
    async with channel({"type": "generate"}) as stage:
        stage.tape.messages.clear()
        said = stage.sessions.session.outlet.send
        said(outputs.Prefilled((), prompt_tokens=30, cached_tokens=20, new_tokens=10))
        said(outputs.TranscriptUpdate(1, "hi", True, 800))
        said(outputs.ReplyStarted(1, 1))
        said(outputs.ReplyText(1, "Hel"))
        said(outputs.ReplyText(1, "lo"))
        said(outputs.ReplyAudio(1, 0, b"\1\0"))
        said(outputs.Tokens(1, 20, 10, 2))
        await asyncio.sleep(1.5)
        said(outputs.ReplyDone(1, "completed", 400, "Hello"))
        assert stage.tape.messages == [
            {"type": "prefill_done", "prompt_tokens": 30, "cached_tokens": 20, "new_tokens": 10},
            {"type": "transcript", "turn": 1, "text": "hi", "final": True, "at": 800},
            {"type": "chunk", "reply": 1, "index": 0, "text_delta": "Hel"},
            {"type": "chunk", "reply": 1, "index": 1, "text_delta": "lo"},
            {
                "type": "done",
                "reply": 1,
                "stopped": False,
                "tokens": {"cached": 20, "input": 10, "generated": 2},
                "elapsed_ms": 1_500,
                "heard_text": "Hello",
            },
        ]
        said(outputs.ReplyStarted(2, 2))
        said(outputs.ReplyText(2, "Yes"))
        assert stage.tape.messages[-1]["index"] == 0
        (frame,) = stage.tape.sound
        assert (frame.reply, frame.offset, frame.audio) == (1, 0, b"\1\0")


async def test_a_client_that_has_only_json_gets_its_sound_in_chunks() -> None:
    async with channel({"type": "generate", "audio_format": "json"}) as stage:
        said = stage.sessions.session.outlet.send
        said(outputs.ReplyStarted(1, 1))
        said(outputs.ReplyAudio(1, 0, b"\1\0"))
        assert stage.tape.sound == []
        assert stage.tape.messages[-1] == {"type": "chunk", "reply": 1, "index": 0, "audio": b64(b"\1\0")}


@pytest.mark.parametrize("reason", ["stopped", "interrupted"])
async def test_a_stopped_reply_says_so(reason: outputs.EndReason) -> None:
    async with channel({"type": "generate"}) as stage:
        said = stage.sessions.session.outlet.send
        said(outputs.ReplyDone(1, reason, 0, ""))
        assert stage.tape.messages[-1]["stopped"] is True
        assert stage.tape.messages[-1]["tokens"] == {"cached": 0, "input": 0, "generated": 0}
        assert stage.tape.errors == []


@pytest.mark.parametrize(("reason", "code"), [("failed", "llm_failed"), ("limit", "reply_limit")])
async def test_an_end_that_nobody_wanted_is_an_error_before_done(reason: outputs.EndReason, code: str) -> None:
    async with channel({"type": "generate"}) as stage:
        said = stage.sessions.session.outlet.send
        for reply in (1, 2):
            said(outputs.ReplyStarted(reply, reply))
            said(outputs.ReplyDone(reply, reason, 0, ""))
            assert stage.tape.types[-2:] == ["error", "done"]
            assert stage.tape.messages[-1]["stopped"] is False
        assert stage.tape.errors == [code, code]
        assert stage.tape.closed is None


@pytest.mark.parametrize(
    ("reason", "code"), [("failed", "llm_failed"), ("failed", "tts_failed"), ("limit", "reply_limit")]
)
async def test_an_end_that_was_told_of_is_not_told_again(reason: outputs.EndReason, code: str) -> None:
    async with channel({"type": "generate"}) as stage:
        said = stage.sessions.session.outlet.send
        said(outputs.ReplyStarted(1, 1))
        said(outputs.Problem(code, "why"))
        said(outputs.ReplyDone(1, reason, 0, ""))
        assert stage.tape.errors == [code]
        assert stage.tape.messages[-1]["stopped"] is False


async def test_a_generate_that_is_refused_does_not_change_the_reply_that_is_given() -> None:
    async with channel({"type": "generate", "audio_format": "json"}) as stage:
        session = stage.sessions.session
        session.outlet.send(outputs.ReplyStarted(1, 1))
        await asyncio.sleep(1)
        session.takes = len(session.inputs)
        stage.say({"type": "generate"})
        assert stage.tape.errors == ["wrong_order"]
        session.outlet.send(outputs.ReplyAudio(1, 0, b"\1\0"))
        assert stage.tape.sound == []
        session.outlet.send(outputs.ReplyDone(1, "completed", 0, ""))
        assert stage.tape.messages[-1]["elapsed_ms"] == 1_000


async def test_nor_does_one_that_came_early_and_is_refused_later() -> None:
    async with channel() as stage:
        stage.sessions.gate.clear()
        stage.sessions.takes = 1
        stage.say({"type": "generate", "audio_format": "json"})
        stage.say({"type": "generate"})
        stage.sessions.gate.set()
        await settled()
        assert stage.tape.errors == ["wrong_order"]
        said = stage.sessions.session.outlet.send
        said(outputs.ReplyStarted(1, 1))
        said(outputs.ReplyAudio(1, 0, b"\1\0"))
        assert stage.tape.messages[-1]["audio"] == b64(b"\1\0")


async def test_a_reply_that_goes_on_after_a_resume_comes_as_the_new_connection_asks() -> None:
    async with channel({"type": "generate", "resume": "token", "audio_format": "json"}) as stage:
        session = stage.sessions.session
        session.outlet.send(outputs.ReplyStarted(3, 3))
        session.outlet.send(outputs.ReplyAudio(3, 480, b"\1\0"))
        assert stage.tape.sound == []


async def test_the_time_of_an_announcement_is_its_own() -> None:
    async with channel({"type": "generate", "audio_format": "json"}) as stage:
        said = stage.sessions.session.outlet.send
        said(outputs.ReplyStarted(1, 1))
        said(outputs.ReplyDone(1, "completed", 0, ""))
        await asyncio.sleep(300)
        said(outputs.ReplyStarted(2, 0))
        said(outputs.ReplyText(2, "Your timer."))
        said(outputs.ReplyAudio(2, 0, b"\1\0"))
        await asyncio.sleep(1)
        said(outputs.ReplyDone(2, "completed", 1_000, "Your timer."))
        text, sound, done = stage.tape.messages[-3:]
        assert (text["reply"], text["index"], text["text_delta"]) == (2, 0, "Your timer.")
        assert (sound["index"], sound["audio"]) == (1, b64(b"\1\0"))
        assert (done["elapsed_ms"], done["stopped"]) == (1_000, False)


async def test_close_ends_normally_and_an_end_nobody_asked_for_is_named_before() -> None:
    async with channel({"type": "generate"}) as stage:
        stage.sessions.session.outlet.send(outputs.Stopped("stopped"))
        assert stage.tape.errors == []
        assert stage.tape.closed == (1000, "stopped")
    async with channel({"type": "generate"}) as stage:
        stage.sessions.session.outlet.send(outputs.Stopped("idle"))
        assert stage.tape.errors == ["idle"]
        assert stage.tape.closed == (1000, "idle")


async def test_close_before_anything_else_closes() -> None:
    async with channel({"type": "close"}) as stage:
        assert stage.tape.closed == (1000, "stopped")
        assert stage.sessions.opened == []


async def test_more_than_eight_megabytes_at_once_are_too_fast() -> None:
    async with channel() as stage:
        stage.sound(bytes(8 << 20))
        stage.sound(b"\0\0")
        assert stage.tape.errors == ["too_fast"]
        await asyncio.sleep(1)
        stage.sound(b"\0\0")
        assert stage.tape.errors == ["too_fast"]


async def test_a_fatal_problem_closes_with_its_number() -> None:
    async with channel({"type": "generate"}) as stage:
        said = stage.sessions.session.outlet.send
        said(outputs.Problem("restarting", "be right back", retryable=True, fatal=True, retry_after_s=1.0))
        assert stage.tape.messages[-1]["retry_after_s"] == 1.0
        assert stage.tape.closed == (1012, "restarting")


async def test_a_stop_gets_through_when_nothing_else_does() -> None:
    async with channel({"type": "commit"}) as stage:
        await settled()
        session = stage.sessions.session
        for size in (2**power for power in range(23, 0, -1)):
            heard = -1
            while heard != len(session.heard):
                heard = len(session.heard)
                stage.sound(bytes(size))
        stage.say({"type": "commit"})
        assert session.inputs == [inputs.Commit()]
        for _ in range(30):
            stage.say({"type": "stop"})
        assert session.inputs == [inputs.Commit()] + [inputs.Interrupt()] * 20
