"""Errors over HTTP: problem details (RFC 9457) with our stable `code`; for pages, upgrades and broken requests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from math import ceil
from typing import Final

from starlette.responses import Response

from vivavoce.channels import request_id
from vivavoce.errors import (
    BadInput,
    Missing,
    RateLimited,
    Refused,
    StorageUnavailable,
    Unauthorised,
    VivavoceError,
)

MEDIA_TYPE: Final = "application/problem+json"

_LATER: Final = frozenset({"loading", "draining", "overloaded", "busy"})
_WAIT_S: Final = 2.0
"""What `Retry-After` says where nothing better is known."""


class Problem(Exception):
    """An answer instead of the one that was asked for. Raised inside the door, never past it."""

    def __init__(self, status: HTTPStatus, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})

    @property
    def body(self) -> bytes:
        return details(self.status, self.code, self.detail)

    def response(self) -> Response:
        return Response(self.body, self.status.value, self.headers, media_type=MEDIA_TYPE)


def details(status: HTTPStatus, code: str, detail: str) -> bytes:
    """The body."""
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "code": code, "detail": detail}
    if name := request_id.current.get():
        body["request_id"] = name
    return json.dumps(body).encode()


def problem(status: HTTPStatus, code: str, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """The same as an answer of the application."""
    return Problem(status, code, detail, headers).response()


def problem_of(error: VivavoceError) -> Problem:
    """The answer to an error of ours at the door; what it does not expect is a fault on our side."""
    wait = error.retry_after_s if isinstance(error, Refused) else None
    headers: dict[str, str] = {}
    match error:
        case Unauthorised():
            status = HTTPStatus.UNAUTHORIZED
            headers["WWW-Authenticate"] = "Bearer"
        case RateLimited():
            status = HTTPStatus.TOO_MANY_REQUESTS
        case Refused() if error.code in _LATER:
            status, wait = HTTPStatus.SERVICE_UNAVAILABLE, wait or _WAIT_S
        case Refused():
            status = HTTPStatus.FORBIDDEN
        case StorageUnavailable():
            status, wait = HTTPStatus.SERVICE_UNAVAILABLE, _WAIT_S
        case Missing():
            status = HTTPStatus.NOT_FOUND
        case BadInput():
            status = HTTPStatus.BAD_REQUEST
        case _:
            return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "a fault on our side")
    if wait is not None:
        headers["Retry-After"] = str(max(1, ceil(wait)))
    return Problem(status, error.code, error.message, headers)
