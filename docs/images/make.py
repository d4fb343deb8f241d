"""Makes the pictures of these pages: the Talk page in Chromium against a real offline server, and timelines of `talk`.

PYTHONPATH=tests .venv/bin/python docs/images/make.py [talk] [timelines]
"""

from __future__ import annotations

import asyncio
import base64
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from journeys.browser import Page, chromium
from journeys.server import VIVAVOCE, Server, serving
from journeys.speech import quiet, spoken
from vivavoce.audio.containers import wav
from vivavoce.audio.pcm import INPUT_RATE, Pcm

HERE = Path(__file__).parent
DESKTOP, PHONE = (1280, 720, False), (390, 780, True)
LAMP = 'document.querySelector(".lamp")?.dataset.state'
ANSWERED = 'document.querySelectorAll(".heard-text").length'


async def looks(page: Page, language: str, width: int, height: int, phone: bool) -> None:
    await page.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2, mobile=phone)
    await page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "light"}])
    await page.call("Emulation.setLocaleOverride", locale=language)
    agent = await page.evaluate("navigator.userAgent")
    await page.call("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage=language)


async def shoot(page: Page, name: str) -> None:
    picture = await page.call("Page.captureScreenshot", format="png")
    await asyncio.to_thread((HERE / name).write_bytes, base64.b64decode(picture["data"]))


async def english(server: Server, folder: Path, name: str, width: int, height: int, phone: bool) -> None:
    """Speaks twice, hears, interrupts, and is being answered when the picture is taken."""
    words = [
        *(quiet(1), await spoken("what time is it"), quiet(6), await spoken("what can you do"), quiet(3)),
        *(await spoken("set the volume to eighty percent"), quiet(9)),
    ]
    sound = folder / "microphone.wav"
    await asyncio.to_thread(sound.write_bytes, wav(Pcm(b"".join(words), INPUT_RATE)))
    async with chromium(sound) as page:
        await looks(page, "en", width, height, phone)
        await page.open(server.url)
        await page.until(f"{LAMP} === 'ready'")
        await page.tap(".lamp")
        await page.until(f"{ANSWERED} >= 3 && {LAMP} === 'speaking'")
        await asyncio.sleep(1.2)
        await shoot(page, name)


async def chinese(server: Server, folder: Path, name: str, width: int, height: int, phone: bool) -> None:
    """Types, and hears."""
    sound = folder / "microphone.wav"
    hum = (np.sin(np.arange(60 * INPUT_RATE) / 60) * 200).astype("<i2").tobytes()  # a room, or it warns of silence
    await asyncio.to_thread(sound.write_bytes, wav(Pcm(hum, INPUT_RATE)))
    async with chromium(sound) as page:
        await looks(page, "zh-CN", width, height, phone)
        await page.open(server.url)
        await page.until(f"{LAMP} === 'ready'")
        await page.tap(".lamp")
        for count, line in enumerate(("现在几点了", "设一个五分钟的计时器", "十二乘以七等于多少"), 1):
            await page.write("textarea", line)
            await page.until(f"{ANSWERED} >= {count} && {LAMP} === 'speaking'")
            await asyncio.sleep(0.9 if count == 3 else 5)
        await shoot(page, name)


async def talk(folder: Path) -> None:
    with serving(folder) as server:
        await english(server, folder, "talk.png", *DESKTOP)
        await english(server, folder, "talk-phone.png", *PHONE)
        await chinese(server, folder, "talk-zh.png", *DESKTOP)


async def timelines(folder: Path) -> None:
    for name, words in {
        "time": "what time is it",
        "help": "what can you do",
        "stop": "set the volume to eighty percent",
    }.items():
        sound = wav(Pcm(await spoken(words), INPUT_RATE))
        await asyncio.to_thread((folder / f"{name}.wav").write_bytes, sound)
    for name, command in {
        "timeline-turn.png": ["time.wav"],
        "timeline-interruption.png": ["help.wav", "stop.wav", "--interrupt-at", "1500"],
    }.items():
        whole = [*VIVAVOCE, "talk", *command, "--timeline", str(HERE / name)]
        await asyncio.to_thread(subprocess.run, whole, cwd=folder, check=True)


async def main(wanted: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for each in (talk, timelines):
            if not wanted or each.__name__ in wanted:
                await each(Path(folder))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
