"""Errors of a request, told of the field that they are about. How they are answered: channels/problems.py."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vivavoce.errors import BadInput, Conflict, Missing


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
