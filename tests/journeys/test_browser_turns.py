"""The page turn by turn, on a phone: somebody holds the lamp, and types, while the line breaks; and types Chinese."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from journeys.browser import Page, chromium
from journeys.server import serving
from journeys.speech import quiet, spoken
from journeys.test_browser import LAMP, REPLIES, SAID, eventually, heard, microphone, passed
from vivavoce.testing.proxy import Proxy

pytestmark = [pytest.mark.journey, pytest.mark.browser]

SCRIPTED = {
    "asr": {"backend": "scripted", "texts": ["tell me a story"]},
    "llm": {"backend": "scripted", "replies": ["Once there was a king.", "And a queen."]},
    "tts": {"backend": "scripted"},
}
WIDTH = 360
QUESTION_IN_MS = 5000
"""By then the microphone has said it all."""


async def open_turns(page: Page, url: str) -> None:
    await page.call("Emulation.setDeviceMetricsOverride", width=WIDTH, height=720, deviceScaleFactor=1, mobile=True)
    await page.open(url)
    await page.until(f"{LAMP}?.state === 'ready'")
    await page.tap(".modes .ant-segmented-item:first-child")


async def hold(page: Page, selector: str, kind: str) -> None:
    """The finger goes down (`mousePressed`) or comes up (`mouseReleased`)."""
    x, y = await page.evaluate(
        f"(() => {{ const box = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
        "return [box.x + box.width / 2, box.y + box.height / 2]; })()"
    )
    await page.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)


async def test_a_held_lamp_and_a_typed_question_outlive_a_lost_line(tmp_path: Path) -> None:
    (tmp_path / "vivavoce.yaml").write_text(json.dumps(SCRIPTED))
    sound = await microphone(tmp_path, quiet(1), await spoken("tell me a story"), quiet(3))
    with serving(tmp_path) as server:
        async with Proxy(server.port) as line, chromium(sound) as page:
            await open_turns(page, server.link(at=f"http://127.0.0.1:{line.port}"))
            await _holds_while_the_line_breaks(page, line)
            await _types_while_the_line_breaks(page, line)
            assert await page.evaluate("document.documentElement.scrollWidth") == WIDTH
            assert await page.evaluate("seen.reports") == []
            assert [error for error in page.errors if "net::ERR_" not in error and "WebSocket" not in error] == []
            await page.evaluate(
                "[...document.querySelectorAll('button')].find((each) => /^End/.test(each.innerText)).click()"
            )
            await eventually(lambda: "\nvivavoce_sessions 0.0" in server.get("/metrics")[1])


async def _holds_while_the_line_breaks(page: Page, line: Proxy) -> None:
    await page.evaluate("addEventListener('pointerdown', () => { window.pressed = performance.now(); })")
    await hold(page, ".lamp", "mousePressed")
    await passed(page, "listening")
    line.close()
    await page.until(f"{LAMP}.state === 'reconnecting'")
    await eventually(lambda: line.refused >= 2)
    line.forward()
    await page.until(f"{LAMP}.state === 'listening' && performance.now() - pressed > {QUESTION_IN_MS}")
    await hold(page, ".lamp", "mouseReleased")
    assert (await heard(page, 0)) == {"true": "Once there was a king."}
    assert await page.evaluate(SAID) == ["tell me a story"]


async def _types_while_the_line_breaks(page: Page, line: Proxy) -> None:
    await page.until(f"{LAMP}.state === 'ready'")
    line.swallow()
    await page.write(".composer textarea", "and who else")
    await page.until(f"{LAMP}.state === 'thinking'")
    # The question has gone nowhere, and nobody was told.
    line.cut()
    line.forward()
    assert (await heard(page, 1)) == {"true": "And a queen."}
    assert await page.evaluate(SAID) == ["tell me a story", "and who else"]


async def test_chinese_is_typed_and_answered_with_nothing_configured(tmp_path: Path) -> None:
    sound = await microphone(tmp_path, quiet(2))
    with serving(tmp_path) as server:
        async with chromium(sound) as page:
            await open_turns(page, server.link())
            await page.tap(".you")
            await page.until(
                "[...document.querySelectorAll('[role=menuitem]')].some((each) => each.innerText === '中文')"
            )
            await page.evaluate(
                "[...document.querySelectorAll('[role=menuitem]')].find((each) => each.innerText === '中文').click()"
            )
            await page.until("document.documentElement.lang === 'zh-CN'")
            await page.until("document.body.innerText.includes('识别中文语音需要模型')")
            await page.tap("button[aria-haspopup='dialog']")
            await page.until("document.activeElement.className === 'devices'")
            await page.press("Escape")
            await page.until("document.querySelector('.devices') === null")
            await page.write(".composer textarea", "十二乘十二等于多少")
            await page.until(f"{REPLIES}[0]?.textContent.includes('一百四十四')")
            await passed(page, "thinking", "speaking", "muted")
            assert set(await heard(page, 0)) == {"true"}
            assert await page.evaluate("document.documentElement.scrollWidth") == WIDTH
            assert (page.errors, await page.evaluate("seen.reports")) == ([], [])
