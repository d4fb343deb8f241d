"""What a failed request is answered: problem details (RFC 9457) with our stable `code` and the id of the request."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from vivavoce.channels.problems import MEDIA_TYPE
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

WAIT_S: Final = 2.0
"""What `Retry-After` says where nothing better is known."""


@contextmanager
def about(field: str, **fields: str) -> Iterator[None]:
    """What cannot be used in here is what came in `field`; `fields` are codes that speak of another one."""
    try:
        yield
    except (Missing, Conflict):
        raise
    except BadInput as error:
        if error.fields:
            raise
        named = fields.get(error.code, field)
        raise BadInput(error.message, code=error.code, fields={named: error.message}) from error


def status_of(error: VivavoceError) -> HTTPStatus:
    """The status for an error of ours; 500 for one that should not have come so far."""
    if error.code in _BY_CODE:
        return _BY_CODE[error.code]
    return next((status for kind, status in _BY_KIND if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)


def answer(error: VivavoceError, request_id: str) -> Response:
    """The whole answer, with `Retry-After` and `WWW-Authenticate` where they belong."""
    status = status_of(error)
    headers: dict[str, str] = {}
    wait = getattr(error, "retry_after_s", None)
    if wait is None and status == HTTPStatus.SERVICE_UNAVAILABLE:
        wait = WAIT_S
    if wait is not None:
        headers["Retry-After"] = str(max(1, round(wait + 0.499)))
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    # What went wrong inside is for the log, not for a stranger.
    detail = "a fault on our side" if status == HTTPStatus.INTERNAL_SERVER_ERROR else error.message
    return problem(status, error.code, detail, request_id, fields=getattr(error, "fields", None), headers=headers)


def problem(
    status: HTTPStatus,
    code: str,
    detail: str,
    request_id: str,
    *,
    fields: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    body: dict[str, object] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "code": code,
        "request_id": request_id,
    }
    if fields:
        body["fields"] = dict(fields)
    return Response(json.dumps(body).encode(), status.value, headers, media_type=MEDIA_TYPE)


def request_id(request: Request) -> str:
    """As the door gave it; empty without a door."""
    return str(request.scope.get("state", {}).get("request_id", ""))
