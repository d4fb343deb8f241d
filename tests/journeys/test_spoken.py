"""Spoken to over real sockets, with nothing configured: what is understood, what is answered, and how that sounds."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from journeys.caller import Caller
from journeys.server import Server, serving
from journeys.speech import agreement, quiet, recognised, spoken
from vivavoce.testing.proxy import Proxy

pytestmark = pytest.mark.journey

COMMANDS = {
    "what time is it": "",
    "set the volume to eighty percent": "eighty percent",
    "set a timer for five minutes": "five minutes",
}
"""What is said, and the words that must be in the sound of the reply."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("spoken"), "--set", "talk.voice=en-us-f") as server:
        yield server
        assert server.end() == 0


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_spoken_command_is_understood_done_and_told(command: str, server: Server) -> None:
    caller = Caller("command")
    async with caller.line(server):
        await caller.prepare()
        await caller.say(quiet(0.5) + await spoken(command))
        assert await caller.understood() == command
        done = await caller.message("reply_done")
        await caller.send("stop")
        assert (await caller.message("stopped"))["reason"] == "stopped"
        await caller.until(lambda: caller.closed[0])
    assert caller.closed == (1000, "stopped")
    assert done["reason"] == "completed"
    assert done["heard_text"] == caller.text(done["reply"])
    words = recognised(caller.sound(done["reply"]))
    assert agreement(words, caller.text(done["reply"])) >= 0.6
    assert COMMANDS[command] in " ".join(words)


@pytest.mark.parametrize("ended_by", ["button", "vad"])
async def test_turn_by_turn_a_question_is_ended_by_the_button_or_by_silence(ended_by: str, server: Server) -> None:
    caller = Caller(ended_by)
    async with caller.line(server, "streaming"):
        if ended_by == "vad":
            await caller.send("generate", vad=True)
        await caller.say(quiet(0.5) + await spoken("set the volume to eighty percent") + quiet(0.2))
        if ended_by == "button":
            await caller.send("commit")
            await caller.send("generate")
        assert await caller.understood() == "set the volume to eighty percent"
        done = await caller.message("done")
        await caller.send("close")
        await caller.until(lambda: caller.closed[0])
    assert done["stopped"] is False
    assert done["heard_text"] == caller.text(done["reply"]) == "The volume is eighty percent."
    assert "eighty percent" in " ".join(recognised(caller.sound(done["reply"])))


async def test_typed_chinese_is_answered_aloud_in_chinese(server: Server) -> None:
    caller = Caller("chinese")
    async with caller.line(server):
        await caller.prepare(language="zh")
        await caller.send("text", text="设一个五分钟的计时器")
        done = await caller.message("reply_done")
    assert done["reason"] == "completed"
    assert "五分钟" in done["heard_text"] == caller.text(done["reply"])
    sound = caller.sound(done["reply"])
    # One syllable takes the voice between 0.1 and 0.5 s; silence, or characters spelled out in English, do not fit.
    syllables = sum("一" <= letter <= "鿿" for letter in done["heard_text"])
    assert 100 * syllables < sound.ms < 500 * syllables
    assert abs(sound.samples).max() > 3000


async def test_a_reply_that_was_cut_off_goes_on_where_it_was(server: Server) -> None:
    caller = Caller("cut")
    async with Proxy(server.port) as bad_line:
        async with caller.line(server, port=bad_line.port):
            await caller.prepare()
            await caller.send("text", text="tell me a joke")
            await caller.until(lambda: caller.played_ms > 1000)
            bad_line.cut()
            await caller.until(lambda: caller.closed[0])
        (reply,) = (each["reply"] for each in caller.all("reply_started"))
        before = len(caller.sound(reply))
        assert caller.all("reply_done") == []
        async with caller.line(server, port=bad_line.port):
            await caller.prepare()
            assert caller.all("prepared")[-1]["resumed"] is True
            done = await caller.message("reply_done")
    assert (done["reply"], done["reason"], done["heard_text"]) == (reply, "completed", caller.text(reply))
    # That no sample is missing between the two lines, the caller's ear has checked.
    assert len(caller.sound(reply)) > before
    assert caller.played_ms == pytest.approx(caller.sound(reply).ms, abs=1)
    assert done["heard_ms"] == pytest.approx(caller.played_ms, abs=1)


async def test_told_to_stop_it_finishes_the_reply_takes_nobody_new_and_ends(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        caller = Caller("drain")
        async with caller.line(server):
            await caller.prepare()
            await caller.send("text", text="tell me a joke")
            await caller.until(lambda: caller.played_ms > 500)
            server.process.send_signal(signal.SIGTERM)
            await caller.until(lambda: server.get("/health")[0] == 503)
            with pytest.raises(InvalidStatus) as refused:
                async with Caller("late").line(server):
                    pass
            assert refused.value.response.status_code == 503
            done = await caller.message("reply_done")
            assert (await caller.message("error"))["code"] == "restarting"
            await caller.until(lambda: caller.closed[0])
        assert (done["reason"], done["heard_text"]) == ("completed", caller.text(done["reply"]))
        assert caller.closed == (1012, "restarting")
        assert await asyncio.to_thread(server.process.wait, 30) == 0
