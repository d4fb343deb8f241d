"""The edge to FFmpeg (PyAV): its errors become ours, and nothing else does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import av.error

from vivavoce.errors import BadAudio


@contextmanager
def translating(what: str) -> Iterator[None]:
    """Errors of FFmpeg inside become BadAudio that names `what` and FFmpeg's reason, never a path or address.

    ValueError is PyAV's word for arguments that the sound itself decided (a rate, a layout, a number of channels).
    """
    try:
        yield
    except av.error.FFmpegError as error:
        raise BadAudio(f"{what}: {error.strerror or type(error).__name__}") from error
    except (ValueError, UnicodeDecodeError) as error:
        raise BadAudio(f"{what}: {error}") from error
