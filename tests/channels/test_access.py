from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.channels.access import Access
from vivavoce.errors import ConfigError


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8006", "127.0.0.1:8006", "[::1]:8006", "LocalHost:80", "localhost."]
)
def test_loopback_names_pass(host: str) -> None:
    assert Access().refusal([host], []) is None


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        ["evil.example"],
        ["evil.example:8006"],
        ["127.0.0.1.evil.example"],
        ["localhost@evil.example"],
        ["localhost", "localhost"],
        ["localhost:99999999"],
        ["localhost/x"],
        [""],
        ["[::1]evil"],
        ["127.0.0.2"],
    ],
)
def test_other_names_and_strange_ones_do_not(hosts: list[str]) -> None:
    assert Access().refusal(hosts, []) is not None


def test_a_page_may_dial_only_the_server_it_came_from() -> None:
    access = Access()
    assert access.refusal(["localhost:8006"], ["http://localhost:8006"]) is None
    assert access.refusal(["localhost:8006"], ["http://localhost:3000"]) is not None
    assert access.refusal(["localhost:8006"], ["http://127.0.0.1:8006"]) is not None


@pytest.mark.parametrize("origin", ["null", "", "http://evil.example", "file://", "http://localhost:8006.evil.example"])
def test_foreign_origins_do_not_pass(origin: str) -> None:
    assert Access().refusal(["localhost:8006"], [origin]) is not None


def test_two_origins_are_none() -> None:
    assert Access().refusal(["localhost"], ["http://localhost", "http://evil.example"]) is not None


def test_configured_names_and_origins_pass() -> None:
    access = Access.allowing(["Voice.Example"], ["https://app.example/"])
    assert access.refusal(["voice.example:8006"], ["https://app.example"]) is None
    assert access.refusal(["localhost"], ["https://app.example"]) is None
    assert access.refusal(["voice.example"], ["http://app.example"]) is not None


@pytest.mark.parametrize("host", ["http://voice.example", "voice.example:80", "a b", ""])
def test_a_host_setting_that_is_no_name_is_an_error(host: str) -> None:
    with pytest.raises(ConfigError):
        Access.allowing([host])


@pytest.mark.parametrize("origin", ["app.example", "*", "null", "ftp://app.example", "https://app.example/path"])
def test_an_origin_setting_that_is_no_origin_is_an_error(origin: str) -> None:
    with pytest.raises(ConfigError):
        Access.allowing([], [origin])


@given(st.text(max_size=40))
def test_nothing_but_loopback_passes_whatever_is_sent(host: str) -> None:
    if Access().refusal([host], []) is None:
        name = host.lower().rsplit(":", 1)[0] if not host.endswith("]") else host.lower()
        assert name.rstrip(".") in ("localhost", "127.0.0.1", "[::1]")


def test_where_the_network_reaches_us_numeric_addresses_are_answered_but_no_foreign_name() -> None:
    reached = Access.allowing(addresses=True)
    for host in ("192.0.2.7:8006", "[2001:db8::1]:8006", "localhost"):
        assert reached.refusal([host], []) is None
    for host in ("evil.example", "192.0.2.7.evil.example", "192.0.2", "[evil]"):
        assert reached.refusal([host], []) is not None
    assert reached.refusal(["192.0.2.7:8006"], ["https://192.0.2.7:8006"]) is None
    assert reached.refusal(["192.0.2.7:8006"], ["https://evil.example"]) is not None
    assert Access().refusal(["192.0.2.7"], []) is not None
