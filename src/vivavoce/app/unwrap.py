"""Errors out of task groups, which wrap even what their own body raises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unwrapped() -> Iterator[None]:
    """An error that is alone in its groups comes out as itself; several stay together."""
    try:
        yield
    except BaseExceptionGroup as group:
        error = _only(group)
        if error is group:
            raise
        raise error from error.__cause__


def _only(error: BaseException) -> BaseException:
    inner = error
    while isinstance(inner, BaseExceptionGroup):
        if len(inner.exceptions) > 1:
            return error
        inner = inner.exceptions[0]
    return inner
