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
    BackendBusy,
    BackendError,
    BackendTimeout,
    BadInput,
    Closed,
    Conflict,
    LimitReached,
    Missing,
    RateLimited,
    Refused,
    StorageError,
    StorageFull,
    StorageUnavailable,
    Unauthorised,
    VivavoceError,
)

MEDIA_TYPE: Final = "application/problem+json"

_BY_CODE: Final[Mapping[str, HTTPStatus]] = {
    "bad_json": HTTPStatus.BAD_REQUEST,
    "too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "media_type": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "changed": HTTPStatus.PRECONDITION_FAILED,
    "precondition_required": HTTPStatus.PRECONDITION_REQUIRED,
    "busy": HTTPStatus.SERVICE_UNAVAILABLE,
    "loading": HTTPStatus.SERVICE_UNAVAILABLE,
    "draining": HTTPStatus.SERVICE_UNAVAILABLE,
    "overloaded": HTTPStatus.SERVICE_UNAVAILABLE,
    "range": HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
}
_BY_KIND: Final[tuple[tuple[type[VivavoceError], HTTPStatus], ...]] = (
    (Unauthorised, HTTPStatus.UNAUTHORIZED),
    (RateLimited, HTTPStatus.TOO_MANY_REQUESTS),
    (Refused, HTTPStatus.FORBIDDEN),
    (Missing, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.CONFLICT),
    (BadInput, HTTPStatus.UNPROCESSABLE_ENTITY),
    (LimitReached, HTTPStatus.CONFLICT),
    (BackendTimeout, HTTPStatus.GATEWAY_TIMEOUT),
    (BackendBusy, HTTPStatus.SERVICE_UNAVAILABLE),
    (BackendError, HTTPStatus.BAD_GATEWAY),
    (StorageUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (StorageFull, HTTPStatus.INSUFFICIENT_STORAGE),
    (StorageError, HTTPStatus.INTERNAL_SERVER_ERROR),
    (Closed, HTTPStatus.SERVICE_UNAVAILABLE),
)
"""The nearest kind comes first."""
_WAIT_S: Final = 2.0
"""What `Retry-After` says where nothing better is known."""


class Problem(Exception):
    """An answer instead of the one that was asked for. Raised inside the door, never past it."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        headers: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> None:
        """`fields` says what is wrong with which field of the request."""
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.fields = dict(fields or {})

    @property
    def body(self) -> bytes:
        return details(self.status, self.code, self.detail, self.fields)

    def response(self) -> Response:
        return Response(self.body, self.status.value, self.headers, media_type=MEDIA_TYPE)


def details(status: HTTPStatus, code: str, detail: str, fields: Mapping[str, str] | None = None) -> bytes:
    """The body. The id of the request is in it where the guard has given one."""
    body: dict[str, object] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "code": code,
        "detail": detail,
    }
    if name := request_id.current.get():
        body["request_id"] = name
    if fields:
        body["fields"] = dict(fields)
    return json.dumps(body).encode()


def problem(status: HTTPStatus, code: str, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """The same as an answer of the application."""
    return Problem(status, code, detail, headers).response()


def status_of(error: VivavoceError) -> HTTPStatus:
    """The status for an error of ours; 500 for one that should not have come so far."""
    if error.code in _BY_CODE:
        return _BY_CODE[error.code]
    return next((status for kind, status in _BY_KIND if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)


def problem_of(error: VivavoceError) -> Problem:
    """The whole answer, with `Retry-After` and `WWW-Authenticate` where they belong."""
    status = status_of(error)
    headers: dict[str, str] = {}
    wait = error.retry_after_s if isinstance(error, Refused) else None
    if wait is None and status == HTTPStatus.SERVICE_UNAVAILABLE:
        wait = _WAIT_S
    if wait is not None:
        headers["Retry-After"] = str(max(1, ceil(wait)))
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:  # what went wrong inside is for the log, not for a stranger
        return Problem(status, error.code, "a fault on our side", headers)
    return Problem(status, error.code, error.message, headers, error.fields if isinstance(error, BadInput) else None)
