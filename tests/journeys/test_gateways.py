"""Two gateways over one PostgreSQL and one Redis, behind the nginx of deploy/nginx.conf: to people they are one."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from cryptography.hazmat.primitives import serialization

from journeys.caller import Caller
from journeys.server import serving
from vivavoce import aio
from vivavoce.app.tls import fingerprint, make_certificate
from vivavoce.client import VivavoceClient
from vivavoce.client.forms import AppBody, Detail, Session, Turn
from vivavoce.client.pinning import trusting
from vivavoce.testing import services

pytestmark = [pytest.mark.journey, pytest.mark.postgresql, pytest.mark.redis, pytest.mark.nginx]

EXAMPLE = Path(__file__).parents[2] / "deploy" / "nginx.conf"
LONG = "One two three four five six seven eight nine ten eleven twelve."
SECOND = "The second reply."
AT_ONCE_S = 5.0
"""What one gateway does, the other one knows within this."""


class Gateway:
    """One of the two: its folder and port stay, its process comes and goes."""

    def __init__(self, folder: Path, port: int, *words: str) -> None:
        self.folder = folder
        self.port = port
        self._words = words
        self._life = ExitStack()
        folder.mkdir()

    def start(self) -> None:
        self.server = self._life.enter_context(serving(self.folder, *self._words, port=self.port))
        assert self.server.token

    def end(self, number: int) -> None:
        self.server.end(number)
        self._life.close()

    def gone(self) -> None:
        self._life.close()

    @property
    def name(self) -> str:
        """As the sessions' table calls it."""
        return (self.folder / "data" / "gateway").read_text()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class House:
    def __init__(self, one: Gateway, other: Gateway, port: int, trust: ssl.SSLContext) -> None:
        self.one = one
        self.other = other
        self.port = port
        self.url = f"https://127.0.0.1:{port}"
        self.trust = trust

    def holder(self, session: Session) -> Gateway:
        return self.one if session.gateway == self.one.name else self.other

    @asynccontextmanager
    async def client(self) -> AsyncIterator[VivavoceClient]:
        """The administrator, at nginx."""
        async with VivavoceClient(self.url, token=self.one.server.token, trust=self.trust) as client:
            yield client


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def proxy(*ports: int) -> Iterator[tuple[int, ssl.SSLContext]]:
    """nginx as the example has it, before gateways at these ports; its own port, and whom to trust."""
    key, certificate = make_certificate(["127.0.0.1"], datetime.now(UTC))
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pem").write_bytes(certificate.public_bytes(pem))
        (folder / "key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
        folder.chmod(0o755)  # nginx runs as another user here
        conf = EXAMPLE.read_text()
        for written, here in (
            ("127.0.0.1:8006", f"127.0.0.1:{ports[0]}"),
            ("127.0.0.1:8007", f"127.0.0.1:{ports[1]}"),
            ("listen 443 ssl", "listen 127.0.0.1:@port@ ssl"),
            ("/etc/nginx/vivavoce.pem", str(folder / "pem")),
            ("/etc/nginx/vivavoce.key", str(folder / "key")),
        ):
            assert conf.count(written) == 1, written
            conf = conf.replace(written, here)
        with services.nginx(conf) as nginx:
            yield nginx.port, trusting(f"https://127.0.0.1:{nginx.port}", fingerprint(certificate))


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: services.Service, redis_server: services.Service
) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    words = [word for part in ("vad", "asr", "llm", "tts") for word in ("-s", f"{part}.backend=scripted")]
    words += ["-s", f"llm.replies={json.dumps([LONG, SECOND])}", "-s", "tts.clause_ms=4000"]
    words += ["-s", f"data.database={postgres_server.url}", "-s", f"data.redis={redis_server.url}"]
    words += ["-s", f"data.blobs={folder / 'blobs'}", "-s", "server.processes=2", "-s", "server.drain_s=1"]
    words += ["-s", "tls.behind_proxy=true", "-s", 'server.trusted_proxies=["127.0.0.1"]']
    one = Gateway(folder / "one", free_port(), *words)
    other = Gateway(folder / "other", free_port(), *words)
    try:
        one.start()
        other.start()
        with proxy(one.port, other.port) as (port, trust):
            yield House(one, other, port, trust)
    finally:
        one.gone()
        other.gone()


async def eventually(look: Callable[[], Awaitable[Any]], within_s: float = 30.0) -> Any:
    """What `look` gives, once that is something. The servers are other processes: there is nothing to wait for."""
    async with asyncio.timeout(within_s):
        while not (found := await look()):  # noqa: ASYNC110 — other processes
            await asyncio.sleep(0.05)
        return found


@asynccontextmanager
async def live(gateway: Gateway, token: str, *topics: str, cursor: str | None = None) -> AsyncIterator[Any]:
    """A page that watches there; its first message has been read."""
    shown = {"Authorization": f"Bearer {token}"}
    async with websockets.connect(gateway.server.socket("/ws"), additional_headers=shown) as page:
        await page.send(json.dumps({"type": "subscribe", "topics": topics, "cursor": cursor}))
        assert json.loads(await page.recv())["topics"] == list(topics)
        yield page


async def event(page: Any) -> dict[str, Any]:
    async with asyncio.timeout(10):
        return dict(json.loads(await page.recv()))


# ── one server, to people ─────────────────────────────────────────────────────────────────────────


async def test_signing_out_on_one_is_signing_out_on_the_other(house: House) -> None:
    link = house.one.server.link(at=house.url)
    async with VivavoceClient(house.url, trust=house.trust) as client:
        await client.sign_in_by_link(link)
        assert client.bearer
        token = client.bearer
        async with (
            VivavoceClient(house.one.url, token=token) as here,
            VivavoceClient(house.other.url, token=token) as there,
            live(house.other, token, "apps") as page,
        ):
            await there.me.get()
            began = aio.now()
            await here.sign_out()

            async def refused() -> bool:
                shown = {"Authorization": f"Bearer {token}"}
                async with httpx.AsyncClient() as plain:
                    return (await plain.get(f"{house.other.url}/api/me", headers=shown)).status_code == 401

            await eventually(refused)
            await page.wait_closed()
            assert aio.now() - began < AT_ONCE_S
            assert (page.close_code, page.close_reason) == (1008, "token_revoked")


async def test_an_app_that_is_switched_off_on_one_is_off_on_the_other(house: House) -> None:
    token = house.one.server.token
    async with (
        VivavoceClient(house.one.url, token=token) as here,
        VivavoceClient(house.other.url, token=token) as there,
    ):
        app = await here.apps.create("garden", AppBody(name="Garden", modes=["hands_free"]))

        async def listed() -> bool:
            return any([each.enabled async for each in there.apps.list() if each.id == "garden"])

        async def unlisted() -> bool:
            return not await listed()

        await eventually(listed, AT_ONCE_S)
        await here.apps.switch(app, False)
        await eventually(unlisted, AT_ONCE_S)
        shown = {"Authorization": f"Bearer {token}"}
        address = house.other.server.socket("/ws/duplex/garden-talk")
        async with websockets.connect(address, additional_headers=shown) as talk:
            await talk.send('{"type": "prepare", "app": "garden"}')
            assert (await event(talk))["code"] == "app_disabled"


async def test_tries_are_counted_together(house: House) -> None:
    """Thirty looks at links a minute of one address, whichever gateway they come to."""
    from_there = {"X-Forwarded-For": "203.0.113.7"}
    async with httpx.AsyncClient(headers=from_there) as plain:

        async def tried(gateway: Gateway) -> int:
            answer = await plain.post(f"{gateway.url}/api/auth/link", json={"secret": "A" * 43})
            return answer.status_code

        codes = [await tried(gateway) for _ in range(16) for gateway in (house.one, house.other)]
    assert codes[0] == codes[1] == 401
    assert codes[-2:] == [429, 429]
    assert codes.count(401) <= 30


async def test_a_page_goes_on_watching_at_the_other_one_and_misses_nothing(house: House) -> None:
    token = house.one.server.token
    async with VivavoceClient(house.one.url, token=token) as here:
        async with live(house.other, token, "apps") as page:
            app = await here.apps.create("cellar", AppBody(name="Cellar"))
            told = await event(page)
            assert (told["kind"], told["id"]) == ("created", "cellar")
        app = await here.apps.switch(app, False)
        await here.apps.delete("cellar")
        async with live(house.one, token, "apps", cursor=told["cursor"]) as page:
            first = await event(page)
            if first["type"] == "snapshot_needed":  # news may have been missed there, which is told, never passed over
                assert "cellar" not in {each.id async for each in here.apps.list()}
            else:
                assert [first["kind"], (await event(page))["kind"]] == ["changed", "deleted"]


# ── a gateway goes, a conversation goes on ────────────────────────────────────────────────────────


async def conversation(client: VivavoceClient, id: str) -> tuple[Detail, list[Turn]]:
    """The conversation, once both of its turns are over."""

    async def both() -> list[Turn] | None:
        turns = [turn async for turn in client.conversations.turns(id)]
        return turns if len(turns) == 2 else None

    turns = await eventually(both)
    return await client.conversations.get(id), turns


async def begun(client: VivavoceClient, caller: Caller) -> Session:
    """Ask something by a line that is open; the session, once more than a second of the reply was heard."""
    await caller.send("text", text="count")
    await caller.until(lambda: caller.played_ms > 1500)

    async def look() -> list[Session]:
        return [each async for each in client.sessions.list() if each.id == f"caller-{caller.name}"]

    found: list[Session] = await eventually(look)
    return found[0]


async def goes_on(house: House, caller: Caller) -> None:
    """At nginx again, with the resume token: the next thing said is the second."""
    async with caller.line(house.other.server, port=house.port, trust=house.trust):
        await caller.prepare()
        before = len(caller.all("reply_started"))
        await caller.send("text", text="and then")
        started = (await caller.until(lambda: caller.all("reply_started")[before:]))[0]
        assert started["reply"] == 2
        await caller.until(lambda: [each for each in caller.all("reply_done") if each["reply"] == 2])
        assert caller.text(2) == SECOND
        await caller.send("stop")
        await caller.message("stopped")


async def test_a_gateway_is_killed_in_mid_reply_and_the_talk_goes_on_at_the_other(house: House) -> None:
    caller = Caller("killed")
    async with house.client() as client:
        me = (await client.me.get()).user
        assert me is not None
        await client.me.change(me.version, recording=True)
        async with caller.line(house.other.server, port=house.port, trust=house.trust):
            await caller.prepare()
            session = await begun(client, caller)
            id, mine = session.conversation, house.holder(session)
            # What was played until here has been reported for a second.
            heard_ms = caller.played_ms
            await caller.until(lambda: caller.played_ms > heard_ms + 1000)
            mine.end(signal.SIGKILL)
            played_ms = caller.played_ms
        began = aio.now()
        await goes_on(house, caller)
        assert aio.now() - began < 30  # five seconds, the reply of four, and what a busy machine adds
        detail, (first, second) = await conversation(client, id)
        assert (first.state, first.reason) == ("failed", "failed")
        assert first.heard
        assert LONG.startswith(first.heard)
        assert first.heard != LONG
        assert first.heard_from_ms is not None
        assert first.heard_to_ms is not None
        assert heard_ms - 500 < first.heard_to_ms - first.heard_from_ms < played_ms + 500
        assert (second.state, second.heard) == ("done", SECOND)
        assert [each.id async for each in client.conversations.list() if each.id == id] == [id]

        # Its sound until then waits in the folder of the one that was killed, for its next start.
        assert len(detail.recordings) == 2
        await asyncio.to_thread(mine.start)

        async def stored() -> list[bytes] | None:
            sounds = (await client.conversations.get(id)).recordings
            if [sound.state for sound in sounds] != ["ready", "ready"]:
                return None
            return [await whole(client, id, sound.id) for sound in sounds]

        assert all(ogg.startswith(b"OggS") for ogg in await eventually(stored))


async def whole(client: VivavoceClient, id: str, recording: str) -> bytes:
    return b"".join([piece async for piece in client.conversations.sound(id, recording=recording)])


async def test_a_gateway_that_is_stopped_sends_its_talks_to_the_other(house: House) -> None:
    caller = Caller("stopped")
    async with house.client() as client:
        async with caller.line(house.other.server, port=house.port, trust=house.trust):
            await caller.prepare()
            session = await begun(client, caller)
            id, mine = session.conversation, house.holder(session)
            mine.server.process.send_signal(signal.SIGTERM)
            assert (await caller.message("error"))["code"] == "restarting"
            await caller.until(lambda: caller.closed[0])
            assert caller.closed == (1012, "restarting")
        await goes_on(house, caller)
        _, turns = await conversation(client, id)
        assert [turn.reply for turn in turns] == [1, 2]
        assert turns[1].heard == SECOND
    assert mine.server.process.wait(20) == 0
    mine.gone()
    await asyncio.to_thread(mine.start)
