"""The data folder is its owner's alone, and one server's at a time."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from vivavoce.errors import ConfigError, StorageError, StorageFull, StorageUnavailable
from vivavoce.storage.folder import default_place, entered, network_file_system, refusal, visited, write_whole


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "vivavoce"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_is_made_for_its_owner_alone(place: Path) -> None:
    with entered(place) as folder:
        (folder.spool / "later").write_text("")
        parts = [folder.path, folder.blobs, folder.spool, folder.keys, place.parent]
        assert [mode(part) for part in parts] == [0o700] * 5
        assert mode(folder.spool / "later") == 0o600
        assert folder.database.parent == folder.deletions.parent == folder.path


def test_the_process_gets_its_umask_back(place: Path) -> None:
    before = os.umask(0o022)
    try:
        with entered(place):
            pass
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


@pytest.mark.parametrize("part", [".", "keys", "blobs", "spool"])
@pytest.mark.parametrize("rights", [0o750, 0o701, 0o777])
def test_a_folder_that_others_can_look_into_is_refused(place: Path, part: str, rights: int) -> None:
    visited(place)
    (place / part).chmod(rights)
    with pytest.raises(ConfigError, match=f"chmod 700 {(place / part).absolute()}"):
        visited(place)


def test_a_key_or_database_that_others_can_read_is_refused(place: Path) -> None:
    folder = visited(place)
    for file in (folder.keys / "signing", folder.database):
        file.write_bytes(b"")
        file.chmod(0o640)
        with pytest.raises(ConfigError, match="chmod 600"):
            visited(place)
        file.chmod(0o600)
    visited(place)


def test_links_are_refused(place: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    place.parent.mkdir()
    place.symlink_to(elsewhere)
    with pytest.raises(ConfigError, match="symbolic link"):
        visited(place)
    place.unlink()
    folder = visited(place)
    (folder.keys / "signing").symlink_to("/etc/hostname")
    with pytest.raises(ConfigError, match="no ordinary file"):
        visited(place)
    (folder.keys / "signing").unlink()
    (place / "lock").symlink_to(tmp_path / "innocent")
    with pytest.raises(ConfigError, match="lock"), entered(place):
        pass
    (place / "lock").unlink()
    folder.spool.rmdir()
    folder.spool.symlink_to(elsewhere)
    with pytest.raises(ConfigError, match="symbolic link"):
        visited(place)


def test_a_file_in_its_place_is_refused(place: Path) -> None:
    place.parent.mkdir()
    place.write_text("")
    with pytest.raises(ConfigError, match="is no folder"):
        visited(place)


def test_somebody_elses_folder_is_refused(place: Path) -> None:
    if os.geteuid() == 0:
        os.chown(visited(place).path, 4711, 4711)
    else:
        place = Path("/")  # root's
    with pytest.raises(ConfigError, match="belongs to another user"):
        visited(place)


def test_two_servers_do_not_share_a_folder(place: Path) -> None:
    with entered(place), pytest.raises(StorageError, match=f"process {os.getpid()}"), entered(place):
        pass
    with entered(place):  # the first one has gone
        pass


def test_the_lock_goes_with_a_process_that_is_killed(place: Path) -> None:
    held = "import sys; from pathlib import Path; from vivavoce.storage.folder import entered\n"
    held += "with entered(Path(sys.argv[1])): print('in', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", held, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"in\n"
        with pytest.raises(StorageError, match=f"process {other.pid}"), entered(place):
            pass
        visited(place)  # a command beside it
        other.kill()
    with entered(place):
        pass


def test_a_file_is_written_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    write_whole(path, b"first")
    write_whole(path, b"second")
    assert path.read_bytes() == b"second"
    assert mode(path) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "inside").write_text("")
    with pytest.raises(StorageUnavailable, match="target"):
        write_whole(tmp_path / "target", b"cannot replace a folder")
    with pytest.raises(StorageUnavailable, match="nowhere"):
        write_whole(tmp_path / "nowhere" / "file", b"")
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_a_full_disk_is_told_apart() -> None:
    assert isinstance(refusal(OSError(28, "No space left on device"), Path("x")), StorageFull)
    assert type(refusal(OSError(5, "Input/output error"), Path("x"))) is StorageUnavailable


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        ({"HOME": "/home/ada"}, "linux", "/home/ada/.local/share/vivavoce"),
        ({"HOME": "/home/ada", "XDG_DATA_HOME": "/data"}, "linux", "/data/vivavoce"),
        ({"HOME": "/home/ada", "XDG_DATA_HOME": "relative"}, "linux", "/home/ada/.local/share/vivavoce"),
        ({"HOME": "/Users/ada"}, "darwin", "/Users/ada/Library/Application Support/vivavoce"),
        ({"LOCALAPPDATA": "C:/Local"}, "win32", "C:/Local/vivavoce"),
    ],
)
def test_where_it_is_by_default(environment: dict[str, str], platform: str, expected: str) -> None:
    assert default_place(environment, platform) == Path(expected)


def test_without_a_home_one_has_to_say_where() -> None:
    with pytest.raises(ConfigError, match=r"data\.folder"):
        default_place({}, "linux")


def test_network_file_systems_are_recognised(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        "30 22 0:45 / /srv/two\\040words rw - nfs4 server:/export rw\n"
        "31 30 8:2 / /srv/two\\040words/local rw - xfs /dev/sdb rw\n"
        "32 22 0:46 / /home rw - fuse.sshfs ada@host: rw\n"
    )
    found = [
        network_file_system(Path(path), mounts)
        for path in ("/var/lib", "/srv/two words/data", "/srv/two words/local/data", "/home/ada", "/srv/two wordsy")
    ]
    assert found == [None, "nfs4", None, "fuse.sshfs", None]
    assert network_file_system(Path("/"), tmp_path / "none") is None
