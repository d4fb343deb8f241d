"""The numbers of the threat model, held against the settings and constants that are in force."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import pytest
from packaging.version import Version

from house.test_requirements import ROOT, pins
from vivavoce import api
from vivavoce.accounts import credentials, password_rules, tickets
from vivavoce.api import auth, idempotency
from vivavoce.app import tls
from vivavoce.app.settings.values import Settings
from vivavoce.channels.door import TOKEN_CHARACTERS
from vivavoce.channels.rates import RATES, Limit
from vivavoce.storage import folder

DEFAULTS = Settings()


@pytest.mark.parametrize(
    ("what", "is_", "agreed"),
    [
        ("access token, s", DEFAULTS.accounts.access_s, 600),
        ("token, characters", TOKEN_CHARACTERS, 2_048),
        ("refresh idle, days", DEFAULTS.accounts.refresh_idle_s / 86_400, 14),
        ("refresh in all, days", DEFAULTS.accounts.refresh_s / 86_400, 30),
        ("ticket, s", DEFAULTS.accounts.ticket_s, 30),
        ("ticket, bits", tickets.LENGTH * 6 // 8 * 8, 256),
        ("link, s", DEFAULTS.accounts.link_s, 900),
        ("share, days", DEFAULTS.history.share_days, 7),
        ("API token, days", DEFAULTS.accounts.token_days, 365),
        ("hashes at once", DEFAULTS.accounts.hashes, 2),
        ("longest password", password_rules.LONGEST, 128),
        ("audited refusals an hour", credentials.AUDITED, 100),
        ("idempotency, ms", idempotency.KEPT_MS, 86_400_000),
        ("certificate, days", tls.LIFE.days, 397),
        ("renewed before, days", tls.RENEWED_BEFORE.days, 30),
        ("umask", folder.UMASK, 0o077),
        ("guests", DEFAULTS.accounts.guests, False),
        ("host", DEFAULTS.server.host, "127.0.0.1"),
        ("transcripts, days", DEFAULTS.history.transcript_days, 365),
        ("recordings, days", DEFAULTS.history.recording_days, 30),
        ("recordings, bytes", DEFAULTS.history.recording_bytes, 20 << 30),
        ("head, bytes", DEFAULTS.limits.http_head_bytes, 16 << 10),
        ("fields", DEFAULTS.limits.http_fields, 100),
        ("body, bytes", DEFAULTS.limits.http_body_bytes, 256 << 10),
        ("connections", DEFAULTS.limits.connections, 15_000),
        ("strangers", DEFAULTS.rates.strangers, 500),
        ("connections of one address", DEFAULTS.rates.connections, 200),
        ("duplex message", DEFAULTS.limits.duplex_message_bytes, 1 << 20),
        ("streaming message", DEFAULTS.limits.streaming_message_bytes, 8 << 20),
        ("session, s", DEFAULTS.limits.session_s, 4 * 3600),
        ("cookie's name", auth.SECURE, "__Secure-vv_refresh"),
    ],
)
def test_numbers_of_the_threat_model(what: str, is_: object, agreed: object) -> None:
    assert is_ == agreed, what


def test_limits_of_each_class() -> None:
    assert RATES["sign_in"].address == Limit(30, 60)
    assert RATES["read"].user == Limit(4 * 50, 4)
    assert RATES["write"].user == Limit(5 * 10, 5)
    assert RATES["search"].user == RATES["export"].user == Limit(30, 60)
    assert RATES["conversation"].user == Limit(10, 60)
    assert [RATES[one].at_once for one in ("sign_in", "read", "export", "conversation", "live")] == [10, 50, 4, 5, 10]


FLOORS = {"pyjwt": "2.15", "starlette": "0.49.1", "python-multipart": "0.0.27", "ray": "2.52"}


@pytest.mark.parametrize("file", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda file: file.name)
def test_nothing_is_older_than_its_fixed_version(file: Path) -> None:
    for name, floor in FLOORS.items():
        for version, _ in pins(file).get(name, []):
            assert version >= Version(floor), name


def test_the_floors_are_about_something() -> None:
    served = pins(ROOT / "requirements/base.txt")
    assert {"pyjwt", "starlette"} <= served.keys()


def test_only_a_list_that_knows_no_owner_is_kept_for_all() -> None:
    """Kept answers are given to everybody with the same permissions. Whoever keeps another route has to show that
    its answer depends on nothing else, and then to name it here.
    """
    kept = set()
    for found in pkgutil.iter_modules(api.__path__):
        for made in vars(importlib.import_module(f"vivavoce.api.{found.name}")).values():
            routes = getattr(made, "routes", None)
            kept |= {one.path for one in getattr(routes, "declared", ()) if one.cached}
    assert kept == {"/api/apps"}
