"""What `vivavoce doctor --security` looks at: whether this installation is closed as it should be.

Everything is looked at and nothing is changed. What may be needs no remedy; what must not be says how it is mended.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from vivavoce.app import tls
from vivavoce.app.doctor import Setting, settings_of
from vivavoce.app.settings import Loaded, Settings
from vivavoce.app.where import place
from vivavoce.channels.access import Access
from vivavoce.channels.proxies import Proxies
from vivavoce.errors import ConfigError, VivavoceError
from vivavoce.inference.addresses import is_loopback
from vivavoce.inference.secret import Secret
from vivavoce.storage.sealing import key_ring

POLICY: Final = "noeviction"
_NAMED: Final = 3
"""So many files are named; of more the number is told."""


@dataclass(frozen=True, slots=True)
class Row:
    """One question and its answer. `remedy` says what to do, where it is not well."""

    name: str
    well: bool
    detail: str
    remedy: str = ""


async def look(loaded: Loaded) -> tuple[Row, ...]:
    """All of it, in the order in which it is told."""
    settings = loaded.settings
    settled: tuple[tuple[str, Callable[[], Row]], ...] = (
        ("process", _process),
        ("data folder", lambda: _folder(place(settings.data))),
        ("secrets", lambda: _secrets(tuple(settings_of(loaded)), loaded)),
        ("sealing at rest", lambda: _sealing(settings)),
        ("encryption", lambda: _encryption(settings)),
        ("hosts and origins", lambda: _ways(settings)),
        ("proxies", lambda: _proxies(settings)),
        ("database", lambda: _database(settings)),
    )
    rows = [_answered(name, ask) for name, ask in settled]
    return (*rows, await _redis(settings), _metrics(settings))


def _answered(name: str, ask: Callable[[], Row]) -> Row:
    try:
        return ask()
    except ConfigError as error:
        return Row(name, False, "the start would be refused", error.message)


# ── this machine ──────────────────────────────────────────────────────────────────────────────────


def _process() -> Row:
    if sys.platform != "win32" and os.geteuid() == 0:
        remedy = "run it as a user of its own, which owns nothing but the data folder"
        return Row("process", False, "this is root, who may do everything", remedy)
    return Row("process", True, "an ordinary user; a crash writes no memory to the disk")


def _folder(folder: Path) -> Row:
    name = "data folder"
    if not folder.exists():
        return Row(name, True, f"{folder} is not there yet; the first start makes it, for its owner alone")
    if sys.platform == "win32":
        return Row(name, True, f"{folder}; who may read it is Windows' to say")
    wrong = list(_open_to_others(folder))
    if not wrong:
        return Row(name, True, f"{folder} and everything in it is its owner's alone")
    named = ", ".join(str(path) for path in wrong[:_NAMED])
    more = f" and {len(wrong) - _NAMED:,} more" if len(wrong) > _NAMED else ""
    return Row(
        name,
        False,
        f"others can look into, or own: {named}{more}",
        f"chown -R {os.geteuid()} {folder} && chmod -R go= {folder}; links have to go. What lay open may be known: "
        "make new keys (`vivavoce keys rotate`, `vivavoce token rotate-key`)",
    )


def _open_to_others(folder: Path) -> Iterator[Path]:
    """The folder and whatever is in it that is not ours alone."""
    for path in (folder, *folder.rglob("*")):
        try:
            state = path.lstat()
        except FileNotFoundError:  # a running server takes away what it does not need
            continue
        plain = stat.S_ISREG(state.st_mode) or stat.S_ISDIR(state.st_mode)
        if not plain or state.st_mode & 0o077 or state.st_uid != os.geteuid():
            yield path


def _secrets(settings: tuple[Setting, ...], loaded: Loaded) -> Row:
    name = "secrets"
    secret = [one for one in settings if isinstance(one.value, Secret)]
    spoken = [one.path for one in secret if one.origin.startswith("--")]
    if spoken:
        remedy = "everybody on this machine reads command lines: put them into the environment or the file"
        return Row(name, False, f"given on the command line: {', '.join(spoken)}", remedy)
    file = Path(loaded.file) if loaded.file else None
    written = [one.path for one in secret if file is not None and one.origin.startswith(str(file))]
    if written and file is not None and sys.platform != "win32" and file.stat().st_mode & 0o077:
        return Row(name, False, f"others can read {', '.join(written)} in {file}", f"chmod 600 {file}")
    return Row(name, True, f"{len(secret)} set, none where others read it" if secret else "none set")


def _sealing(settings: Settings) -> Row:
    data = settings.data
    ring = key_ring(file=data.keys, value=data.keys_text.reveal() if data.keys_text else None)
    if ring is None:
        return Row("sealing at rest", True, "off; whoever reads the disk reads all. `vivavoce keys new` makes a key")
    return Row("sealing at rest", True, "words, sound and secrets are sealed")


# ── what is reached from elsewhere ────────────────────────────────────────────────────────────────


def _encryption(settings: Settings) -> Row:
    name, server, chosen = "encryption", settings.server, settings.tls
    tls.check(server, chosen)
    if chosen.certificate:
        shown = tls.Encryption.given(chosen).shown
        key = Path(chosen.key).expanduser()
        if sys.platform != "win32" and key.stat().st_mode & 0o007:
            return Row(name, False, f"everybody on this machine can read {key}", f"chmod o= {key}")
        return Row(name, True, f"TLS with {chosen.certificate}, until {shown.expires:%F}")
    if chosen.behind_proxy:
        return Row(name, True, "the proxy ends TLS, and nobody else is answered")
    if is_loopback(server.host):
        return Row(name, True, "not needed: only this machine reaches it")
    return Row(name, True, "TLS with a certificate made here: browsers ask, and people compare its fingerprint")


def _ways(settings: Settings) -> Row:
    name, server = "hosts and origins", settings.server
    Access.allowing(server.hosts, server.origins)
    plain = [one for one in server.origins if one.startswith("http:") and not is_loopback(urlsplit(one).hostname or "")]
    if plain:
        remedy = "whoever is on the way can change such a page; serve it with https and name it so in server.origins"
        return Row(name, False, f"pages without TLS may use this server: {', '.join(plain)}", remedy)
    hosts = ", ".join(server.hosts) or "none further"
    return Row(name, True, f"hosts: {hosts}; origins: {', '.join(server.origins) or 'our own'}")


def _proxies(settings: Settings) -> Row:
    trusted = settings.server.trusted_proxies
    Proxies.of(trusted)
    wide = [text for text in trusted if ip_network(text, strict=False).prefixlen == 0]
    if wide:
        remedy = "anybody may then claim to come from anywhere: name the proxy's own address in server.trusted_proxies"
        return Row("proxies", False, f"everybody is believed to be a proxy: {', '.join(wide)}", remedy)
    return Row("proxies", True, f"believed: {', '.join(trusted)}" if trusted else "none is believed")


# ── what it stands on ─────────────────────────────────────────────────────────────────────────────


def _database(settings: Settings) -> Row:
    if settings.data.database is None:
        return Row("database", True, "SQLite, in the data folder")
    parts = urlsplit(settings.data.database.reveal())
    if "sslmode=disable" in parts.query and not is_loopback(parts.hostname or "localhost"):
        remedy = "say sslmode=verify-full, unless the way is safe by other means"
        return Row("database", False, "PostgreSQL on another machine, and the way there is plain", remedy)
    return Row("database", True, f"PostgreSQL at {parts.hostname or 'this machine'}")


async def _redis(settings: Settings) -> Row:
    if settings.data.redis is None:
        return Row("redis", True, "none: cache and bus are in this process")
    url = settings.data.redis.reveal()
    parts = urlsplit(url)
    if not is_loopback(parts.hostname or "localhost") and (parts.scheme != "rediss" or not parts.password):
        remedy = "give it a password and TLS: rediss://:PASSWORD@host"
        return Row("redis", False, "it is on another machine, and the way there is plain or open to all", remedy)
    from vivavoce.storage.redis_link import RedisLink

    try:
        async with RedisLink.open(url) as link, link.limit():
            policy = (await link.client.config_get("maxmemory-policy")).get("maxmemory-policy", "")
            kept = (await link.client.config_get("appendonly")).get("appendonly", "")
    except VivavoceError as error:
        return Row("redis", False, error.message, "see that it runs, and that this account may ask CONFIG GET")
    wrong = [*(["maxmemory-policy noeviction"] * (policy != POLICY)), *(["appendonly yes"] * (kept != "yes"))]
    if wrong:
        return Row("redis", False, f"maxmemory-policy {policy}, appendonly {kept}", f"set {' and '.join(wrong)}")
    return Row("redis", True, f"{POLICY}, appendonly")


def _metrics(settings: Settings) -> Row:
    port = settings.observe.metrics_port
    where = f"without a token at 127.0.0.1:{port} too" if port else "with the permission `metrics` only"
    return Row("metrics", True, where)
