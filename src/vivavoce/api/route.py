"""One route at work: the permission, the body, the handler, and what is the same for all answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request, Response
from fastapi.datastructures import Default
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from vivavoce.api import strict
from vivavoce.api.conditions import body_tag
from vivavoce.api.context import principal_of
from vivavoce.api.documents import operation, responses
from vivavoce.api.idempotency import Answer, Asked, Idempotency
from vivavoce.api.routing import BODY_BYTES, JSON, Declared
from vivavoce.channels.cached import unchanged
from vivavoce.errors import BadInput, Closed

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

_KEPT_HEADERS: Final = frozenset({"etag", "location", "content-type"})


class StrictRequest(Request):
    """A request whose body was read within bounds, and whose JSON means one thing only."""

    async def read(self, expected: bool) -> None:
        """Raises BadInput: too large, no JSON, or a body where none belongs."""
        if "%00" in self.scope.get("query_string", b"").decode("latin-1"):
            raise BadInput("the query holds a NUL character")
        body = self._body = await self._bounded()
        if not body or not expected:
            return
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise BadInput("send the body as `Content-Type: application/json`", code="media_type")
        self._json = strict.parse(body)

    async def _bounded(self) -> bytes:
        body = bytearray()
        try:
            async for chunk in self.stream():
                body += chunk
                if len(body) > BODY_BYTES:
                    raise BadInput(f"the body is larger than {BODY_BYTES >> 10} KiB", code="too_large")
        except ClientDisconnect as error:
            raise Closed("the client went away before its request was whole") from error
        return bytes(body)


class GuardedRoute(APIRoute):
    """A declared route, bound to what answers it. `idempotency` is only needed where `declaration.once`."""

    def __init__(
        self,
        declaration: Declared,
        endpoint: Callable[..., Awaitable[Any]],
        idempotency: Idempotency | None,
    ) -> None:
        self.declaration = declaration
        self._idempotency = idempotency
        raw = declaration.media != JSON
        super().__init__(
            declaration.path,
            endpoint,
            methods=[declaration.method],
            status_code=declaration.status,
            tags=[declaration.tag],
            name=declaration.name,
            operation_id=declaration.name,
            responses=responses(declaration),
            openapi_extra=operation(declaration),
            response_model=None if raw else Default(None),
            response_class=Response if raw else Default(JSONResponse),
        )

    def get_route_handler(self) -> Handler:
        inner = super().get_route_handler()
        declaration = self.declaration

        async def handler(given: Request) -> Response:
            request = StrictRequest(given.scope, given.receive)
            declaration.admit(principal_of(request))
            await request.read(expected=self.body_field is not None)
            if declaration.once and (key := request.headers.get("idempotency-key")) is not None:
                return await self._once(request, key, inner)
            answer = await inner(request)
            return _tagged(request, answer) if declaration.cached else answer

        return handler

    async def _once(self, request: StrictRequest, key: str, inner: Handler) -> Response:
        principal = principal_of(request)
        assert principal is not None, "only the signed-in create things"
        assert self._idempotency is not None
        body = await request.body()

        async def work() -> Answer:
            made = await inner(request)
            headers = [(name, value) for name, value in made.headers.items() if name in _KEPT_HEADERS]
            return Answer(made.status_code, headers, bytes(made.body))

        what = f"{request.method} {request.url.path}\n".encode() + body
        answer = await self._idempotency.once(Asked(principal.user, key, what), work)
        return Response(answer.body, answer.status, dict(answer.headers))


def _tagged(request: Request, answer: Response) -> Response:
    """The answer with its ETag, or 304 for somebody who has it."""
    if answer.status_code != HTTPStatus.OK:
        return answer
    tag = answer.headers.get("etag") or body_tag(bytes(answer.body))
    if unchanged(request.headers.getlist("if-none-match"), tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    answer.headers["ETag"] = tag
    return answer
