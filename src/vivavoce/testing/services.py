"""Real servers for tests: PostgreSQL, Redis and nginx, from the system's packages, on free ports of 127.0.0.1.

    with services.postgres() as server:
        async with Database.open(server.url): …

Each keeps its files in a temporary folder and runs as an ordinary user even where we are root. It ends when its
`with` is left, and also when this process dies in whatever way: the kernel signals it then (`setpriv --pdeathsig`;
the thread that starts a service has to live as long as the service, which the main thread does).
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

START_S = 20.0
"""Not to wait for, but to give up after: a start takes one to three seconds on two busy cores."""
STOP_S = 5.0


class NotHere(Exception):
    """The server cannot be started on this machine; the message says why and what to install."""


@dataclass
class Service:
    """One server process. `url` is what a client is given."""

    name: str
    url: str
    port: int
    folder: Path
    _command: Sequence[str]
    _ready: Callable[[], bool]
    _last_words: signal.Signals
    """What ends it at once when our process has died."""
    _process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Start it (again), with the files it had; returns when it takes connections."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                _as_ordinary(self._command, self._last_words), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        limit = time.monotonic() + START_S
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > limit:
                self.kill()
                raise NotHere(f"{self.name} does not start:\n{self.log()[-2000:]}")
            time.sleep(0.01)

    def freeze(self) -> None:
        """It keeps its connections and answers nothing, as a machine does that swaps itself to death."""
        for pid in self._family():
            os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        for pid in self._family():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def kill(self) -> None:
        """At once, whatever it is doing, with all its children."""
        self._end(self._last_words, 1.0)

    def stop(self) -> None:
        """In its own order."""
        self._end(signal.SIGTERM, STOP_S)

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def _end(self, how: signal.Signals, patience_s: float) -> None:
        if self._process.poll() is not None:
            return
        family = self._family()
        self.thaw()
        self._process.send_signal(how)
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            for pid in family:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait()

    def _family(self) -> list[int]:
        """The process and its children: each connection of PostgreSQL, each worker of nginx is one."""
        pid = self._process.pid
        with suppress(FileNotFoundError):
            return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
        return [pid]


def available(name: str) -> str | None:
    """None when the service `postgres`, `redis` or `nginx` can be started here, else the reason why not."""
    try:
        {"postgres": _postgres_programs, "redis": _redis_program, "nginx": _nginx_program}[name]()
    except NotHere as reason:
        return str(reason)
    return None


@contextmanager
def postgres(*options: str) -> Iterator[Service]:
    """PostgreSQL with fast settings and an empty database `postgres`; `options` are `name=value` settings of it."""
    programs = _postgres_programs()
    with _folder("postgres") as folder:
        password, port, data = secrets.token_hex(16), _free_port(), folder / "data"
        secret = folder / "password"
        secret.write_text(password)
        _give(folder, secret)
        _run(
            *(f"{programs}/initdb", "--no-sync", "--no-instructions", "-U", "vivavoce", "-E", "UTF8", "--locale=C"),
            *("--auth=password", f"--pwfile={secret}", "-D", str(data)),
        )
        settings = [f"port={port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={folder}"]
        settings += ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off"]
        settings += ["shared_buffers=32MB", "max_wal_size=1GB", "max_connections=200", *options]
        command = [f"{programs}/postgres", "-D", str(data), *(part for one in settings for part in ("-c", one))]

        def ready() -> bool:
            # The file alone may be of a server that was killed; the port alone opens before it takes anybody in.
            with suppress(FileNotFoundError):
                return (data / "postmaster.pid").read_text().rstrip().endswith("ready") and _answers(port)
            return False

        url = f"postgresql://vivavoce:{password}@127.0.0.1:{port}/postgres"
        # SIGQUIT is PostgreSQL's immediate shutdown: its children go with it.
        with _running(Service("PostgreSQL", url, port, folder, command, ready, signal.SIGQUIT)) as service:
            yield service


@contextmanager
def redis(*options: str) -> Iterator[Service]:
    """Redis that writes nothing to disk; `options` are further arguments, such as `--maxmemory`, `10mb`."""
    program = _redis_program()
    with _folder("redis") as folder:
        password, port = secrets.token_hex(16), _free_port()
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
        command += ["--appendonly", "no", "--requirepass", password, *options]
        url = f"redis://:{password}@127.0.0.1:{port}/0"
        with _running(Service("Redis", url, port, folder, command, lambda: _answers(port), signal.SIGKILL)) as service:
            yield service


@contextmanager
def nginx(conf: str) -> Iterator[Service]:
    """nginx with `conf` as the inside of its `http` block, where `@port@` stands for the port it is to listen at."""
    program = _nginx_program()
    with _folder("nginx") as folder:
        port = _free_port()
        temporary = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in _NGINX_TEMPORARY)
        (folder / "nginx.conf").write_text(
            f"daemon off; pid {folder}/pid; worker_processes 1; error_log stderr warn; events {{ }}"
            f"http {{ access_log off; {temporary}\n{conf.replace('@port@', str(port))}\n}}"
        )
        _give(folder)
        command = [program, "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]
        url = f"http://127.0.0.1:{port}"
        with _running(Service("nginx", url, port, folder, command, lambda: _answers(port), signal.SIGTERM)) as service:
            yield service


_NGINX_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@contextmanager
def _running(service: Service) -> Iterator[Service]:
    service.start()
    try:
        yield service
    finally:
        service.kill()


@contextmanager
def _folder(name: str) -> Iterator[Path]:
    _clear_up(name)
    prefix = f"vivavoce-{name}-{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as path:
        folder = Path(path)
        _give(folder)
        yield folder


def _clear_up(name: str) -> None:
    """Folders whose process was killed before it could remove them; its servers have ended with it."""
    for folder in Path(tempfile.gettempdir()).glob(f"vivavoce-{name}-*-*"):
        pid = folder.name.split("-")[2]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(folder, ignore_errors=True)


def _ordinary() -> pwd.struct_passwd | None:
    """As whom a server runs where we are root: PostgreSQL refuses to be root, and nobody should be."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise NotHere("there is neither a user `postgres` nor `nobody` to run servers as")


def _give(*paths: Path) -> None:
    if user := _ordinary():
        for path in paths:
            os.chown(path, user.pw_uid, user.pw_gid)


def _as_ordinary(command: Sequence[str], last_words: signal.Signals | None = None) -> list[str]:
    prefix = ["setpriv"]
    if user := _ordinary():
        prefix += [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    if last_words is not None:
        prefix += ["--pdeathsig", last_words.name.removeprefix("SIG")]
    return [*prefix, "--", *command]


def _run(*command: str) -> None:
    done = subprocess.run(_as_ordinary(command), capture_output=True, text=True, timeout=START_S, cwd="/")
    if done.returncode:
        raise NotHere(f"{command[0]} failed:\n{done.stderr[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _program(name: str, package: str, *places: str) -> str:
    if shutil.which("setpriv") is None:
        raise NotHere(f"{name} is not started here: there is no setpriv (package util-linux)")
    found = shutil.which(name, path=os.pathsep.join((*places, os.environ.get("PATH", ""), "/usr/sbin", "/usr/bin")))
    if found is None:
        raise NotHere(f"there is no {name} here (Debian's package {package})")
    return found


def _postgres_programs() -> Path:
    newest_first = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -int(path.parent.name))
    return Path(_program("initdb", "postgresql", *map(str, newest_first))).parent


def _redis_program() -> str:
    return _program("redis-server", "redis-server")


def _nginx_program() -> str:
    return _program("nginx", "nginx-light")
