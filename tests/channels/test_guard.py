from __future__ import annotations

from http import HTTPStatus

import httpx
import pytest
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from vivavoce.channels.access import Access
from vivavoce.channels.guard import Guard, page_policy
from vivavoce.channels.problems import problem


async def answer_of(app: ASGIApp, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(Guard(app, Access()))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.get("/", headers=headers)


async def test_every_answer_carries_the_headers() -> None:
    for app in (JSONResponse({}), problem(HTTPStatus.NOT_FOUND, "not_found", "")):
        headers = (await answer_of(app)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["permissions-policy"] == (
            "microphone=(self), camera=(self), display-capture=(self), geolocation=(), usb=()"
        )
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


async def test_a_refusal_carries_them_too_and_asks_nobody_else() -> None:
    async def never(*_: object) -> None:
        pytest.fail("a refused request must not reach the application")

    answer = await answer_of(never, host="evil.example")
    assert answer.status_code == 403
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_what_a_page_sets_itself_stays() -> None:
    headers = {"Content-Security-Policy": page_policy("n"), "Cache-Control": "no-cache"}
    answer = await answer_of(Response(headers=headers))
    assert answer.headers["content-security-policy"] == page_policy("n")
    assert answer.headers["cache-control"] == "no-cache"


def test_the_page_may_load_only_from_here_and_style_itself_only_by_nonce() -> None:
    assert page_policy("abc") == (
        "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self' 'nonce-abc'; "
        "img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self'; "
        "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
