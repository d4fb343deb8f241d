from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import numpy as np
import pytest

from vivavoce import aio
from vivavoce.app import build, front
from vivavoce.app.settings import Flag, Settings, load
from vivavoce.app.settings.values import Limits
from vivavoce.app.talk.lines import here
from vivavoce.app.talk.person import Manner, Person
from vivavoce.app.talk.plan import Speak, Step, Type
from vivavoce.audio.pcm import INPUT_RATE, silence
from vivavoce.channels.limits import DUPLEX, STREAMING, HttpLimits, SocketLimits
from vivavoce.channels.metrics import Metrics
from vivavoce.conversation.endpointing import EndpointSettings
from vivavoce.conversation.engine import SessionLimits
from vivavoce.conversation.outputs import Prepared
from vivavoce.conversation.views import SessionSpec
from vivavoce.errors import BackendUnavailable, ConfigError, Refused
from vivavoce.inference.context import Context
from vivavoce.pool.local import PoolSettings
from vivavoce.testing.rehearsal import Rehearsal

SCRIPTED = {
    "vad.backend": "scripted",
    "asr.backend": "scripted",
    "asr.texts": '["what time is it", "tell me a story"]',
    "llm.backend": "scripted",
    "llm.replies": '["Once upon a time there was a server."]',
    "tts.backend": "scripted",
    "tts.clause_ms": "1200",
}


def settings(**more: str) -> Settings:
    """Scripted back-ends; `tts__clause_ms="1"` sets one thing, and a section's `backend` forgets its other options."""
    changed = {path.replace("__", "."): text for path, text in more.items()}
    anew = tuple(path.removesuffix("backend") for path in changed if path.endswith(".backend"))
    flags = {path: text for path, text in SCRIPTED.items() if not path.startswith(anew)} if anew else SCRIPTED
    flags = flags | changed
    return load([Flag(path, text, path) for path, text in flags.items()], {}).settings


def speech(milliseconds: int) -> Speak:
    tone = (8000 * np.sin(np.arange(INPUT_RATE * milliseconds // 1000) / 5)).astype("<i2").tobytes()
    quiet = silence(300, INPUT_RATE)
    return Speak(quiet + tone + quiet, 300, 300 + milliseconds)


@asynccontextmanager
async def house(chosen: Settings) -> AsyncIterator[build.Conversations]:
    async with build.conversations(chosen, Metrics(), lambda what: None) as conversations:
        yield conversations


async def talked(conversations: build.Conversations, *steps: Step, manner: Manner | None = None) -> Person:
    person = Person(steps, manner or Manner())
    await person.talk(lambda hearer: here(hearer, conversations.offered))
    return person


async def test_the_house_talks() -> None:
    async with house(settings()) as conversations:
        person = await talked(conversations, speech(800), speech(900))
        first, second = person.record.turns
        assert first.said == "what time is it"
        assert first.reason == "completed"
        assert first.heard.strip() == first.text.strip()
        assert second.said == "tell me a story"
        assert second.heard.strip() == "Once upon a time there was a server."
        assert first.metrics is not None
        assert {"endpoint", "asr", "tts"} <= {stage.name for stage in first.metrics.stages}


async def test_a_reply_is_interrupted_by_speech() -> None:
    async with house(settings(tts__clause_ms="5000")) as conversations:
        person = await talked(conversations, speech(800), speech(1500), manner=Manner(interrupt_at=1500))
        first = person.record.turns[0]
        assert first.reason == "interrupted"
        assert 0 < len(first.heard) < len(first.text)
        assert {"duck", "flush"} <= {mark.kind for mark in person.record.marks}


async def test_typed_words_are_answered() -> None:
    async with house(settings()) as conversations:
        person = await talked(conversations, Type("what can you do"))
        assert person.record.turns[0].heard


async def test_without_a_language_model_the_skills_answer() -> None:
    async with house(settings(llm__backend="none")) as conversations:
        assert conversations.status.backends["llm"] == "skills alone"
        person = await talked(conversations, Type("tell me about the stars"))
        assert person.record.turns[0].reason == "completed"


async def test_a_full_house_refuses_and_a_draining_one_too() -> None:
    async with house(settings(limits__slots="1", limits__queue="1", limits__queue_wait_s="5")) as conversations:
        async with asyncio.TaskGroup() as group:
            aio.spawn(group, talked(conversations, speech(800), manner=Manner(stay_ms=20_000)), "the first")
            await asyncio.sleep(1)
            with pytest.raises(Refused) as caught:
                await talked(conversations, speech(800))
            assert caught.value.code == "overloaded"
        await conversations.sessions.drain(1)
        with pytest.raises(Refused) as caught:
            await talked(conversations, speech(800))
        assert caught.value.code == "draining"


async def test_loading_is_told_step_by_step() -> None:
    told: list[str] = []
    async with build.conversations(settings(), Metrics(), told.append):
        assert told == ["voice activity detection", "speech recognition", "language model", "speech synthesis"]


async def test_a_backend_that_cannot_be_had_stops_the_start_by_name() -> None:
    with pytest.raises(ConfigError, match=r"asr\.base_url nor openai\.base_url"):
        async with house(settings(asr__backend="openai")):
            pass
    with pytest.raises((BackendUnavailable, ConfigError), match=r"plug-?in|installed"):
        async with house(settings(tts__backend="plugin", tts__name="nobody")):
            pass


async def test_the_servers_defaults_reach_the_session() -> None:
    complete = build.defaults(settings(turn__patience="2", talk__voice="scripted-zh", talk__system_prompt="Be brief."))
    open_ = await complete(SessionSpec("s", language="", patience=1.5))
    chosen = await complete(SessionSpec("s", language="zh", voice="mine", system_prompt="Be long."))
    assert (open_.language, open_.patience, open_.voice, open_.system_prompt) == ("en", 3.0, "scripted-zh", "Be brief.")
    assert (chosen.language, chosen.patience, chosen.voice, chosen.system_prompt) == ("zh", 2.0, "mine", "Be long.")


async def test_a_session_that_goes_on_is_not_asked_for_its_app_again() -> None:
    async def off(spec: SessionSpec) -> SessionSpec:
        raise Refused("switched off", code="app_disabled")

    async with Rehearsal() as play:
        completed = build.Completed(play.sessions, off)
        with pytest.raises(Refused):
            await completed.open(replace(play.spec, session_id="another"), play)
        assert await completed.open(play.spec, play, play.last(Prepared).resume) is play.session


def test_the_defaults_of_the_settings_are_those_of_the_parts() -> None:
    """Each part has defaults of its own, for its tests; what the product runs with must not differ silently."""
    default = Settings()
    assert build._pool_settings(default) == PoolSettings()
    assert build._session_limits(default) == SessionLimits()
    assert front._socket_limits(default) == SocketLimits()
    assert front._http_limits(default) == HttpLimits()
    assert front._channel_limits(default) == (DUPLEX, STREAMING)
    turn = default.turn
    assert EndpointSettings() == EndpointSettings(
        turn.endpoint_min_ms, turn.endpoint_default_ms, turn.endpoint_hanging_ms, turn.endpoint_max_ms
    )


def test_each_limit_reaches_its_part() -> None:
    names = Limits.__struct_fields__
    numbers = {name: 1_024 + place for place, name in enumerate(names)}
    numbers |= {"utterance_s": 599, "pictures_per_s": 29}
    chosen = Settings(limits=Limits(**numbers))
    limit = chosen.limits
    sessions, pool = build._session_limits(chosen), build._pool_settings(chosen)
    assert (sessions.session_s, sessions.pause_s, sessions.resume_s) == (limit.session_s, limit.pause_s, limit.resume_s)
    assert (sessions.idle_s, sessions.lease_idle_s) == (limit.silence_s, limit.lease_idle_s)
    assert (pool.slots, pool.queue, pool.wait_s) == (limit.slots, limit.queue, limit.queue_wait_s)
    sockets, http = front._socket_limits(chosen), front._http_limits(chosen)
    assert (sockets.first_message_s, sockets.ping_s, sockets.errors) == (
        limit.first_message_s,
        limit.ping_s,
        limit.errors_in_10_s,
    )
    assert (sockets.send_buffer_bytes, sockets.blocked_s, sockets.connections) == (
        limit.send_bytes,
        limit.send_blocked_s,
        limit.connections,
    )
    assert (http.head_bytes, http.fields, http.head_s, http.body_bytes) == (
        limit.http_head_bytes,
        limit.http_fields,
        limit.http_head_s,
        limit.http_body_bytes,
    )
    duplex, streaming = front._channel_limits(chosen)
    assert (duplex.message_bytes, duplex.bytes_per_s, duplex.pictures_per_s) == (
        limit.duplex_message_bytes,
        limit.duplex_bytes_s,
        limit.pictures_per_s,
    )
    assert duplex.resume_burst_bytes == (2 + limit.resume_sound_s) * limit.duplex_bytes_s
    assert (streaming.message_bytes, streaming.bytes_per_s) == (limit.streaming_message_bytes, limit.streaming_bytes_s)


async def test_the_model_named_auto_is_found_by_the_settings() -> None:
    chosen = load([Flag("openai.base_url", "http://127.0.0.1:9/v1", "flag")], {}).settings
    shared: Context = await build.context(chosen)
    try:
        assert shared.found is not None
        assert shared.found.by == "configuration"
    finally:
        await shared.aclose()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_the_address_that_is_bound_is_answered(host: str) -> None:
    access = front._ways(settings(server__host=host)).access
    name = f"[{host}]:1" if ":" in host else f"{host}:1"
    assert access.refusal([name], []) is None
    assert access.refusal(["evil.example"], []) is not None


async def test_a_voice_that_nobody_has_stops_the_start_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match="scripted has no voice `scriptd`; did you mean `scripted`"):
        async with house(settings(talk__voice="scriptd")):
            pass
    with pytest.raises(ConfigError, match="`vivavoce models list` shows"):
        await build.voice_of(settings(talk__voice="xyz"), "hello", 1.0)
    assert len(await build.voice_of(settings(talk__voice="scripted"), "hello", 1.0))
