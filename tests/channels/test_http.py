from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from channels.people import Entrance, person
from vivavoce.channels.http import Guarded, Status, http_app, metrics_app, pages
from vivavoce.channels.metrics import Metrics
from vivavoce.channels.readiness import Readiness

STATUS = Status(
    version="1.2.3",
    heard=("en",),
    spoken=("en", "zh"),
    backends={"asr": "pocketsphinx"},
    examples={"en": ("what time is it",)},
)


class House:
    """The application with what it is made of."""

    def __init__(self, console: Path) -> None:
        self.readiness = Readiness()
        self.metrics = Metrics()
        entrance = Entrance(person("olga", "operator"), person("uli"))
        app = http_app(
            Guarded(entrance.door, entrance.cache), pages(self.readiness, self.metrics, lambda: STATUS, console)
        )
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8006")


@asynccontextmanager
async def house(console: Path = Path("/nowhere")) -> AsyncIterator[House]:
    made = House(console)
    async with made.client:
        yield made


async def test_health_is_503_until_everything_is_loaded_and_again_while_draining() -> None:
    async with house() as made:
        made.readiness.loading("the recogniser")
        answer = await made.client.get("/health")
        assert (answer.status_code, answer.json()) == (503, {"status": "loading", "what": "the recogniser"})
        assert "retry-after" in answer.headers
        made.readiness.ready()
        for path in ("/health", "/health/ready"):
            answer = await made.client.get(path)
            assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        made.readiness.drain()
        assert (await made.client.get("/health/ready")).status_code == 503


async def test_liveness_ignores_everything_but_this_process() -> None:
    async with house() as made:
        assert (await made.client.get("/health/live")).status_code == 200


OLGA = {"Authorization": "Bearer token-of-olga"}
ULI = {"Authorization": "Bearer token-of-uli"}


async def test_strangers_are_told_the_state_alone() -> None:
    async with house() as made:
        assert (await made.client.get("/status")).json() == {"state": "loading", "what": "starting"}


async def test_who_may_come_in_is_told_what_is_in_use() -> None:
    async with house() as made:
        assert (await made.client.get("/status", headers=ULI)).json() == {
            "version": "1.2.3",
            "heard": ["en"],
            "spoken": ["en", "zh"],
            "backends": {"asr": "pocketsphinx"},
            "sends_to": [],
            "examples": {"en": ["what time is it"]},
            "state": "loading",
            "what": "starting",
        }


async def test_metrics_are_in_the_format_that_prometheus_reads() -> None:
    async with house() as made:
        made.metrics.error("bad_json")
        answer = await made.client.get("/metrics", headers=OLGA)
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert 'vivavoce_errors_total{code="bad_json"} 1.0' in answer.text


async def test_metrics_need_the_permission() -> None:
    async with house() as made:
        assert (await made.client.get("/metrics")).status_code == 401
        assert (await made.client.get("/metrics", headers=ULI)).status_code == 403


async def test_on_their_own_port_metrics_need_none() -> None:
    transport = httpx.ASGITransport(metrics_app(Metrics()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:9464") as client:
        assert "vivavoce_sessions" in (await client.get("/metrics")).text
        assert (await client.get("/status")).status_code == 404


async def test_a_websocket_path_by_http_says_what_it_is() -> None:
    async with house() as made:
        answer = await made.client.get("/ws/duplex/a-session")
        assert (answer.status_code, answer.headers["upgrade"]) == (426, "websocket")


@pytest.mark.parametrize("path", ["/health", "/metrics", "/status", "/", "/ws/duplex/a-session", "/nothing"])
async def test_foreign_hosts_and_origins_get_403_everywhere(path: str) -> None:
    async with house() as made:
        for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
            answer = await made.client.get(path, headers=headers)
            assert answer.status_code == 403
            assert answer.json()["code"] == "forbidden"


async def test_errors_are_problem_details() -> None:
    async with house() as made:
        answer = await made.client.get("/nothing.js")
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        answer = await made.client.post("/health")
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


async def test_a_fault_is_answered_without_its_words() -> None:
    def broken() -> Status:
        raise ZeroDivisionError("secret")

    entrance = Entrance(guests=True)
    app = http_app(Guarded(entrance.door, entrance.cache), pages(Readiness(), Metrics(), broken))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/status")
        assert (answer.status_code, answer.json()["code"]) == (500, "internal")
        assert "secret" not in answer.text
