"""`vivavoce serve` as a process: listens at once, loads the models, serves, and drains when it is told to stop.

Signals are ours: uvicorn's own handlers would wait for open sockets or cut them without a word, while a person
who is talking should hear the end of the reply and be told to come back.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from vivavoce import aio
from vivavoce.app.build import Front, conversations
from vivavoce.app.settings import Settings
from vivavoce.app.settings.values import Server
from vivavoce.app.unwrap import unwrapped
from vivavoce.channels.http import uvicorn_options
from vivavoce.errors import ConfigError
from vivavoce.inference.addresses import is_loopback

HARD_END_S = 15.0
"""After the drain this much time is left for everything else; then the process ends as it stands."""
BACKLOG = 2048
OTHER_FILES = 256
"""Open files of a process beside its sockets."""

Tell = Callable[[str], None]

log = logging.getLogger(__name__)


def run(settings: Settings, tell: Tell) -> None:
    """Serve until SIGTERM or SIGINT; a second one ends at once. `tell` gets lines for the person at the terminal.

    Raises ConfigError for an address that may not or cannot be bound, BackendError when a model does not load.
    """
    listener = listen(settings.server)
    room = _open_files(settings.limits.connections)
    if room < settings.limits.connections:
        tell(f"This system lets a process hold {room:,} connections, not {settings.limits.connections:,} (ulimit -n).")
    with unwrapped(), asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve(settings, listener, tell))


def listen(server: Server) -> socket.socket:
    """The bound socket. Raises ConfigError with a sentence that says what to do."""
    if not is_loopback(server.host):
        raise ConfigError(
            f"server.host = {server.host}: only this machine's own addresses (127.0.0.1, ::1, localhost) can be served "
            "for now. There are no accounts and no encryption yet, so whoever reaches this port could listen, talk and "
            f"use the tools. From another machine: `ssh -L {server.port}:127.0.0.1:{server.port} THIS-MACHINE`, then "
            f"open http://127.0.0.1:{server.port} there."
        )
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    try:
        return socket.create_server((server.host, server.port), family=family, backlog=BACKLOG)
    except OSError as error:
        hint = "; another one: --port 0 takes any that is free" if server.port else ""
        # The library writes the address into the error's own text.
        why = os.strerror(error.errno) if error.errno else str(error)
        raise ConfigError(f"{server.host}:{server.port} cannot be listened at: {why}{hint}") from error


def address(listener: socket.socket) -> str:
    """Where the page is."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def serve(settings: Settings, listener: socket.socket, tell: Tell) -> None:
    """The life of the process, in the order of the lines."""
    stop = _stop_signal()
    front = Front(settings)
    options = uvicorn_options(front.gateway, front.http_limits, front.census)
    server = _Server(uvicorn.Config(front.app, log_config=None, **options))
    async with asyncio.TaskGroup() as group:
        serving = aio.spawn(group, server.serve([listener]), "http")
        try:
            async with front.gateway, asyncio.TaskGroup() as work:
                watching = aio.spawn(work, front.metrics.watch(), "metrics")
                life = aio.spawn(work, _converse(settings, front, stop, listener, tell), "conversations")
                await _first(stop, life)
                if not front.readiness.open:
                    # Loading may take long, and a stop need not wait for its end.
                    life.cancel()
                await asyncio.wait({life})
                watching.cancel()
        finally:
            # After the gateway: its sockets have been told why, and uvicorn would not wait for them.
            server.should_exit = True
            await serving


async def _first(stop: asyncio.Event, life: asyncio.Task[None]) -> None:
    """Returns when the process is told to stop, or when its life has ended by itself."""
    life.add_done_callback(lambda _: stop.set())
    await stop.wait()


async def _converse(settings: Settings, front: Front, stop: asyncio.Event, listener: socket.socket, tell: Tell) -> None:
    """Models, then sessions until the stop, then the drain."""
    where = address(listener)
    tell(f"Loading; the page will be at {where}")
    began = aio.now()
    async with conversations(settings, front.metrics, front.readiness.loading) as talk:
        # What lives as long as the process need not be looked at by the garbage collector again.
        gc.collect()
        gc.freeze()
        front.open(talk)
        tell(f"Ready after {aio.now() - began:.1f} s: {talk.summary()}")
        tell(f"Open {where} and talk. Ctrl-C stops.")
        await stop.wait()
        front.readiness.drain()
        asyncio.get_running_loop().call_later(settings.server.drain_s + HARD_END_S, _hard_end)
        if len(talk.sessions):
            tell(f"Stopping: replies have {settings.server.drain_s:g} s to finish. Ctrl-C again ends at once.")
        await talk.sessions.drain(settings.server.drain_s)


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _stop_signal() -> asyncio.Event:
    """Set by the first SIGTERM or SIGINT. The second ends the process, since its sender has waited enough."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def arrived(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, arrived, number)
    return stop


def _hard_end() -> None:
    """A thread of a model that never comes back must not keep the process."""
    log.error("the process did not end by itself in time")
    os._exit(1)


def _open_files(connections: int) -> int:
    """Ask for as many open files as connections need; returns how many connections there is room for."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return connections
    wanted = connections + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted and soft != resource.RLIM_INFINITY:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return connections if soft == resource.RLIM_INFINITY else max(0, soft - OTHER_FILES)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not on Windows
        return None
    return uvloop.new_event_loop
