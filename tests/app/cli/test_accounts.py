"""`vivavoce user`, `token`, `link` and `audit` over the local database, whether a server runs or not."""

from __future__ import annotations

import json
import re
import sqlite3
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from vivavoce.app.cli import main

pytestmark = pytest.mark.real

LINK = re.compile(r"http://127\.0\.0\.1:8006/sign-in#link=[A-Za-z0-9_-]{43}\n")
TOKEN = re.compile(r"vv_[A-Za-z0-9_-]{43}[0-9a-z]{6}\n")


@dataclass(frozen=True)
class Done:
    """What a command ended with and printed."""

    returncode: int
    stdout: str
    stderr: str


class Shell:
    """Runs commands over one data folder: in this process, since each one's imports take a second."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._patch = monkeypatch
        self._printed = capfd
        monkeypatch.chdir(folder)
        monkeypatch.setenv("XDG_DATA_HOME", str(folder / "data"))
        monkeypatch.setenv("COLUMNS", "200")

    def tries(self, *words: str) -> Done:
        self._patch.setattr(sys, "argv", ["vivavoce", *words])
        self._printed.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        printed = self._printed.readouterr()
        return Done(int(end.value.code or 0), printed.out, printed.err)

    def __call__(self, *words: str) -> str:
        done = self.tries(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path, monkeypatch, capfd)


def test_the_first_command_makes_the_administrator_and_its_link_signs_in(shell: Shell) -> None:
    assert LINK.fullmatch(shell("link"))
    (admin,) = json.loads(shell("user", "list", "--json"))
    assert (admin["name"], admin["role"]) == ("admin", "admin")
    assert "password" not in str(admin).replace("has_password", "")
    assert shell("link", "--at", "https://voice.example/").startswith("https://voice.example/sign-in#link=")
    origin = shell("link", "admin", "-s", "server.origins=https://voice.example")
    assert origin.startswith("https://voice.example/sign-in#link=")


def test_people_are_added_changed_kept_out_and_let_in_again(shell: Shell) -> None:
    assert LINK.fullmatch(shell("user", "add", "Ada", "--role", "operator", "--display-name", "Ada L."))
    assert "Ada L." in shell("user", "list")
    assert shell("user", "role", "ada", "viewer") == "ada: viewer\n"
    assert shell("user", "disable", "ada") == "ada: viewer, disabled\n"
    assert "no such user" in shell.tries("link", "ada").stderr
    assert shell("user", "enable", "ada") == "ada: viewer\n"
    assert LINK.fullmatch(shell("user", "reset", "ada"))
    assert shell("user", "sign-out", "ada") == "0 ended\n"


def test_a_token_is_printed_alone_and_can_be_listed_and_revoked(shell: Shell) -> None:
    token = shell("token", "create", "--role", "user", "--scopes", "talk, history.own", "--days", "3", "--name", "mine")
    assert TOKEN.fullmatch(token)
    (listed,) = json.loads(shell("token", "list", "--json"))
    assert (listed["user"], listed["name"], listed["scopes"]) == ("admin", "mine", ["history.own", "talk"])
    assert token.strip() not in shell("token", "list")
    assert shell("token", "revoke", listed["id"]) == "revoked\n"
    assert json.loads(shell("token", "list", "--user", "admin", "--json")) == []
    assert shell("token", "rotate-key").endswith(" signs from now on\n")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("user", "add", "a b"), 1, "a name has 1 to 64"),
        (("user", "add", "ada", "--role", "root"), 2, "a role is one of admin, operator"),
        (("user", "role", "nobody", "admin"), 1, "no such user"),
        (("user", "reset", "nobody"), 1, "no such user"),
        (("link", "nobody"), 1, "no such user"),
        (("token", "create", "--role", "root"), 1, "a token needs a role"),
        (("token", "create", "--role", "user", "--scopes", "fly"), 1, "a token needs a role"),
        (("token", "create", "--role", "user", "--days", "400"), 1, "1 to 365 days"),
        (("token", "revoke", "x"), 1, "no such token"),
        (("audit", "verify", "--checkpoint", "x"), 2, "SEQ:MAC"),
    ],
)
def test_what_is_impossible_is_told_in_one_line(shell: Shell, words: tuple[str, ...], status: int, said: str) -> None:
    done = shell.tries(*words)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_last_administrator_stays(shell: Shell) -> None:
    shell("link")
    for words in (("disable", "admin"), ("role", "admin", "user")):
        done = shell.tries("user", *words)
        assert done.returncode == 1
        assert "last administrator" in done.stderr


def test_what_was_done_here_is_in_the_audit_which_is_whole_until_somebody_changes_a_byte(shell: Shell) -> None:
    shell("user", "add", "ada")
    shell("user", "role", "ada", "operator")
    rows = [json.loads(line) for line in shell("audit", "export").splitlines()]
    assert [row["act"] for row in rows] == ["user.create", "link.create", "user.change", "user.revoke"]
    assert {(row["actor_name"], row["outcome"]) for row in rows} == {("local operator", "ok")}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", rows[0]["at"])
    some = shell("audit", "export", "--what", "user.", "--from", "2020-01-01", "--to", "2100-01-01").splitlines()
    assert len(some) == 3
    assert shell("audit", "export", "--who", "ada") == ""
    out = shell.folder / "audit.jsonl"
    shell("audit", "export", "-o", str(out))
    assert len(out.read_text().splitlines()) == 4
    assert shell.tries("audit", "export", "-o", str(out)).returncode == 2
    nowhere = shell.tries("audit", "export", "-o", str(shell.folder / "no" / "such.jsonl"))
    assert (nowhere.returncode, "Traceback" in nowhere.stderr) == (2, False)
    assert shell("audit", "verify") == "whole: 4 rows, no checkpoint yet: the first comes within the hour\n"
    with sqlite3.connect(shell.folder / "data" / "vivavoce" / "vivavoce.db") as database:
        database.execute("DROP TRIGGER audit_no_update")
        database.execute("UPDATE audit SET actor_role = 'user' WHERE seq = 3")
    broken = shell.tries("audit", "verify", "--json")
    assert broken.returncode == 1
    assert json.loads(broken.stdout)["broken_at"] == 3
    assert "BROKEN: row 3" in shell.tries("audit", "verify").stdout
