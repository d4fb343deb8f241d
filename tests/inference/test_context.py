"""What back-ends share, and that a key goes only where it belongs."""

import pytest

from vivavoce.errors import ConfigError
from vivavoce.inference.context import Context
from vivavoce.inference.discover import Address
from vivavoce.inference.secret import Secret

KEY, OTHER = Secret("sk-shared"), Secret("sk-other")
SHARED = Address("https://models.example/v1", KEY)


@pytest.mark.parametrize(
    ("base_url", "key", "address"),
    [
        (None, None, SHARED),
        (None, OTHER, Address(SHARED.base_url, OTHER)),
        (SHARED.base_url, None, SHARED),
        ("https://elsewhere.example/v1", None, Address("https://elsewhere.example/v1")),
        ("https://elsewhere.example/v1", OTHER, Address("https://elsewhere.example/v1", OTHER)),
    ],
)
def test_the_shared_key_is_sent_to_the_shared_address_alone(base_url, key, address):
    assert Context(openai=SHARED).address("asr", base_url, key) == address


def test_without_any_address_the_settings_to_make_are_named():
    with pytest.raises(ConfigError, match=r"asr\.base_url nor openai\.base_url"):
        Context().address("asr", None, KEY)


async def test_back_ends_of_one_server_share_its_client():
    context = Context(openai=SHARED)
    one = context.endpoint(SHARED)
    assert context.endpoint(Address(SHARED.base_url, Secret("sk-shared"))) is one
    assert context.endpoint(Address(SHARED.base_url, OTHER)) is not one
    await context.aclose()


async def test_what_was_kept_is_closed_with_it():
    class Worker:
        closed = 0

        def close(self):
            self.closed += 1

    worker, context = Worker(), Context()
    context.keep(worker)
    await context.aclose()
    await context.aclose()
    assert worker.closed == 1


async def test_ready_loads_once_what_would_load_at_its_first_use():
    class Lazy:
        loaded = closed = 0

        async def warm(self):
            self.loaded += 1

        def close(self):
            self.closed += 1

    lazy, context = Lazy(), Context()
    context.keep_warm(lazy)
    await context.ready()
    await context.ready()
    await context.aclose()
    assert (lazy.loaded, lazy.closed) == (1, 1)
