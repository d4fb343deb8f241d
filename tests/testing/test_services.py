"""The servers of tests start quickly, are private, and end with whoever started them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import psutil
import pytest

from vivavoce.testing import services
from vivavoce.testing.services import NotHere, Service

PAGE = "server { listen 127.0.0.1:@port@; location / { return 204; } }"

Start = Callable[[], AbstractContextManager[Service]]

EVERY = [
    pytest.param(services.postgres, marks=pytest.mark.postgresql, id="postgres"),
    pytest.param(services.redis, marks=pytest.mark.redis, id="redis"),
    pytest.param(lambda: services.nginx(PAGE), marks=pytest.mark.nginx, id="nginx"),
]


def answers(service: Service) -> bool:
    with socket.socket() as line:
        line.settimeout(1)
        return line.connect_ex(("127.0.0.1", service.port)) == 0


@pytest.mark.parametrize("start", EVERY)
def test_it_answers_while_it_is_in_use_and_no_longer(start: Start) -> None:
    with start() as service:
        assert answers(service)
        assert str(service.port) in service.url
    assert not answers(service)
    assert not service.folder.exists()


@pytest.mark.parametrize("start", EVERY)
def test_two_do_not_meet(start: Start) -> None:
    with start() as one, start() as other:
        assert one.port != other.port
        assert answers(one)
        assert answers(other)


@pytest.mark.parametrize("start", EVERY)
def test_it_can_be_killed_and_started_again(start: Start) -> None:
    with start() as service:
        service.kill()
        assert not answers(service)
        service.start()
        assert answers(service)


@pytest.mark.parametrize("start", EVERY)
def test_it_never_runs_as_root(start: Start) -> None:
    with start() as service:
        (owner,) = {child.uids().real for child in _children() if _listens(child, service.port)}
        assert owner != 0


def _children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def _listens(process: psutil.Process, port: int) -> bool:
    return any(line.status == "LISTEN" and line.laddr.port == port for line in process.net_connections("tcp"))


@pytest.mark.postgresql
@pytest.mark.redis
@pytest.mark.nginx
def test_all_of_them_end_when_their_process_is_killed() -> None:
    script = f"""
import sys, time
from vivavoce.testing import services
with services.postgres() as a, services.redis() as b, services.nginx({PAGE!r}) as c:
    print(a.folder, b.folder, c.folder, flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        folders = [Path(folder) for folder in owner.stdout.readline().split()]
        family = psutil.Process(owner.pid).children(recursive=True)
        assert len(folders) == 3
        owner.send_signal(signal.SIGKILL)
    _, alive = psutil.wait_procs(family, timeout=5)
    assert alive == []
    with services.postgres(), services.redis(), services.nginx(PAGE):  # the next one clears up
        assert not any(folder.exists() for folder in folders)


@pytest.mark.redis
def test_a_frozen_one_takes_connections_and_says_nothing() -> None:
    with services.redis() as service, socket.create_connection(("127.0.0.1", service.port)) as line:
        line.settimeout(0.2)
        service.freeze()
        line.sendall(b"PING\r\n")
        with pytest.raises(TimeoutError):
            line.recv(100)
        service.thaw()
        line.settimeout(5)
        assert line.recv(100).startswith(b"-NOAUTH")


@pytest.mark.nginx
def test_a_mistake_in_its_settings_is_told() -> None:
    begun = time.monotonic()
    with pytest.raises(NotHere, match='unknown directive "nonsense"'), services.nginx("nonsense on;"):
        pass
    assert time.monotonic() - begun < 5


def test_what_is_missing_is_said_with_its_package(tmp_path: Path) -> None:
    """As on a machine that has none of them."""
    script = "from vivavoce.testing.services import available; print([available(n) for n in ('redis', 'nginx')])"
    bare = {"PATH": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], env=bare, capture_output=True, text=True, check=True)
    assert "package util-linux" in done.stdout
