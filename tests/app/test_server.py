from __future__ import annotations

import resource
import socket

import pytest

from vivavoce.app.server import OTHER_FILES, _open_files, address, listen
from vivavoce.app.settings.values import Server
from vivavoce.errors import ConfigError


def test_a_free_port_is_taken_and_told() -> None:
    with listen(Server(port=0)) as listener:
        port = listener.getsockname()[1]
        assert address(listener, None) == f"http://127.0.0.1:{port}"
        assert port


def test_a_taken_port_is_told_with_a_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=r"cannot be listened at: .*--port 0"):
            listen(Server(port=port))


def test_as_many_files_are_asked_for_as_connections_need() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (300, before[1]))
        assert _open_files(400) == 400
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 400 + OTHER_FILES
        assert _open_files(10) == 400
        assert _open_files(10**9) == before[1] - OTHER_FILES
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
