"""Sound and downloads as answers: one range, no name and no type that anybody else chose, nothing that runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from typing import Final

from fastapi import Request
from starlette.responses import Response, StreamingResponse

from vivavoce.archive.conversations_sound import CONTENT_TYPE, Piece, Sounds, piece_of
from vivavoce.errors import BadInput
from vivavoce.storage.models import Recording

QUIET: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cache-Control": "no-store",
}
"""A file of ours is never a page; that its type is no guess, the door says of all answers."""


async def sound_answer(request: Request, sounds: Sounds, recording: Recording) -> Response:
    """The recording's file, or the piece of it that `Range` asks for."""
    tag = f'"{recording.id}-{recording.size}"'
    headers = {
        **QUIET,
        "Accept-Ranges": "bytes",
        "ETag": tag,
        "Content-Disposition": f'attachment; filename="{recording.id}.ogg"',
    }
    # A range of what it was once is of no use with what it is now.
    outdated = request.headers.get("if-range", tag) != tag
    asked = request.headers.getlist("range")
    if len(asked) > 1:
        raise BadInput("ask for one range", code="range")
    piece = piece_of(None if outdated or not asked else asked[0], recording.size)
    status = HTTPStatus.OK
    if asked and not outdated:
        status = HTTPStatus.PARTIAL_CONTENT
        headers["Content-Range"] = f"bytes {piece.start}-{piece.stop - 1}/{piece.size}"
    headers["Content-Length"] = str(piece.stop - piece.start)
    if request.method == "HEAD":
        return Response(None, status, headers, CONTENT_TYPE)
    return StreamingResponse(await _begun(sounds, recording, piece), status, headers, CONTENT_TYPE)


async def _begun(sounds: Sounds, recording: Recording, piece: Piece) -> AsyncIterator[bytes]:
    return await sounds.open(recording, piece)


def download(name: str, chunks: AsyncIterator[bytes]) -> Response:
    """A zip to be kept under `name`, which is ours."""
    headers = {**QUIET, "Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(chunks, HTTPStatus.OK, headers, "application/zip")
