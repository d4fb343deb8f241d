"""HTTP beside the WebSockets: health, metrics, status, the console, and the API behind them. One ASGI application."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from vivavoce.accounts.principal import Principal
from vivavoce.channels.census import Census
from vivavoce.channels.door import Door, Rules
from vivavoce.channels.guard import Guard, Timed
from vivavoce.channels.limits import HttpLimits
from vivavoce.channels.metrics import CONTENT_TYPE, Metrics
from vivavoce.channels.page import FOLDER, Console
from vivavoce.channels.problems import problem
from vivavoce.channels.readiness import Readiness
from vivavoce.channels.requests import HttpProtocol
from vivavoce.channels.websocket import Gateway
from vivavoce.storage.cache.port import Cache


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


class Api:
    """The application below `/api/`, and how its routes were declared."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self.app = app
        self.rules = rules


class _NoApi:
    """Where there are no accounts there is no API."""

    def find(self, method: str, path: str) -> None:
        return None


def http_app(guarded: Guarded, pages: ASGIApp, api: Api | None = None) -> ASGIApp:
    """`pages` and the API behind the guard; each path goes to one of them."""
    if api is None:
        return Guard(pages, guarded.door, _NoApi(), guarded.cache, hsts=guarded.hsts, timed=guarded.timed)
    api_app = api.app

    async def either(scope: Scope, receive: Receive, send: Send) -> None:
        await (api_app if scope["path"].startswith("/api/") else pages)(scope, receive, send)

    return Guard(either, guarded.door, api.rules, guarded.cache, hsts=guarded.hsts, timed=guarded.timed)


@dataclass(frozen=True, slots=True)
class Guarded:
    """What the guard needs."""

    door: Door
    cache: Cache
    hsts: bool = False
    """The certificate comes from a known authority."""
    timed: Timed | None = None
    """Hears of each answer (a histogram)."""


def pages(
    readiness: Readiness,
    metrics: Metrics,
    status: Callable[[], Status],
    console: Path = FOLDER,
) -> Starlette:
    """Everything but the API. `status` is asked at each request, so it may change while models are loaded."""
    health = _health(readiness)

    async def show_metrics(request: Request) -> Response:
        principal = _principal(request)
        if principal is None:
            return problem(HTTPStatus.UNAUTHORIZED, "unauthorised", "send a token", {"WWW-Authenticate": "Bearer"})
        if not principal.may("metrics"):
            return problem(HTTPStatus.FORBIDDEN, "forbidden", "this needs the permission `metrics`")
        return Response(metrics.render(), media_type=CONTENT_TYPE)

    async def show_status(request: Request) -> Response:
        # What runs here, and where speech is sent, is nobody's business who may not talk here.
        own = asdict(status()) if _principal(request) else {}
        return JSONResponse({**own, "state": readiness.phase, "what": readiness.what})

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
        exception_handlers={HTTPException: _http_error, 500: _fault},
    )


def metrics_app(metrics: Metrics) -> ASGIApp:
    """`/metrics` without a token, for a port that listens on 127.0.0.1 only."""

    async def show(_: Request) -> Response:
        return Response(metrics.render(), media_type=CONTENT_TYPE)

    return Starlette(routes=[Route("/metrics", show)], exception_handlers={HTTPException: _http_error, 500: _fault})


def uvicorn_options(gateway: Gateway, limits: HttpLimits, census: Census) -> dict[str, Any]:
    """Options of uvicorn.Config that this application and its WebSockets rely on."""
    return {
        "http": partial(HttpProtocol, limits, census, gateway),
        "ws": gateway.protocol,
        "lifespan": "off",
        "timeout_keep_alive": 75,
        "server_header": False,
        "proxy_headers": False,
        # Addresses and query strings are not logged.
        "access_log": False,
    }


def _principal(request: Request) -> Principal | None:
    """As the guard found it."""
    found: Principal | None = request.scope["state"]["principal"]
    return found


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
