"""What of an address is stored, and what is counted."""

from __future__ import annotations

import pytest

from vivavoce.accounts.networks import network, single


@pytest.mark.parametrize(
    ("address", "cut", "one"),
    [
        ("192.0.2.77", "192.0.2.0/24", "192.0.2.77/32"),
        ("::ffff:192.0.2.77", "192.0.2.0/24", "192.0.2.77/32"),
        ("2001:db8:1:2ff:3::4", "2001:db8:1:200::/56", "2001:db8:1:2ff::/64"),
        ("fe80::1%eth0", "fe80::/56", "fe80::/64"),
        ("", "", ""),
        ("unix", "", "unix"),
        ("192.0.2.0777", "", "192.0.2.0777"),
    ],
)
def test_networks(address: str, cut: str, one: str) -> None:
    assert (network(address), single(address)) == (cut, one)
