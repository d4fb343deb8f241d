from __future__ import annotations

import re

import pytest

from vivavoce.app.talk.lines import _address
from vivavoce.errors import ConfigError


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:8006", r"ws://127\.0\.0\.1:8006/ws/duplex/talk-[0-9a-f]{12}"),
        ("127.0.0.1:8006", r"ws://127\.0\.0\.1:8006/ws/duplex/talk-[0-9a-f]{12}"),
        ("https://voice.example/", r"wss://voice\.example/ws/duplex/talk-[0-9a-f]{12}"),
        ("ws://127.0.0.1:8006/ws/duplex/mine", r"ws://127\.0\.0\.1:8006/ws/duplex/mine"),
    ],
)
def test_an_address_leads_to_a_session(url: str, address: str) -> None:
    assert re.fullmatch(address, _address(url))


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "http://", "file:///etc/passwd"])
def test_what_is_no_address_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="an address begins with"):
        _address(url)
