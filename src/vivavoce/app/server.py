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
from dataclasses import dataclass, replace

import uvicorn

from vivavoce import aio
from vivavoce.app import tls
from vivavoce.app.build import Conversations, Surroundings, conversations
from vivavoce.app.front import Front
from vivavoce.app.observe import logs
from vivavoce.app.platform import Platform, platform
from vivavoce.app.settings import Loaded, Settings
from vivavoce.app.settings.values import Server
from vivavoce.app.tls import Encryption, encryption, impatient
from vivavoce.app.unwrap import unwrapped
from vivavoce.channels.http import metrics_app, uvicorn_options
from vivavoce.conversation.observer import Observer, Observers
from vivavoce.conversation.outputs import Output
from vivavoce.conversation.snapshot import Snapshot
from vivavoce.conversation.views import SessionSpec
from vivavoce.errors import ConfigError
from vivavoce.storage.folder import write_whole

HARD_END_S = 15.0
"""After the drain this much time is left for everything else; then the process ends as it stands."""
BACKLOG = 2048
OTHER_FILES = 256
"""Open files of a process beside its sockets."""

Tell = Callable[[str], None]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Terminal:
    """Whoever started the server. Secrets are for people who look at a screen, not for files that keep what it says."""

    tell: Tell
    private: bool
    """What is told is seen and gone."""
    program: str = "vivavoce"
    """How this program is called here."""


def run(loaded: Loaded, terminal: Terminal, *, plain: bool = False) -> None:
    """Serve until SIGTERM or SIGINT; a second one ends at once. `plain`: no TLS was asked for.

    Raises ConfigError for an address that may not or cannot be bound and for a data folder that cannot be used,
    StorageError when the database cannot, BackendError when a model does not load.
    """
    settings = loaded.settings
    tls.check(settings.server, settings.tls, off=plain)
    listener = listen(settings.server)
    room = _open_files(settings.limits.connections)
    if room < settings.limits.connections:
        terminal.tell(
            f"This system lets a process hold {room:,} connections, not {settings.limits.connections:,} (ulimit -n)."
        )
    with unwrapped(), asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve(loaded, listener, terminal, plain=plain))


def listen(server: Server) -> socket.socket:
    """The bound socket. Raises ConfigError with a sentence that says what to do."""
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    try:
        return socket.create_server((server.host, server.port), family=family, backlog=BACKLOG)
    except OSError as error:
        hint = "; another one: --port 0 takes any that is free" if server.port else ""
        # The library writes the address into the error's own text.
        why = os.strerror(error.errno) if error.errno else str(error)
        raise ConfigError(f"{server.host}:{server.port} cannot be listened at: {why}{hint}") from error


def address(listener: socket.socket, encrypted: Encryption | None) -> str:
    """Where the page is, for a browser on this machine or, where it is bound to all addresses, by this one's name."""
    host, port = listener.getsockname()[:2]
    scheme = "https" if encrypted else "http"
    if host in ("0.0.0.0", "::"):
        return f"{scheme}://{socket.gethostname()}:{port}"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


async def serve(loaded: Loaded, listener: socket.socket, terminal: Terminal, *, plain: bool = False) -> None:
    """The life of the process, in the order of the lines."""
    stop = _stop_signal()
    settings = loaded.settings
    async with platform(loaded) as house:
        logs.at_least(house.settings.observe.log_level)
        house.live.watch(lambda settings: logs.at_least(settings.observe.log_level))
        encrypted = encryption(settings.server, settings.tls, house.storage.folder.keys, off=plain)
        front = Front(house, hsts=bool(encrypted and encrypted.shown.known_authority))
        options = uvicorn_options(front.gateway, front.http_limits, front.census)
        if encrypted is not None:
            options |= encrypted.uvicorn_options()
            _tell_certificate(terminal.tell, encrypted)
        server = _Server(uvicorn.Config(front.app, log_config=None, **options))
        where = address(listener, encrypted)
        life = _Life(house, front, stop, terminal, where)
        write_whole(house.storage.folder.address, where.encode())
        async with asyncio.TaskGroup() as group:
            serving = aio.spawn(group, server.serve([listener]), "http")
            try:
                async with front.gateway, aio.background() as keep:
                    keep(front.metrics.watch(), "metrics")
                    keep(front.feed.run(), "live feed")
                    if encrypted is not None:
                        keep(encrypted.keep_fresh(), "certificate")
                    if settings.observe.metrics_port:
                        keep(_serve_metrics(front, settings.observe.metrics_port), "metrics port")
                    await life.run()
            finally:
                # After the gateway: its sockets have been told why, and uvicorn would not wait for them.
                server.should_exit = True
                await serving
                house.storage.folder.address.unlink(missing_ok=True)


def _tell_certificate(tell: Tell, encrypted: Encryption) -> None:
    shown = encrypted.shown
    if shown.made_here:
        tell("The certificate was made here, so browsers ask before they trust it. Compare its SHA-256 fingerprint:")
        tell(f"  {shown.fingerprint}")


async def _serve_metrics(front: Front, port: int) -> None:
    """/metrics for this machine alone, without a token."""
    config = uvicorn.Config(
        metrics_app(front.metrics), host="127.0.0.1", port=port, log_config=None, access_log=False, lifespan="off"
    )
    server = _Server(config)
    try:
        await server.serve()
    except SystemExit:  # how uvicorn says that the port is taken
        raise ConfigError(f"observe.metrics_port = {port}: cannot be listened at") from None


@dataclass(frozen=True, slots=True)
class _Life:
    """Models, then sessions until the stop, then the drain."""

    house: Platform
    front: Front
    stop: asyncio.Event
    terminal: Terminal
    where: str

    async def run(self) -> None:
        async with asyncio.TaskGroup() as work:
            life = aio.spawn(work, self._converse(), "conversations")
            await _first(self.stop, life)
            if not self.front.readiness.open:
                # Loading may take long, and a stop need not wait for its end.
                life.cancel()
            await asyncio.wait({life})

    async def _converse(self) -> None:
        tell, front, settings = self.terminal.tell, self.front, self.house.settings
        tell(f"Loading; the page will be at {self.where}")
        began = aio.now()
        with _traced(settings, self.house.surroundings()) as around:
            async with conversations(settings, front.metrics, front.readiness.loading, around) as talk:
                # What lives as long as the process need not be looked at by the garbage collector again.
                gc.collect()
                gc.freeze()
                async with aio.background() as keep:
                    keep(self.house.run(talk.sessions), "platform")
                    front.open(talk)
                    tell(f"Ready after {aio.now() - began:.1f} s: {talk.summary()}")
                    self._invite()
                    await self.stop.wait()
                    await self._drain(talk)

    def _invite(self) -> None:
        """How one gets in. The link is a secret: it is shown on a screen, and never written to a file."""
        tell, first = self.terminal.tell, self.house.first
        if first is not None and self.terminal.private:
            tell(f"Open {self.where}/sign-in#link={first.secret}")
            tell("and talk. The link signs you in as the administrator, once, within 15 minutes. Ctrl-C stops.")
        else:
            how = f"`{self.terminal.program} link` prints a link to sign in with"
            tell(f"Open {self.where} and talk. {how}. Ctrl-C stops.")

    async def _drain(self, talk: Conversations) -> None:
        seconds = self.house.settings.server.drain_s
        self.front.readiness.drain()
        asyncio.get_running_loop().call_later(seconds + HARD_END_S, _hard_end)
        if len(talk.sessions):
            self.terminal.tell(f"Stopping: replies have {seconds:g} s to finish. Ctrl-C again ends at once.")
        await talk.sessions.drain(seconds)


async def _first(stop: asyncio.Event, life: asyncio.Task[None]) -> None:
    """Returns when the process is told to stop, or when its life has ended by itself."""
    life.add_done_callback(lambda _: stop.set())
    await stop.wait()


@contextmanager
def _traced(settings: Settings, around: Surroundings) -> Iterator[Surroundings]:
    """With an address for them, each turn is also a trace."""
    if not settings.observe.otlp:
        yield around
        return
    # The library takes a tenth of a second to import, which only installations with a collector spend.
    from vivavoce.app.observe.traces import TurnTracer, tracing

    with tracing(settings.observe.otlp) as tracer:

        def observe(spec: SessionSpec, snapshot: Snapshot | None, tell: Callable[[Output], None]) -> Observer:
            keeper = around.observe(spec, snapshot, tell)
            return Observers((keeper, TurnTracer(spec, tracer, keeper)))

        yield replace(around, observe=observe)


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
    return impatient(uvloop.Loop)
