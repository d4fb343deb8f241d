"""The whole error tree. What a peer may see carries a `code` from the closed list of docs/protocol.md.

    VivavoceError
    ├── ConfigError              a setting is unknown, malformed or impossible; names the key
    ├── BadInput                 the peer sent something wrong; the session goes on
    │   ├── BadAudio             undecodable, odd byte count, unknown container
    │   ├── WrongOrder           a message that makes no sense now
    │   ├── Missing              no such thing, or somebody else's: the two look the same
    │   └── Conflict             it has changed, or is there already
    ├── Refused                  not now or not you; closes the connection, `retry_after_s` where waiting helps
    │   ├── Unauthorised         who you are is not known, or not any more
    │   └── RateLimited          more than the limit allows
    ├── LimitReached             an utterance, reply, wait or session came to its limit
    ├── BackendError             a model or service failed
    │   ├── BackendTimeout       it did not answer within its limit
    │   ├── BackendBusy          it is well, but has more to do than it can
    │   └── BackendUnavailable   it is not installed, not configured or not reachable
    ├── StorageError             database, cache, bus or blobs
    │   ├── StorageUnavailable   not reachable now; nothing was changed
    │   └── StorageFull          no room left; nothing was changed
    └── Closed                   the thing was closed while in use (an ordinary end, not a fault)

Foreign exceptions are translated at the edge of the room that calls the library (see `translating`
in inference/translate.py and audio/translate.py); none of them crosses a room boundary.
"""

from __future__ import annotations

from collections.abc import Mapping


class VivavoceError(Exception):
    """Root of all errors raised on purpose. `code` is stable and safe to show; `message` is for people."""

    code: str = "internal"
    retryable: bool = False

    def __init__(self, message: str = "", *, code: str | None = None) -> None:
        super().__init__(message or self.__doc__ or "")
        self.message = message
        if code is not None:
            self.code = code


class ConfigError(VivavoceError):
    """A setting is unknown, malformed or impossible."""

    code = "config"


class BadInput(VivavoceError):
    """The peer sent something that cannot be used; nothing was changed. `fields`: which of it, and why, for people."""

    code = "bad_input"

    def __init__(self, message: str = "", *, code: str | None = None, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message, code=code)
        self.fields: dict[str, str] = dict(fields or {})


class BadAudio(BadInput):
    """Sound that cannot be decoded."""

    code = "bad_audio"


class WrongOrder(BadInput):
    """A message that makes no sense in this state."""

    code = "wrong_order"


class Missing(BadInput):
    """There is no such thing here. Somebody else's looks just the same."""

    code = "not_found"


class Conflict(BadInput):
    """It has changed meanwhile, or is there already; nothing was changed."""

    code = "conflict"


class Refused(VivavoceError):
    """Not now, or not you. `retry_after_s` says when waiting helps."""

    code = "forbidden"

    def __init__(self, message: str = "", *, code: str | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s
        self.retryable = retry_after_s is not None


class Unauthorised(Refused):
    """Who is asking is not known, or not any more: sign in again."""

    code = "unauthorised"


class RateLimited(Refused):
    """More requests than the limit allows."""

    code = "rate_limited"


class LimitReached(VivavoceError):
    """An utterance, a reply, a wait or a session came to its limit."""

    code = "session_limit"


class BackendError(VivavoceError):
    """A model or service failed. `code` is one of `asr_failed`, `llm_failed`, `tts_failed`, `tool_failed`."""

    code = "internal"
    retryable = True


class BackendTimeout(BackendError):
    """A model or service did not answer within its limit."""


class BackendBusy(BackendError):
    """A model or service is well, but has more to do than it can. Trying again at once would add to that."""

    retryable = False


class BackendUnavailable(BackendError):
    """A model or service is not installed, not configured or not reachable."""

    retryable = False


class StorageError(VivavoceError):
    """The database, the cache, the bus or the blobs failed."""

    code = "storage_failed"


class StorageUnavailable(StorageError):
    """It cannot be reached now. Nothing was changed; later it may work."""

    code = "storage_unavailable"
    retryable = True


class StorageFull(StorageError):
    """There is no room left. Nothing was changed."""

    code = "storage_full"


class Closed(VivavoceError):
    """The thing was closed while it was in use."""

    code = "stopped"
