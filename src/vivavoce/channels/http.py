"""HTTP beside the WebSockets: health, metrics, status, the console. One ASGI application."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from vivavoce.channels.access import Access
from vivavoce.channels.guard import Guard
from vivavoce.channels.limits import HttpLimits
from vivavoce.channels.metrics import CONTENT_TYPE, Metrics
from vivavoce.channels.page import FOLDER, Console
from vivavoce.channels.problems import problem
from vivavoce.channels.readiness import Readiness
from vivavoce.channels.requests import HttpProtocol
from vivavoce.channels.websocket import Gateway


@dataclass(frozen=True, slots=True)
class Status:
    """What is in use, for the console and for people."""

    version: str
    heard: tuple[str, ...] = ()
    """Languages that are understood, and those that are spoken."""
    spoken: tuple[str, ...] = ()
    backends: Mapping[str, str] = field(default_factory=dict)
    """Port → name of the back-end: `{"asr": "pocketsphinx"}`."""
    sends_to: tuple[str, ...] = ()
    """Hosts that speech is sent to."""
    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Language → a few sentences to try."""


def http_app(
    access: Access,
    readiness: Readiness,
    metrics: Metrics,
    status: Callable[[], Status],
    console: Path = FOLDER,
) -> Starlette:
    """The application. `status` is asked at each request, so it may change while models are loaded."""
    health = _health(readiness)

    async def show_metrics(_: Request) -> Response:
        return Response(metrics.render(), media_type=CONTENT_TYPE)

    async def show_status(_: Request) -> Response:
        return JSONResponse({**asdict(status()), "state": readiness.phase, "what": readiness.what})

    async def live(_: Request) -> Response:
        # Asks nothing but this loop: a dependency that is away must not get the process killed.
        return JSONResponse({"status": "ok"})

    async def upgrade_only(_: Request) -> Response:
        return problem(HTTPStatus.UPGRADE_REQUIRED, "upgrade", "this is a WebSocket", {"Upgrade": "websocket"})

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/health/ready", health),
            Route("/health/live", live),
            Route("/metrics", show_metrics),
            Route("/status", show_status),
            Route("/ws/{path:path}", upgrade_only),
            Route("/{path:path}", Console(console).__call__),
        ],
        middleware=[Middleware(Guard, access=access)],
        exception_handlers={HTTPException: _http_error, 500: _fault},
    )


def uvicorn_options(gateway: Gateway, limits: HttpLimits) -> dict[str, Any]:
    """Options of uvicorn.Config that this application and its WebSockets rely on."""
    return {
        "http": partial(HttpProtocol, limits),
        "ws": gateway.protocol,
        "lifespan": "off",
        "timeout_keep_alive": 75,
        "server_header": False,
        "proxy_headers": False,
        # Addresses and query strings are not logged.
        "access_log": False,
    }


def _health(readiness: Readiness) -> Callable[[Request], Any]:
    async def health(_: Request) -> Response:
        if readiness.open:
            return JSONResponse({"status": "ok"})
        body = {"status": readiness.phase, "what": readiness.what}
        return JSONResponse(body, HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "2"})

    return health


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    return problem(status, status.name.lower(), status.description or status.phrase, error.headers)


async def _fault(_: Request, error: Exception) -> Response:
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "a fault on our side")
