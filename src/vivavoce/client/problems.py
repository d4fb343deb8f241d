"""What the server refuses, as the errors of this house, with its code, words and request id."""

from __future__ import annotations

from typing import Final

import httpx
import msgspec

from vivavoce.errors import (
    BackendError,
    BackendUnavailable,
    BadInput,
    Conflict,
    Missing,
    RateLimited,
    Refused,
    StorageError,
    StorageFull,
    StorageUnavailable,
    Unauthorised,
    VivavoceError,
)

MOST: Final = 64 << 10
"""Bytes of a refusal that are read."""


class _Details(msgspec.Struct):
    detail: str = ""
    code: str = ""
    request_id: str = ""
    fields: dict[str, str] = msgspec.field(default_factory=dict)


def problem(response: httpx.Response) -> VivavoceError:
    """The error behind an answer that is not 2xx; its body has been read. `request_id` is a note on the error."""
    try:
        told = msgspec.json.decode(response.content[:MOST], type=_Details)
    except msgspec.DecodeError:
        told = _Details()
    words = told.detail or f"the server answered {response.status_code}"
    error = _error(response.status_code, words, told.code or "internal", told.fields, retry_after(response))
    if told.request_id:
        error.add_note(f"request {told.request_id}")
    return error


def _error(status: int, words: str, code: str, fields: dict[str, str], wait: float | None) -> VivavoceError:
    match status:
        case 401:
            return Unauthorised(words, code=code)
        case 403:
            return Refused(words, code=code)
        case 404:
            return Missing(words, code=code)
        case 409 | 412:
            return Conflict(words, code=code)
        case 429:
            return RateLimited(words, code=code, retry_after_s=wait)
        case 503 if code == "storage_unavailable":
            return StorageUnavailable(words, code=code)
        case 503:
            return Refused(words, code=code, retry_after_s=wait)
        case 507:
            return StorageFull(words, code=code)
        case 502 | 504:
            return BackendError(words, code=code)
        case _ if 400 <= status < 500:
            return BadInput(words, code=code, fields=fields)
        case _:
            return StorageError(words, code=code) if code.startswith("storage") else VivavoceError(words, code=code)


def retry_after(response: httpx.Response) -> float | None:
    """Seconds; None where the server says nothing that can be understood."""
    given = response.headers.get("retry-after", "")
    return float(given) if given.isascii() and given.isdigit() and len(given) < 7 else None


def unreachable(error: httpx.HTTPError | httpx.InvalidURL, address: str) -> BackendUnavailable:
    """Nobody answered, or not in HTTP."""
    return BackendUnavailable(f"{address} does not answer: {str(error) or type(error).__name__}", code="unreachable")
