"""What an image says it is, by its first bytes; a client's word for it does not count."""

from __future__ import annotations

from vivavoce.errors import BadInput
from vivavoce.inference.ports import Picture


def picture(data: bytes) -> Picture:
    """A JPEG, PNG or WebP image. Raises BadInput for anything else."""
    if data.startswith(b"\xff\xd8\xff"):
        return Picture("image/jpeg", data)
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return Picture("image/png", data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Picture("image/webp", data)
    raise BadInput("an image is a JPEG, a PNG or a WebP file")
