"""Which hosts are this machine: what may be served without accounts, and where sound may go without a word."""

import pytest

from vivavoce.inference.addresses import is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_this_machine(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "192.168.1.7", "api.openai.com", "localhost.example.com", "127.0.0.1.example.org", "", "8006"],
)
def test_any_other(host):
    assert not is_loopback(host)
