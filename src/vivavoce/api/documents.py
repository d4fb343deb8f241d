"""What the OpenAPI document says about a route besides its types: who may, what it costs, how it fails."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from vivavoce.api.models import ProblemDetails
from vivavoce.api.routing import JSON, Declared
from vivavoce.channels.problems import MEDIA_TYPE

SECURITY: Final[dict[str, Any]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token (ten minutes, from `/api/auth/…`) or a token for scripts (`vv_…`).",
    }
}

_ALWAYS: Final = (400, 413, 422, 429, 500, 503)
_WORDS: Final[dict[int, str]] = {
    400: "The request cannot be read.",
    401: "Not signed in, or not any more.",
    403: "Not allowed.",
    404: "There is no such thing, or it is somebody else's.",
    409: "It is there already, or it does not go together with what is there.",
    412: "It has changed since it was read.",
    413: "The body is too large.",
    415: "The body is no JSON.",
    422: "A field cannot be used; `fields` says which and why.",
    428: "`If-Match` is missing.",
    429: "Too many requests; `Retry-After` says when to come again.",
    500: "A fault on our side.",
    503: "Not now; `Retry-After` says when to come again.",
}


def responses(declaration: Declared) -> dict[int | str, dict[str, Any]]:
    """Every status but that of success."""
    statuses = {*_ALWAYS, *declaration.errors}
    if not declaration.public:
        statuses |= {401, 403}
    if "{" in declaration.path:
        statuses.add(404)
    if declaration.method in ("POST", "PUT", "PATCH"):
        statuses.add(415)
    if declaration.once:
        statuses.add(409)
    if declaration.conditional:
        statuses |= {412, 428}
    out: dict[int | str, dict[str, Any]] = {
        status: {
            "description": _WORDS.get(status, HTTPStatus(status).phrase),
            "content": {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{ProblemDetails.__name__}"}}},
        }
        for status in sorted(statuses)
    }
    if declaration.media != JSON:
        content = {declaration.media: {"schema": {"type": "string", "format": "binary"}}}
        out[declaration.status] = {"description": "The contents.", "content": content}
    if declaration.cached:
        out[304] = {"description": "As it was when you read it."}
    return out


def operation(declaration: Declared) -> dict[str, Any]:
    """Permission and limit, the conditions as parameters, and whether a token is needed."""
    parameters: list[dict[str, Any]] = []
    if declaration.once:
        parameters.append(
            _header("Idempotency-Key", "Sent again with the same key, it has its effect once (24 h).", False)
            | {"schema": {"type": "string", "minLength": 16, "maxLength": 128, "pattern": "^[!-~]+$"}}
        )
    if declaration.conditional:
        parameters.append(_header("If-Match", "The ETag that was read.", True))
    if declaration.cached:
        parameters.append(_header("If-None-Match", "The ETag that is there already.", False))
    extra: dict[str, Any] = {
        "x-permission": declaration.needs if isinstance(declaration.needs, str) else list(declaration.needs),
        "x-limit": declaration.limit,
        "security": [] if declaration.public else [{"bearer": []}],
    }
    return extra | {"parameters": parameters} if parameters else extra


def _header(name: str, words: str, required: bool) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": required, "description": words, "schema": {"type": "string"}}
