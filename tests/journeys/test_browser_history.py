"""From the link on the terminal to a conversation that is heard again, shown to somebody, and taken back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from journeys.browser import Page, chromium
from journeys.server import VIVAVOCE
from journeys.speech import quiet, spoken
from journeys.terminal import at_a_terminal
from journeys.test_browser import LAMP, heard, microphone, passed, start

pytestmark = [pytest.mark.journey, pytest.mark.browser]

SETTINGS = {
    "asr": {"backend": "scripted", "texts": ["tell me of the moon"]},
    "llm": {"backend": "scripted", "replies": ["The moon is far away, and it is cold there."]},
    "tts": {"backend": "scripted", "clause_ms": 3000},
    "server": {"port": 0},
}
AT = "Number(document.querySelector('.player-time [data-at]')?.dataset.at ?? 0)"


async def test_first_link_talk_find_replay_share_and_revoke(tmp_path: Path) -> None:
    (tmp_path / "vivavoce.yaml").write_text(json.dumps(SETTINGS))
    sound = await microphone(tmp_path, quiet(4), await spoken("tell me of the moon"), quiet(3))
    command = [*VIVAVOCE, "serve", "--set", f"data.folder={tmp_path / 'data'}"]
    with at_a_terminal(command, tmp_path) as (terminal, server):
        link = terminal.until(r"Open (http://\S+#link=\S+)")
        async with chromium(sound) as page, chromium(sound) as stranger:
            await _talks(page, link)
            await _finds_it(page)
            await _hears_it_again(page)
            shared = await _shares_it(page)
            await stranger.open(shared)
            await stranger.until("document.body?.innerText.includes('The moon is far away')")
            assert "#" not in await stranger.evaluate("location.href"), "the secret leaves the address"
            await _plays(stranger)
            await press(page, "Revoke")
            await page.until("document.body?.innerText.includes('evoked')")
            await stranger.call("Page.navigate", url="about:blank")
            await stranger.call("Page.navigate", url=shared)
            await stranger.until("/no longer shared/i.test(document.body?.innerText)")
            assert (page.errors, await page.evaluate("seen.reports")) == ([], [])
            assert await stranger.evaluate("seen.reports") == []
        server.terminate()
        assert server.wait(60) == 0
    assert link.partition("#link=")[2] not in (tmp_path / "log").read_text()


async def press(page: Page, words: str) -> None:
    """The button that says so."""
    found = f"[...document.querySelectorAll('button')].find((each) => each.innerText.trim().startsWith('{words}'))"
    await page.until(f"{found} !== undefined")
    await page.evaluate(f"{found}.click()")


async def _talks(page: Page, link: str) -> None:
    await start(page, link)
    assert "#" not in await page.evaluate("location.href")
    await press(page, "Keep")
    await passed(page, "listening", "hearing", "speaking", "listening")
    assert set(await heard(page, 0)) == {"true"}
    await press(page, "End")
    await page.until(f"{LAMP}.state === 'ready'")


async def _finds_it(page: Page) -> None:
    await page.evaluate("document.querySelector('nav a[href=\"/history\"]').click()")
    await page.write("input[placeholder='Search words']", "moon")
    await page.until("location.search.includes('moon')")
    await page.until("document.querySelectorAll('.history-title').length === 1")
    await page.evaluate("document.querySelector('.history-title').click()")
    await page.until("location.pathname.startsWith('/history/')")


async def _hears_it_again(page: Page) -> None:
    # The sound is made when the talk is over, and comes to the page by itself.
    await page.until("document.querySelector('.player-play') !== null")
    await _plays(page)
    words = "[...document.querySelectorAll('.replay-turn .word')]"
    said = await page.evaluate(f"{words}.map((each) => each.textContent).join('').trim()")
    assert said == "The moon is far away, and it is cold there."
    at = await page.evaluate(f"Number({words}[3].dataset.from)")
    await page.evaluate(f"{words}[3].click()")
    await page.until(f"Math.abs({AT} - {at}) < 400")


async def _plays(page: Page) -> None:
    await page.tap(".player-play")
    await page.until(f"{AT} > 500")


async def _shares_it(page: Page) -> str:
    await press(page, "Share")
    await press(page, "Make a link")
    shared: str = await page.until("document.querySelector('.once')?.innerText.match(/http\\S+/)?.[0]")
    assert "/shared#" in shared
    return shared
