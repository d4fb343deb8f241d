"""Chromium without a window, driven over the DevTools protocol: a page, its taps and keys, and what goes wrong in it.

The microphone is a sound file, played once from the moment that the page opens the microphone.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import tempfile
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from vivavoce import aio
from vivavoce.app.unwrap import unwrapped

WITHIN_S = 60.0
"""Deadline of everything that is waited for: this machine may be busy with other things."""
FLAGS = [
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--lang=en"),
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
    *("--autoplay-policy=document-user-activation-required", "--accept-lang=en", "--remote-debugging-port=0"),
]
KEYS = {"Enter": 13, "Escape": 27}

WATCH = """
window.seen = { states: [], falls: [], reports: [], played: {} };
addEventListener("securitypolicyviolation", (event) => {
  seen.reports.push(`${event.violatedDirective}: ${event.blockedURI}`);
});
new MutationObserver(() => {
  const lamp = document.querySelector("[data-state]");
  if (lamp === null) return;
  const { state, reply, playedMs } = lamp.dataset;
  if (seen.states.at(-1) !== state) seen.states.push(state);
  const before = seen.played[reply] ?? 0;
  if (Number(playedMs) < before) seen.falls.push(`reply ${reply}: ${before} ms, then ${playedMs}`);
  seen.played[reply] = Number(playedMs);
}).observe(document, { subtree: true, childList: true, attributeFilter: ["data-state", "data-played-ms"] });
"""
"""Runs before the page does, and misses no state however short: every change of the lamp is noted."""


class Page:
    """One tab. What it logs as an error, and what it throws, is kept in `errors`."""

    def __init__(self, link: ClientConnection) -> None:
        self.errors: list[str] = []
        self._link = link
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._link.send(json.dumps({"id": number, "method": method, "params": parameters}))
        try:
            async with asyncio.timeout(WITHIN_S):
                message = await answer
        finally:
            self._answers.pop(number, None)
        assert "error" not in message, f"{method}: {message['error']}"
        result: dict[str, Any] = message["result"]
        return result

    async def evaluate(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = await self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, f"{script}: {found['exceptionDetails']}"
        return found["result"].get("value")

    async def until(self, script: str) -> Any:
        """The value of the expression once there is one that is true."""
        try:
            async with asyncio.timeout(WITHIN_S):
                while not (value := await self.evaluate(script)):  # noqa: ASYNC110 — the page has no event for it
                    await asyncio.sleep(0.05)
                return value
        except TimeoutError:
            page = await self.evaluate("document.body.innerText")
            seen = await self.evaluate("JSON.stringify(seen)")
            raise AssertionError(f"waited in vain for {script}\n{page}\n{seen}\n{self.errors}") from None

    async def open(self, url: str) -> None:
        for domain in ("Page", "Runtime", "Log"):
            await self.call(f"{domain}.enable")
        await self.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        await self.call("Page.navigate", url=url)

    async def tap(self, selector: str) -> None:
        """A tap in the middle of the element, as a person gives it."""
        found = f"document.querySelector({json.dumps(selector)})"
        x, y = await self.until(
            f"(() => {{ const box = {found}?.getBoundingClientRect();"
            "return box && box.width > 0 && [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    async def write(self, selector: str, text: str) -> None:
        """Text into a field, and Enter."""
        await self.tap(selector)
        await self.call("Input.insertText", text=text)
        await self.press("Enter")

    async def press(self, key: str) -> None:
        """One of KEYS, where the focus is."""
        for kind in ("keyDown", "keyUp"):
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=KEYS[key])

    async def listen(self) -> None:
        """Takes what the browser says, to its end."""
        async for text in self._link:
            message = json.loads(text)
            if "method" in message:
                self._note(message["method"], message["params"])
            elif answer := self._answers.pop(message["id"], None):
                answer.set_result(message)

    def _note(self, event: str, told: dict[str, Any]) -> None:
        if event == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.errors.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")
        elif event == "Runtime.exceptionThrown":
            details = told["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details["text"])
        elif event == "Runtime.consoleAPICalled" and told["type"] in ("error", "assert"):
            self.errors.append(" ".join(str(each.get("value", each.get("description"))) for each in told["args"]))


@asynccontextmanager
async def chromium(microphone: Path) -> AsyncIterator[Page]:
    """A new tab of a new Chromium with nobody's profile; `microphone` is a WAV file. CHROMIUM names the program."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert program, "no Chromium here: name one in CHROMIUM, or leave these journeys out with -m 'not browser'"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            *(program, *FLAGS, f"--user-data-dir={profile}", f"--use-file-for-fake-audio-capture={microphone}%noloop"),
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            address = await _tab(Path(profile) / "DevToolsActivePort", process)
            async with connect(address, max_size=None, ping_interval=None) as link:
                with unwrapped():
                    async with asyncio.TaskGroup() as group:
                        page = Page(link)
                        listening = aio.spawn(group, page.listen(), "devtools")
                        yield page
                        listening.cancel()
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def _tab(told: Path, process: asyncio.subprocess.Process) -> str:
    """The address of the first tab. Chromium writes its port into its profile once it listens."""
    async with asyncio.timeout(WITHIN_S):
        while not (address := await asyncio.to_thread(_address, told)):
            assert process.returncode is None, "Chromium does not start here"
            await asyncio.sleep(0.05)
        return address


def _address(told: Path) -> str | None:
    lines = told.read_text().split() if told.exists() else []
    if not lines:
        return None
    with urllib.request.urlopen(f"http://127.0.0.1:{lines[0]}/json/list", timeout=10) as answer:
        return next((str(each["webSocketDebuggerUrl"]) for each in json.load(answer) if each["type"] == "page"), None)
