"""ETags and what is asked about them (RFC 9110 §13): read again only what has changed, change only what was read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final

from fastapi import Depends, Request
from starlette.responses import Response

from vivavoce.errors import BadInput, Conflict

_VERSION: Final = re.compile(r'"(\d{1,18})"')


def version_tag(version: int) -> str:
    """The ETag of an object that counts its versions."""
    return f'"{version}"'


def set_version(response: Response, version: int) -> None:
    response.headers["ETag"] = version_tag(version)


def body_tag(body: bytes) -> str:
    """The ETag of an answer that has no version, such as a list."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


async def _expected(request: Request) -> int:
    given = request.headers.get("if-match")
    if given is None:
        raise BadInput(
            "send `If-Match` with the ETag that you read, so that nobody's change is lost", code="precondition_required"
        )
    found = _VERSION.fullmatch(given.strip())
    if found is None:
        raise changed()
    return int(found[1])


Expected = Annotated[int, Depends(_expected)]
"""Parameter of a handler: the version that the caller has read."""


def changed() -> Conflict:
    """412: somebody was quicker."""
    return Conflict("it has changed since you read it; read it again", code="changed")


@contextmanager
def preconditioned() -> Iterator[None]:
    """Inside, a conflict means that the version has changed."""
    try:
        yield
    except Conflict as error:
        raise changed() from error
