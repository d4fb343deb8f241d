"""The data folder: whose it is, who may look in, and that only one server lives in it.

    vivavoce/            0700, ours
      vivavoce.db        the database, unless it is PostgreSQL
      blobs/  spool/  keys/
      deletions.jsonl    what was deleted: travels beside the backups (deletions.py)
      lock               held while a server runs; says which

Where the folder or something in it could be read or changed by others, the start is refused with the command that
mends it: a quiet `chmod` of our own would hide that its contents may be known already.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vivavoce.errors import ConfigError, StorageError, StorageFull, StorageUnavailable

UMASK: Final = 0o077
PARTS: Final = ("blobs", "spool", "keys")
_NETWORK: Final = ("nfs", "cifs", "smb", "sshfs", "glusterfs", "ceph", "lustre", "afs", "fuse.s3", "fuse.rclone")


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Made by `entered` (a server, which then holds the lock) or `visited` (a command beside it)."""

    path: Path

    @property
    def blobs(self) -> Path:
        return self.path / "blobs"

    @property
    def spool(self) -> Path:
        return self.path / "spool"

    @property
    def keys(self) -> Path:
        return self.path / "keys"

    @property
    def database(self) -> Path:
        """The file of SQLite, which may not be there yet."""
        return self.path / "vivavoce.db"

    @property
    def address(self) -> Path:
        """Where the running server is reached, for commands beside it."""
        return self.path / "address"

    @property
    def deletions(self) -> Path:
        return self.path / "deletions.jsonl"


def default_place(environment: Mapping[str, str], platform: str = sys.platform) -> Path:
    """Where the folder is when nobody says where. Raises ConfigError where the user has no home."""
    home = environment.get("HOME") or environment.get("USERPROFILE")
    if platform == "win32":
        base = environment.get("LOCALAPPDATA") or (home and f"{home}/AppData/Local")
    elif platform == "darwin":
        base = home and f"{home}/Library/Application Support"
    else:
        given = environment.get("XDG_DATA_HOME", "")
        base = given if given.startswith("/") else home and f"{home}/.local/share"
    if not base:
        raise ConfigError("there is no home folder to keep data in: set data.folder")
    return Path(base) / "vivavoce"


@contextmanager
def entered(path: Path) -> Iterator[DataFolder]:
    """The folder, made where there is none, checked, and locked until this is left; meanwhile whatever this process
    creates is for its owner's eyes only. Raises ConfigError when it is not safe, StorageError when a server is in it.
    """
    with private():
        folder = visited(path)
        with _locked(folder.path / "lock"):
            yield folder


def visited(path: Path) -> DataFolder:
    """The folder for a command beside a running server: made and checked, not locked. What the command creates in it
    is made under `private`.
    """
    path = Path(os.path.abspath(path.expanduser()))
    with private():
        _make(path)
        for part in PARTS:
            _make(path / part)
    for child in (path / "vivavoce.db", *(path / "keys").iterdir()):
        with suppress(FileNotFoundError):
            _check_file(child)
    return DataFolder(path)


@contextmanager
def private() -> Iterator[None]:
    """Whatever this process creates meanwhile is for its owner's eyes only."""
    before = os.umask(UMASK)
    try:
        yield
    finally:
        os.umask(before)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all, also when the power goes; only its owner can read it.

    Raises StorageFull or StorageUnavailable, and leaves what was there before.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(name)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise refusal(error, path) from error


def sync_folder(path: Path) -> None:
    """Make durable which names there are in a folder. Nothing to do on Windows, which has no such call."""
    if sys.platform == "win32":
        return
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def refusal(error: OSError, path: Path) -> StorageError:
    """What the system said about a file, as our error."""
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull(f"no room left to write {path}")
    return StorageUnavailable(f"{path}: {error.strerror or error}")


def network_file_system(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str | None:
    """The kind of network file system that `path` lies on (`nfs4`), or None. SQLite's locks do not hold there."""
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return None  # not Linux: nobody to ask
    best, kind = "", ""
    for line in lines:
        fields, _, rest = line.partition(" - ")
        where = fields.split()[4].encode().decode("unicode_escape")  # a blank is written \040
        inside = path.is_relative_to(where)
        if inside and len(where) >= len(best):  # the last of equals lies on top
            best, kind = where, rest.split()[0]
    return kind if kind.startswith(_NETWORK) or kind.removeprefix("fuse.").startswith(_NETWORK) else None


def _make(path: Path) -> None:
    """A folder of ours alone, made or checked."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = path.lstat()
    except FileExistsError:
        raise ConfigError(f"{path} is no folder") from None
    except OSError as error:
        raise ConfigError(f"the data folder cannot be used: {path}: {error.strerror}") from error
    if stat.S_ISLNK(state.st_mode):
        raise ConfigError(f"{path} is a symbolic link: name the folder itself in data.folder ({path.resolve()})")
    _check_owner(path, state)
    if state.st_mode & 0o077 and sys.platform != "win32":
        raise ConfigError(f"others can look into {path}; when that is all right until now: chmod 700 {path}")


def _check_file(path: Path) -> None:
    state = path.lstat()
    if not stat.S_ISREG(state.st_mode):
        raise ConfigError(f"{path} is no ordinary file")
    _check_owner(path, state)
    if state.st_mode & 0o077 and sys.platform != "win32":
        raise ConfigError(f"others can read {path}; when that is all right until now: chmod 600 {path}")


def _check_owner(path: Path, state: os.stat_result) -> None:
    if sys.platform != "win32" and state.st_uid != os.geteuid():
        raise ConfigError(
            f"{path} belongs to another user (uid {state.st_uid}, this is {os.geteuid()}): "
            f"start as that user, or: chown -R {os.geteuid()} {path}"
        )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of the folder. It is the kernel's, so it goes with the process however that ends."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except OSError as error:
        raise ConfigError(f"the lock {path} cannot be used: {error.strerror}") from error
    try:
        if not _try_lock(handle):
            other = os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
            raise StorageError(
                f"another Vivavoce (process {other}) uses the data folder {path.parent}: stop it, or give this one "
                "a folder of its own (data.folder)"
            )
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


if sys.platform == "win32":

    def _try_lock(handle: int) -> bool:
        import msvcrt

        try:
            os.lseek(handle, 1 << 20, os.SEEK_SET)  # beyond the number, which others are to read
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:

    def _try_lock(handle: int) -> bool:
        import fcntl

        try:
            # flock, not lockf: that one is lost as soon as any other part of the process closes the file.
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
