"""A server that the network reaches is encrypted, by a certificate of its own, and by nothing that is out of date."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import websockets

from journeys.server import VIVAVOCE, Server, serving
from vivavoce.client import VivavoceClient
from vivavoce.client.pinning import trusting
from vivavoce.errors import BackendUnavailable, Refused

pytestmark = pytest.mark.journey

SCRIPTED = [word for part in ("vad", "asr", "llm", "tts") for word in ("-s", f"{part}.backend=scripted")]
ANYWHERE = ("-s", "server.host=0.0.0.0")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server"), *SCRIPTED, *ANYWHERE) as server:
        yield server


def address(server: Server) -> str:
    return f"https://127.0.0.1:{server.port}"


def printed(server: Server) -> str:
    """The fingerprint that it told whoever started it."""
    found = re.search(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}", server.told)
    assert found, server.told
    return found[0]


async def test_who_compares_the_printed_fingerprint_reads_the_page_signs_in_and_talks(server: Server) -> None:
    trust = trusting(address(server), printed(server))
    async with httpx.AsyncClient(verify=trust) as browser:
        assert "<title>" in (await browser.get(address(server))).text
    async with VivavoceClient(address(server), trust=trust) as client:
        signed_in = await client.sign_in_by_link(server.link(at=address(server)))
        assert (await client.me.get()).user == signed_in.user
        shown = {"Authorization": f"Bearer {client.bearer}"}
        where = f"wss://127.0.0.1:{server.port}/ws/duplex/encrypted"
        async with websockets.connect(where, ssl=trust, additional_headers=shown) as socket:
            await socket.send('{"type": "prepare"}')
            told = [json.loads(await socket.recv())["type"] for _ in range(2)]
            assert told == ["queue_done", "prepared"]


async def test_who_does_not_trust_it_sends_nothing(server: Server) -> None:
    with pytest.raises(Refused, match="another certificate"):
        trusting(address(server), "00" * 32)
    async with VivavoceClient(address(server), token="vv_never-sent") as client:
        with pytest.raises(BackendUnavailable):
            await client.me.get()
    async with httpx.AsyncClient() as plain:
        with pytest.raises(httpx.RemoteProtocolError):
            await plain.get(f"http://127.0.0.1:{server.port}")


def test_old_versions_of_tls_are_refused(server: Server) -> None:
    openssl = shutil.which("openssl")
    assert openssl, "this journey needs openssl"

    def shakes_hands(*options: str) -> bool:
        command = [openssl, "s_client", "-connect", f"127.0.0.1:{server.port}", *options]
        done = subprocess.run(command, input=b"", capture_output=True, timeout=20)
        return b"Server certificate" in done.stdout

    # At the lowest level of security, so that it is the server that refuses.
    assert not shakes_hands("-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    assert not shakes_hands("-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0")
    assert shakes_hands("-tls1_2")
    assert shakes_hands("-tls1_3")


def test_the_certificate_is_made_once(tmp_path: Path) -> None:
    with serving(tmp_path, *SCRIPTED, *ANYWHERE) as first:
        assert first.end() == 0
    with serving(tmp_path, *SCRIPTED, *ANYWHERE) as again:
        assert printed(again) == printed(first)


def test_plain_http_for_the_network_is_refused(tmp_path: Path) -> None:
    own = ("-s", f"data.folder={tmp_path / 'data'}")
    command = [*VIVAVOCE, "serve", "--port", "0", "--host", "0.0.0.0", "--no-tls", *own, *SCRIPTED]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "without TLS everybody on the way" in done.stderr
    assert "trusted_proxies" in done.stderr
    assert not (tmp_path / "data").exists()
