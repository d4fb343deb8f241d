"""Errors over HTTP: problem details (RFC 9457) with our stable `code`; for pages, upgrades and broken requests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from starlette.responses import Response

MEDIA_TYPE: Final = "application/problem+json"


def details(status: HTTPStatus, code: str, detail: str) -> bytes:
    """The body."""
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "code": code, "detail": detail}
    return json.dumps(body).encode()


def problem(status: HTTPStatus, code: str, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """The same as an answer of the application."""
    return Response(details(status, code, detail), status.value, headers, media_type=MEDIA_TYPE)
