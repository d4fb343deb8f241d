from __future__ import annotations

import asyncio
import base64
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, get_args

import pytest

from channels.actors import Stage, settled
from channels.people import person
from vivavoce.audio.opus import OpusEncoder
from vivavoce.channels.door import Caller
from vivavoce.channels.duplex import SAY, DuplexChannel
from vivavoce.conversation import inputs, outputs
from vivavoce.errors import Refused, WrongOrder
from vivavoce.inference.ports import Picture

JPEG = b"\xff\xd8\xff" + bytes(20)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@asynccontextmanager
async def channel() -> AsyncIterator[Stage]:
    """A duplex channel before its first message; the socket is lost at the end."""
    async with asyncio.TaskGroup() as group:
        stage = Stage(group)
        stage.connection.channel = DuplexChannel(stage.connection, "kitchen", stage.sessions)
        yield stage
        stage.connection.lost()


@asynccontextmanager
async def talking(**prepare: Any) -> AsyncIterator[Stage]:
    """The same, prepared."""
    async with channel() as stage:
        stage.say({"type": "prepare", **prepare})
        await settled()
        yield stage


async def test_prepare_is_answered_with_everything_a_client_must_know() -> None:
    async with talking(input={"codec": "pcm16", "rate": 16_000}, output={"codec": "pcm16", "rate": 24_000}) as stage:
        assert stage.tape.types == ["queue_done", "prepared"]
        assert stage.tape.messages[1] == {
            "type": "prepared",
            "session_id": "kitchen",
            "resume": "next-token",
            "processor": "cascade",
            "input": {"codec": "pcm16", "rate": 16_000},
            "output": {"codec": "pcm16", "rate": 24_000},
            "languages": {"heard": ["en"], "spoken": ["en", "zh"]},
            "limits": {"session_s": 14_400, "message_bytes": 1 << 20},
            "sends_to": [],
            "retention": {"transcript_days": 0, "recording_days": 0, "recording": "off"},
            "resumed": False,
        }


async def test_what_was_asked_for_reaches_the_session() -> None:
    asked = {"language": "zh-CN", "voice": "cmn", "patience": 2, "system_prompt": "Hi.", "app": "shop", "video": True}
    async with talking(output={"rate": 16_000}, resume="token", **asked) as stage:
        spec = stage.sessions.session.spec
        assert (spec.session_id, spec.kind, spec.language, spec.voice) == ("kitchen", "duplex", "zh", "cmn")
        assert (spec.patience, spec.system_prompt, spec.app, spec.video) == (2, "Hi.", "shop", True)
        assert spec.output_rate == 16_000
        assert stage.sessions.resumes == ["token"]


@pytest.mark.parametrize(
    "message", [{"type": "commit"}, {"type": "text", "text": "hi"}, {"type": "played", "reply": 1, "ms": 1}]
)
async def test_anything_before_prepare_is_in_the_wrong_order(message: dict[str, Any]) -> None:
    async with channel() as stage:
        stage.say(message)
        assert stage.tape.errors == ["wrong_order"]
        assert stage.tape.closed is None


async def test_sound_before_prepare_and_a_second_prepare_are_in_the_wrong_order() -> None:
    async with channel() as stage:
        stage.sound(b"\0\0")
        stage.say({"type": "prepare"})
        stage.say({"type": "prepare"})
        assert stage.tape.errors == ["wrong_order", "wrong_order"]


async def test_a_codec_we_do_not_speak_ends_the_connection_by_name() -> None:
    async with channel() as stage:
        stage.say({"type": "prepare", "input": {"codec": "mp3"}})
        assert stage.tape.errors == ["codec_unsupported"]
        assert stage.tape.closed == (1008, "codec_unsupported")


async def test_sound_reaches_the_session_as_it_came() -> None:
    async with talking() as stage:
        stage.sound(b"\1\0" * 320)
        stage.sound(b"")
        stage.sound(b"\2\0")
        assert stage.sessions.session.heard == b"\1\0" * 320 + b"\2\0"


async def test_half_a_sample_is_bad_audio_and_the_rest_goes_on() -> None:
    async with talking() as stage:
        stage.sound(b"\1\0\1")
        stage.sound(b"\2\0")
        assert stage.tape.errors == ["bad_audio"]
        assert stage.sessions.session.heard == b"\2\0"


async def test_sound_in_json_is_the_same_sound() -> None:
    async with talking() as stage:
        stage.say({"type": "audio_chunk", "audio": b64(b"\1\0\2\0")})
        stage.say({"type": "audio_chunk", "audio": b64(struct.pack("<3f", 0.0, 1.0, -2.0)), "format": "f32"})
        assert stage.sessions.session.heard == b"\1\0\2\0" + struct.pack("<3h", 0, 32_767, -32_767)


@pytest.mark.parametrize("samples", [struct.pack("<f", float("nan")), struct.pack("<f", float("inf")), b"\0\0\0"])
async def test_float_sound_that_is_no_sound_is_bad_audio(samples: bytes) -> None:
    async with talking() as stage:
        stage.say({"type": "audio_chunk", "audio": b64(samples), "format": "f32"})
        assert stage.tape.errors == ["bad_audio"]


async def test_inputs_reach_the_session() -> None:
    async with talking(video=True) as stage:
        stage.say({"type": "text", "text": "hello"})
        stage.say({"type": "played", "reply": 1, "ms": 320})
        stage.say({"type": "video_frame", "image": b64(JPEG), "at": 900})
        for kind in ("commit", "interrupt", "pause", "resume", "stop"):
            stage.say({"type": kind})
        assert stage.sessions.session.inputs == [
            inputs.UserText("hello"),
            inputs.Played(1, 320),
            inputs.VideoFrame(Picture("image/jpeg", JPEG), 900),
            inputs.Commit(),
            inputs.Interrupt(),
            inputs.Pause(),
            inputs.Unpause(),
            inputs.Stop(),
        ]
        assert stage.tape.errors == []


async def test_a_picture_nobody_asked_for_and_one_that_is_none_are_named() -> None:
    async with talking() as stage:
        stage.say({"type": "video_frame", "image": b64(JPEG), "at": 0})
        assert stage.tape.errors == ["wrong_order"]
    async with talking(video=True) as stage:
        stage.say({"type": "video_frame", "image": b64(b"GIF89a" + bytes(20)), "at": 0})
        assert stage.tape.errors == ["bad_input"]


async def test_what_the_session_calls_wrong_order_is_told() -> None:
    async with talking() as stage:
        stage.sessions.session.raises = WrongOrder("nothing to commit")
        stage.say({"type": "commit"})
        assert stage.tape.errors == ["wrong_order"]
        assert stage.tape.closed is None


async def test_more_sound_than_two_seconds_at_once_is_too_fast() -> None:
    async with talking() as stage:
        second = bytes(96 << 10)
        stage.sound(second)
        stage.sound(second)
        assert stage.tape.errors == ["too_fast"]
        assert len(stage.sessions.session.heard) == len(second)
        await asyncio.sleep(1)
        stage.sound(second)
        assert len(stage.sessions.session.heard) == 2 * len(second)


async def test_after_a_resume_thirty_seconds_of_kept_sound_may_come_at_once() -> None:
    async with talking(resume="token") as stage:
        for _ in range(30):
            stage.sound(bytes(32_000))
        assert stage.tape.errors == []
        assert len(stage.sessions.session.heard) == 30 * 32_000


async def test_a_resumed_session_keeps_its_rate_whatever_is_asked_for_now() -> None:
    async with channel() as stage:
        stage.sessions.rate = 48_000
        stage.say({"type": "prepare", "resume": "token", "output": {"codec": "opus", "rate": 16_000}})
        await settled()
        assert stage.tape.messages[-1]["output"] == {"codec": "opus", "rate": 48_000}
        stage.sessions.session.outlet.send(outputs.ReplyAudio(1, 0, bytes(2 * 1_920)))
        assert [frame.offset for frame in stage.tape.sound] == [0, 960]


async def test_opus_goes_both_ways_when_it_is_asked_for() -> None:
    opus = {"codec": "opus", "rate": 48_000}
    async with talking(input=opus, output=opus) as stage:
        for packet in OpusEncoder(16_000).encode(bytes(32_000)):
            stage.sound(packet)
        assert 15_000 <= len(stage.sessions.session.heard) / 2 <= 16_000
        stage.sound(b"")
        assert stage.tape.errors == ["bad_audio"]
        said = stage.sessions.session.outlet.send
        said(outputs.ReplyAudio(1, 0, bytes(1_000)))
        assert stage.tape.sound == []
        said(outputs.ReplyAudioEnd(1, 500))
        (frame,) = stage.tape.sound
        assert len(frame.audio) < 100


async def test_more_than_two_pictures_a_second_are_too_fast() -> None:
    async with talking(video=True) as stage:
        for _ in range(5):
            stage.say({"type": "video_frame", "image": b64(JPEG), "at": 0})
        assert stage.tape.errors == ["too_fast"]
        await asyncio.sleep(0.5)
        stage.say({"type": "video_frame", "image": b64(JPEG), "at": 0})
        assert len(stage.sessions.session.inputs) == 5


async def test_every_output_has_its_message_or_its_reason_to_stay_inside() -> None:
    special = {outputs.Prepared, outputs.ReplyAudio, outputs.ReplyAudioEnd, outputs.Problem, outputs.Stopped}
    inside = {outputs.Act, outputs.Prefilled, outputs.Tokens}
    assert set(SAY) | special | inside == set(get_args(outputs.Output))


async def test_outputs_become_messages() -> None:
    async with talking() as stage:
        stage.tape.messages.clear()
        said = stage.sessions.session.outlet.send
        said(outputs.Queued("t", 2, 3, 4.0, (1.0, 9.0)))
        said(outputs.Queued("t", 1, 3, 2.0, (1.0, 3.0), update=True))
        said(outputs.ReplyText(1, "Hi", 0))
        said(outputs.TurnMetrics(1, 480, 0, (outputs.Stage("llm", -30, 90),)))
        said(outputs.Flush(1, "interrupted"))
        said(outputs.Paused(300.0))
        said(outputs.Act(()))
        assert stage.tape.messages == [
            {"type": "queued", "ticket": "t", "position": 2, "length": 3, "eta_s": 4.0, "eta_range_s": [1.0, 9.0]},
            {
                "type": "queue_update",
                "ticket": "t",
                "position": 1,
                "length": 3,
                "eta_s": 2.0,
                "eta_range_s": [1.0, 3.0],
            },
            {"type": "text", "reply": 1, "delta": "Hi", "at": 0},
            {
                "type": "metrics",
                "turn": 1,
                "response_ms": 480,
                "queue_ms": 0,
                "stages": [{"name": "llm", "start": -30, "end": 90}],
            },
            {"type": "flush", "reply": 1, "reason": "interrupted"},
            {"type": "paused", "until": 300.0},
        ]


async def test_sound_of_a_reply_carries_its_number_and_offset() -> None:
    async with talking() as stage:
        stage.sessions.session.outlet.send(outputs.ReplyAudio(3, 480, b"\5\0" * 480))
        (frame,) = stage.tape.sound
        assert (frame.reply, frame.offset, frame.audio) == (3, 480, b"\5\0" * 480)


async def test_a_problem_is_told_and_a_fatal_one_closes() -> None:
    async with talking() as stage:
        said = stage.sessions.session.outlet.send
        said(outputs.Problem("llm_failed", "the model is away", retryable=True))
        assert stage.tape.closed is None
        said(outputs.Problem("replaced", "somebody resumed", fatal=True))
        assert stage.tape.closed == (1008, "replaced")
        said(outputs.StateChanged("listening"))
        assert stage.tape.types[-1] == "error"


async def test_a_stopped_session_closes_normally_with_its_reason() -> None:
    async with talking() as stage:
        stage.sessions.session.outlet.send(outputs.Stopped("idle"))
        assert stage.tape.messages[-1] == {"type": "stopped", "reason": "idle"}
        assert stage.tape.closed == (1000, "idle")


async def test_stop_in_the_queue_gives_the_ticket_back() -> None:
    async with channel() as stage:
        stage.sessions.gate.clear()
        stage.say({"type": "prepare"})
        await settled()
        stage.say({"type": "stop"})
        assert stage.tape.closed == (1000, "stopped")
        stage.connection.channel.closed()
        await settled()
        assert stage.sessions.given_back == 1


async def test_a_refused_session_is_named() -> None:
    async with channel() as stage:
        stage.sessions.refusal = Refused("full", code="queue_full", retry_after_s=5)
        stage.say({"type": "prepare"})
        await settled()
        assert stage.tape.closed == (1013, "queue_full")


async def test_a_lost_socket_leaves_the_session_for_a_resume() -> None:
    async with talking() as stage:
        session = stage.sessions.session
    assert session.detached == 1


async def test_a_stop_gets_through_when_nothing_else_does() -> None:
    async with talking() as stage:
        session = stage.sessions.session
        for size in (2**power for power in range(17, 0, -1)):
            heard = -1
            while heard != len(session.heard):
                heard = len(session.heard)
                stage.sound(bytes(size))
        stage.say({"type": "commit"})
        assert session.inputs == []
        for _ in range(30):
            stage.say({"type": "interrupt"})
        assert session.inputs == [inputs.Interrupt()] * 20
        await asyncio.sleep(0.1)
        stage.say({"type": "stop"})
        assert session.inputs[-1] == inputs.Stop()
        assert stage.tape.errors == ["too_fast"]


async def test_a_session_is_opened_in_the_name_of_whoever_is_connected() -> None:
    async with asyncio.TaskGroup() as group:
        uli = person("uli")
        stage = Stage(group, caller=Caller(uli, "127.0.0.1"))
        stage.connection.channel = DuplexChannel(stage.connection, "kitchen-1", stage.sessions)
        stage.say({"type": "prepare"})
        await settled()
        assert (stage.sessions.session.spec.owner, stage.sessions.session.spec.sign_in) == (uli.user, uli.sign_in)
        stage.connection.lost()
