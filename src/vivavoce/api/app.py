"""The REST API as one ASGI application, made of sections; everything under `/api`."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException

from vivavoce import __version__
from vivavoce.api.documents import SECURITY
from vivavoce.api.idempotency import Idempotency
from vivavoce.api.models import ProblemDetails
from vivavoce.api.route import GuardedRoute
from vivavoce.api.routing import Routes, Section, declared
from vivavoce.channels.problems import Problem, problem, problem_of
from vivavoce.errors import VivavoceError

log = logging.getLogger(__name__)

ABOUT: Final = """\
Accounts, apps, conversations, the audit log and the settings of a Vivavoce server. Talking itself goes over WebSockets
(docs/protocol.md).

* Show who you are by `Authorization: Bearer …`; browsers refresh it with a cookie at `/api/auth/refresh`.
* Errors are problem details (RFC 9457) with a `code` that programs can rely on.
* Lists come in pages: give `next` back as `cursor`.
* Changing something takes `If-Match` with its ETag; creating something takes an `Idempotency-Key`.
* Times are RFC 3339 in UTC with milliseconds.
"""


class DocumentApi:
    """The document of this API."""

    routes = Routes("/api", "document")

    def __init__(self) -> None:
        self.text: dict[str, Any] = {}

    @routes.get("/openapi.json", permission="known")
    async def openapi(self) -> dict[str, Any]:
        """This document."""
        return self.text


def api_app(sections: Iterable[Section], idempotency: Idempotency | None) -> FastAPI:
    """The application. Raises ConfigError when a route has no declared permission.

    It expects a door in front, which leaves `principal` and `request_id` in the scope's state; without one everybody
    is nobody, and only public routes answer.
    """
    app = FastAPI(title="Vivavoce", version=__version__, openapi_url=None, redirect_slashes=False)
    document = DocumentApi()
    for section in (*sections, document):
        for one in section.routes.declared:
            app.router.routes.append(GuardedRoute(one, getattr(section, one.name), idempotency))
    declared(app.routes)
    app.add_exception_handler(VivavoceError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _fault)
    document.text = openapi(app)
    return app


def openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the application."""
    text = get_openapi(title="Vivavoce", version=__version__, description=ABOUT, routes=app.routes)
    components = text.setdefault("components", {})
    components["securitySchemes"] = SECURITY
    components.setdefault("schemas", {})[ProblemDetails.__name__] = ProblemDetails.model_json_schema()
    text["security"] = [{"bearer": []}]
    # FastAPI documents its own form of a failed validation; ours are problem details.
    for name in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(name, None)
    components["responses"] = _shared(text["paths"])
    return text


def _shared(paths: dict[str, Any]) -> dict[str, Any]:
    """The failures, each described once; the operations then point to them."""
    found: dict[str, Any] = {}
    for operations in paths.values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if int(status) >= HTTPStatus.BAD_REQUEST:
                    name = f"Problem{status}"
                    found.setdefault(name, response)
                    operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}
    return dict(sorted(found.items()))


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, VivavoceError)
    made = problem_of(error)
    if made.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("a request failed: %s", error.code, exc_info=error)
    return made.response()


async def _invalid(request: Request, error: Exception) -> Response:
    """What was wrong with which field; what was given is not repeated, since it may be a password."""
    assert isinstance(error, RequestValidationError)
    fields = {_place(one["loc"]): str(one["msg"]) for one in error.errors()}
    detail = "; ".join(f"{name}: {why}" for name, why in fields.items())
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "bad_input", detail, fields=fields).response()


def _place(where: Iterable[str | int]) -> str:
    """`modes.0` for a field of the body, `limit` for a parameter; `body` for the whole of it."""
    first, *rest = where
    return ".".join(str(one) for one in rest) or str(first)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    words = "there is no such route" if status == HTTPStatus.NOT_FOUND else status.description or status.phrase
    return problem(status, status.name.lower(), words, error.headers)


async def _fault(request: Request, error: Exception) -> Response:
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "a fault on our side")
