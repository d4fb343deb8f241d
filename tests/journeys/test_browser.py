"""The page in Chromium against a real server: somebody talks, hears, interrupts, loses the line, and comes back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from journeys.browser import WITHIN_S, Page, chromium
from journeys.server import Server, serving
from journeys.speech import quiet, spoken
from vivavoce.audio.containers import wav
from vivavoce.audio.pcm import INPUT_RATE, Pcm
from vivavoce.testing.proxy import Proxy

pytestmark = [pytest.mark.journey, pytest.mark.browser]

HOSTILE = '<img src=x onerror="window.broken=1"><script>window.broken=1</script>'
LONG = "and so it went on for a long time, as such stories do. " * 7
UNDERSTOOD = ["tell me a story", f"rather {HOSTILE} about the sea"]
ANSWERS = [f"Once {HOSTILE} there was a king, {LONG}", f"The sea, {LONG}", "Here it ends."]
"""Exact words, and replies of half a minute, which nothing on a slow machine comes too late to interrupt."""
SCRIPTED = {
    "asr": {"backend": "scripted", "texts": UNDERSTOOD},
    "llm": {"backend": "scripted", "replies": ANSWERS},
    "tts": {"backend": "scripted"},
}
LAMP = '[...document.querySelectorAll(".lamp")].map(({ dataset }) => dataset)[0]'
REPLIES = '[...document.querySelectorAll(".heard-text")]'
SAID = '[...document.querySelectorAll(".line-you .words")].map((each) => each.textContent)'


async def microphone(folder: Path, *sounds: bytes) -> Path:
    """A file that stands for the microphone."""
    file = folder / "microphone.wav"
    await asyncio.to_thread(file.write_bytes, wav(Pcm(b"".join(sounds), INPUT_RATE)))
    return file


async def eventually(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not check():  # noqa: ASYNC110 — another process, or a socket
            await asyncio.sleep(0.05)


async def passed(page: Page, *states: str) -> None:
    """Waits until the lamp has shown these states, in this order, whatever came between them."""
    await page.until(
        f"{json.dumps(states)}.reduce((at, state) => at < 0 ? at : seen.states.indexOf(state, at), 0) >= 0"
    )


async def heard(page: Page, reply: int) -> dict[str, str]:
    """What was heard (`true`) and not (`false`) of the reply in that place of the log, once that is settled."""
    words = f"[...{REPLIES}[{reply}]?.children ?? []]"
    await page.until(f"{words}.length > 0 && {words}.every((word) => word.dataset.heard !== 'pending')")
    told = await page.evaluate(f"{words}.map((word) => [word.dataset.heard, word.textContent])")
    return {kind: "".join(text for each, text in told if each == kind) for kind, _ in told}


async def start(page: Page, url: str) -> None:
    await page.open(url)
    await page.until(f"{LAMP}?.state === 'ready'")
    await page.tap(".lamp")


async def test_somebody_talks_hears_interrupts_loses_the_line_and_comes_back(tmp_path: Path) -> None:
    (tmp_path / "vivavoce.yaml").write_text(json.dumps(SCRIPTED))
    question, words_over_the_reply = await spoken("tell me a story"), await spoken("rather tell me about the sea")
    sound = await microphone(tmp_path, quiet(1), question, quiet(7), words_over_the_reply, quiet(3))
    with serving(tmp_path) as server:
        async with Proxy(server.port) as line, chromium(sound) as page:
            await start(page, server.link(at=f"http://127.0.0.1:{line.port}"))
            await _talks_and_hears(page)
            await _interrupts(page)
            assert page.errors == []
            await _loses_the_line_and_comes_back(page, line)
            await _stops_it_and_types(page)
            await _ends(page, server)


async def _talks_and_hears(page: Page) -> None:
    await passed(page, "listening", "hearing", "thinking", "speaking")
    assert await page.evaluate(SAID) == ["tell me a story"]
    await page.until(f"{LAMP}.playedMs > 1000")
    first_word = await page.evaluate(f"{REPLIES}[0].querySelector('[data-heard=\"true\"]').textContent")
    assert first_word.startswith("Once")


async def _interrupts(page: Page) -> None:
    await passed(page, "speaking", "ducked", "interrupted", "thinking", "speaking")
    words = await heard(page, 0)
    assert set(words) == {"true", "false"}
    assert ANSWERS[0].startswith(words["true"] + words["false"])
    assert await page.evaluate('document.querySelectorAll(".cut-mark").length') == 1
    # What people and models say is text, whatever it looks like.
    assert await page.evaluate(SAID) == UNDERSTOOD
    assert await page.evaluate('document.querySelectorAll(".turns img, .turns script").length') == 0


async def _loses_the_line_and_comes_back(page: Page, line: Proxy) -> None:
    await page.until(f"{LAMP}.reply === '2' && {LAMP}.playedMs > 2000")
    line.close()
    await page.until(f"{LAMP}.state === 'reconnecting'")
    await eventually(lambda: line.refused >= 3)
    before = await page.evaluate(f"Number({LAMP}.playedMs)")
    line.forward()
    await page.until(f"{LAMP}.state === 'speaking' && {LAMP}.playedMs > {before + 2000}")
    assert await page.evaluate(f"{LAMP}.reply") == "2"
    assert await page.evaluate("seen.falls") == []


async def _stops_it_and_types(page: Page) -> None:
    await page.press("Escape")
    await page.until(f"{LAMP}.state === 'listening'")
    assert set(await heard(page, 1)) == {"true", "false"}
    await page.write(".composer textarea", f"and {HOSTILE}")
    assert (await heard(page, 2)) == {"true": "Here it ends."}
    assert (await page.evaluate(SAID))[2] == f"and {HOSTILE}"


async def _ends(page: Page, server: Server) -> None:
    assert await page.evaluate("window.broken") is None
    assert await page.evaluate("seen.reports") == []
    # While the line was away the browser itself wrote down each call that failed.
    assert [error for error in page.errors if "net::ERR_" not in error and "WebSocket" not in error] == []
    await page.evaluate("[...document.querySelectorAll('button')].find((each) => each.innerText === 'End').click()")
    await page.until(f"{LAMP}.state === 'ready'")
    await eventually(lambda: "\nvivavoce_sessions 0.0" in server.get("/metrics")[1])


async def test_with_nothing_configured_a_spoken_command_is_done_and_told(tmp_path: Path) -> None:
    sound = await microphone(tmp_path, quiet(1), await spoken("set the volume to eighty percent"), quiet(2))
    with serving(tmp_path) as server:
        async with chromium(sound) as page:
            await start(page, server.link())
            await passed(page, "listening", "hearing", "speaking", "listening")
            assert await page.evaluate(SAID) == ["set the volume to eighty percent"]
            assert await heard(page, 0) == {"true": "The volume is eighty percent."}
            assert await page.until('document.querySelector(".turn .timing") !== null')
            assert (page.errors, await page.evaluate("seen.reports")) == ([], [])
