from __future__ import annotations

import pytest

from vivavoce.channels.pictures import picture
from vivavoce.errors import BadInput


@pytest.mark.parametrize(
    ("head", "media_type"),
    [(b"\xff\xd8\xff\xe0", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp")],
)
def test_an_image_is_known_by_its_first_bytes(head: bytes, media_type: str) -> None:
    assert picture(head + bytes(20)).media_type == media_type


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"<svg onload=1>", b"RIFF\0\0\0\0WAVEfmt ", b"\x89PNG"])
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(BadInput):
        picture(data)
