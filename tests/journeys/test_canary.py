"""A sentence, a password and tokens that would be known anywhere go through a whole server, and are then looked for."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from journeys.caller import Caller
from journeys.server import VIVAVOCE, Server, serving
from vivavoce.client import VivavoceClient
from vivavoce.testing.openai_server import OpenAIServer

pytestmark = pytest.mark.journey

SAID = "zanzibar quokka marmalade"
ANSWERED = "Tourmaline axolotl persimmon."
PASSWORD = "kumquat-obsidian-platypus"
WORDS = (*SAID.split(), "ourmaline", "axolotl", "persimmon")
SCRIPTED = [word for part in ("vad", "asr", "tts") for word in ("-s", f"{part}.backend=scripted")]


class Collector(BaseHTTPRequestHandler):
    """Of OpenTelemetry: keeps what was sent, as text."""

    texts: list[str]
    spans: list[str]

    def do_POST(self) -> None:
        sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
        self.texts.append(str(sent))
        self.spans += [one.name for each in sent.resource_spans for scope in each.scope_spans for one in scope.spans]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Not on the test's terminal."""


@contextmanager
def collecting() -> Iterator[tuple[str, type[Collector]]]:
    kept = type("Kept", (Collector,), {"texts": [], "spans": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), kept) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", kept
        finally:
            server.shutdown()
            thread.join()


async def talked(server: Server) -> list[str]:
    """A person sets a password, signs in by it, and has one conversation with sound; returns the secrets of it."""
    async with VivavoceClient(server.url) as client:
        link = server.link()
        await client.sign_in_by_link(link, PASSWORD)
        me = (await client.sign_in_by_password("admin", PASSWORD)).user
        assert client.bearer
        ticket = await client.ticket("/ws")
        await client.me.change(me.version, recording=True)
        caller = Caller("canary")
        async with caller.line(server):
            await caller.prepare()
            await caller.send("text", text=SAID)
            await caller.message("reply_done")
            await caller.send("stop")
            await caller.message("stopped")
        metrics = server.get("/metrics")[1]
        assert "vivavoce_sessions" in metrics
        assert not leaks(metrics, WORDS)
        return [link.rpartition("=")[2], client.bearer, ticket, server.token, PASSWORD]


def leaks(text: str, words: tuple[str, ...] | list[str]) -> list[str]:
    return [word for word in words if word in text]


def files(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


@pytest.mark.parametrize("sealed", [False, True], ids=["in the clear", "sealed"])
async def test_nothing_that_was_said_and_no_secret_is_found_where_it_does_not_belong(
    sealed: bool, tmp_path: Path
) -> None:
    keys = tmp_path / "kek"
    with collecting() as (address, collector), OpenAIServer(ANSWERED).in_thread() as models:
        words = [*SCRIPTED, "-s", "llm.backend=openai", "-s", f"llm.base_url={models.base_url}"]
        words += ["-s", "observe.log_level=debug", "-s", "observe.log_format=json", "-s", f"observe.otlp={address}"]
        if sealed:
            made = await asyncio.create_subprocess_exec(*VIVAVOCE, "keys", "new", "-s", f"data.keys={keys}")
            assert await made.wait() == 0
            words += ["-s", f"data.keys={keys}"]
        with serving(tmp_path, *words) as server:
            secrets = await talked(server)
            # A model server whose error repeats what it was asked.
            models.complaint = f"cannot answer «{SAID}»"
            models.trouble["/chat/completions"] = "error"
            broken = Caller("broken")
            async with broken.line(server):
                await broken.prepare()
                await broken.send("text", text=SAID)
                await broken.message("reply_done")
            assert await asyncio.to_thread(server.end, signal.SIGTERM) == 0
    everything = [*WORDS, *secrets]
    assert [json.loads(line) for line in server.log.splitlines()], "there is a log"
    assert not leaks(server.log + server.told, everything)
    assert "llm" in collector.spans
    assert not leaks("".join(collector.texts), everything)
    found = {name for name, data in files(tmp_path / "data").items() if leaks(data.decode("latin-1"), list(WORDS))}
    assert all(name.startswith("vivavoce.db") for name in found)
    assert bool(found) is not sealed
    for name, data in files(tmp_path / "data").items():
        assert not leaks(data.decode("latin-1"), secrets), name
