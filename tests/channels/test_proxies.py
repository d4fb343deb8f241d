from __future__ import annotations

import pytest

from vivavoce.channels.proxies import Proxies, is_local, neighbourhood
from vivavoce.errors import ConfigError

PROXIES = Proxies.of(["127.0.0.1", "10.0.0.0/8", "fd00::/8"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),  # no proxy of ours: only a claim
        ("127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["6.6.6.6, 198.51.100.1, 10.1.2.3"], "198.51.100.1"),  # the first one is the client's claim
        ("127.0.0.1", ["6.6.6.6", "198.51.100.1"], "198.51.100.1"),  # two fields are one list
        ("127.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("fd00::1", ["[2001:db8::7]:443"], "2001:db8::7"),
        ("::ffff:127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["198.51.100.1, unknown"], "127.0.0.1"),
        ("127.0.0.1", ["'; drop table users --"], "127.0.0.1"),
        ("127.0.0.1", ["10.1.2.3, 10.1.2.4"], "10.1.2.3"),
    ],
)
def test_the_client_is_the_last_one_that_is_no_proxy_of_ours(peer: str, forwarded: list[str], client: str) -> None:
    assert PROXIES.client(peer, forwarded) == client


def test_the_scheme_is_believed_from_a_proxy_only() -> None:
    assert PROXIES.scheme("10.1.1.1", "http", ["https"]) == "https"
    assert PROXIES.scheme("203.0.113.7", "http", ["https"]) == "http"
    assert PROXIES.scheme("10.1.1.1", "https", ["gopher"]) == "https"
    assert PROXIES.scheme("10.1.1.1", "http", ["https", "http"]) == "http"


@pytest.mark.parametrize("wrong", ["localhost", "10.0.0.0/33", ""])
def test_what_is_no_network_stops_the_start(wrong: str) -> None:
    with pytest.raises(ConfigError, match="trusted_proxies"):
        Proxies.of([wrong])


def test_this_machine_has_three_ways_to_write_itself() -> None:
    assert all(is_local(address) for address in ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"))
    assert not any(is_local(address) for address in ("10.0.0.1", "", "localhost", "2001:db8::1"))


def test_an_ipv6_customer_counts_once_however_many_addresses_he_uses() -> None:
    assert neighbourhood("2001:db8::1") == neighbourhood("2001:db8::ffff:1") != neighbourhood("2001:db8:0:1::1")
    assert neighbourhood("203.0.113.7") != neighbourhood("203.0.113.8")
    assert neighbourhood("::ffff:203.0.113.7") == neighbourhood("203.0.113.7")
