"""Turns the errors of foreign libraries into ours, at the place where the library is called.

    with translating("the transcription", "asr_failed"):
        response = await http.post(...)

The table names classes instead of importing them, so that a back-end which is not used is not loaded either.
An error that the table does not know is a bug of ours and comes through as it is.
"""

from __future__ import annotations

from types import TracebackType

from vivavoce.errors import BackendError, BackendTimeout, BackendUnavailable

FOREIGN: tuple[tuple[str, type[BackendError], str], ...] = (
    # More special classes first: the first row that names a class of the error's ancestry decides.
    ("builtins.TimeoutError", BackendTimeout, "took too long"),
    ("httpx.TimeoutException", BackendTimeout, "took too long"),
    ("httpx.ConnectError", BackendUnavailable, "could not be reached; is the server running?"),
    ("httpx.UnsupportedProtocol", BackendUnavailable, "needs an address that begins with http:// or https://"),
    ("httpx.InvalidURL", BackendUnavailable, "has an address that cannot be used"),
    ("httpx.HTTPError", BackendError, "failed on the way"),
    ("httpx.StreamError", BackendError, "was cut off"),
    ("httpx.CookieConflict", BackendError, "failed on the way"),
    ("json.decoder.JSONDecodeError", BackendError, "answered with malformed JSON"),
    ("msgspec.DecodeError", BackendError, "answered with something unexpected"),
    ("builtins.UnicodeError", BackendError, "answered with malformed text"),
    (
        "onnxruntime.capi.onnxruntime_pybind11_state.NoSuchFile",
        BackendUnavailable,
        "needs a model file that is missing",
    ),
    ("onnxruntime.capi.onnxruntime_pybind11_state.InvalidProtobuf", BackendUnavailable, "has a damaged model file"),
    ("builtins.ImportError", BackendUnavailable, "needs a package that is not installed"),
    ("builtins.FileNotFoundError", BackendUnavailable, "needs a file that is missing"),
    ("builtins.PermissionError", BackendUnavailable, "may not read a file that it needs"),
    ("builtins.ConnectionRefusedError", BackendUnavailable, "could not be reached; is the server running?"),
    ("builtins.OSError", BackendError, "failed in the operating system"),
)
ONNXRUNTIME = "onnxruntime.capi.onnxruntime_pybind11_state"
"""Every error of this module is one of a model run; it has no base class of its own."""


class translating:  # noqa: N801 - read as a verb, like contextlib.suppress
    """Raise BackendError (or its child that fits) with `code` for foreign errors of the block.

    `doing` begins the sentence of the message. Errors of ours pass, with `code` when they have none of their own.
    The message never quotes the foreign one, which may hold what a person said, a key or a path; it is the cause.
    """

    __slots__ = ("_code", "_doing")

    def __init__(self, doing: str, code: str) -> None:
        self._doing = doing
        self._code = code

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: TracebackType | None) -> None:
        if isinstance(error, BackendError):
            coded(error, self._code)
        elif error is not None:
            ours = translated(error, self._doing, self._code)
            if ours is not None:
                raise ours from error


def coded(error: BackendError, code: str) -> BackendError:
    """`error` with `code`, unless it has one of its own already."""
    if error.code == BackendError.code:
        error.code = code
    return error


def final(message: str, code: str = BackendError.code) -> BackendError:
    """A BackendError that another try would only repeat."""
    error = BackendError(message, code=code)
    error.retryable = False
    return error


def translated(error: BaseException, doing: str, code: str) -> BackendError | None:
    """Our error for `error`, or None when it is not one of a library that we know."""
    ancestry = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
    for name, ours, what in FOREIGN:
        if name in ancestry:
            return ours(f"{doing} {what} ({type(error).__name__})", code=code)
    if type(error).__module__ == ONNXRUNTIME:
        return BackendError(f"{doing} failed in the model ({type(error).__name__})", code=code)
    return None
