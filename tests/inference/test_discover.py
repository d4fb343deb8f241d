"""Finding a model server: what is configured wins, an Ollama is asked, and nobody waits for one that is not there."""

import asyncio

import pytest

from vivavoce.aio import now
from vivavoce.errors import ConfigError
from vivavoce.inference.backends.openai import choose
from vivavoce.inference.discover import OPENAI, Address, configured, discover, ollama_at, probe
from vivavoce.inference.secret import Secret
from vivavoce.testing.openai_server import OpenAIServer

KEY = Secret("sk-test")


def test_a_key_alone_means_openai_and_nothing_means_nothing():
    assert configured(None, None) is None
    assert configured("", Secret("")) is None
    assert configured(None, KEY) == Address(OPENAI, KEY)
    assert configured("http://127.0.0.1:8000/v1", None) == Address("http://127.0.0.1:8000/v1")


def test_ollama_is_spoken_to_by_its_compatible_side():
    for given in ("http://127.0.0.1:11434", "http://127.0.0.1:11434/", "http://127.0.0.1:11434/v1"):
        assert ollama_at(given).base_url == "http://127.0.0.1:11434/v1"


@pytest.mark.parametrize(
    ("models", "best"),
    [
        ((), None),
        (("nomic-embed-text", "whisper-1"), None),
        (("bge-m3", "qwen3:8b", "llama3.2"), "qwen3:8b"),
        (("gpt-3.5-turbo", "gpt-4o-mini", "tts-1"), "gpt-4o-mini"),
    ],
)
def test_the_model_to_talk_with_is_none_for_something_else(models, best):
    assert choose(models) == best


@pytest.mark.journey
async def test_an_ollama_that_answers_is_found_with_its_models():
    async with OpenAIServer(models=("nomic-embed-text", "qwen3:8b")) as server:
        found = await discover(None, Address(server.base_url))
    assert found.by == "ollama"
    assert found.models == ("qwen3:8b", "nomic-embed-text")


@pytest.mark.journey
async def test_a_configured_server_is_taken_unasked():
    async with OpenAIServer() as server:
        address = Address("http://127.0.0.1:1/v1", KEY)
        found = await discover(address, Address(server.base_url))
        assert server.asked == []
    assert (found.address, found.by) == (address, "configuration")


@pytest.mark.journey
async def test_one_without_a_model_to_talk_with_is_not_taken():
    async with OpenAIServer(models=("nomic-embed-text",)) as server:
        assert await discover(None, Address(server.base_url)) is None
        assert await probe(Address(server.base_url)) == ()


@pytest.mark.journey
@pytest.mark.parametrize("trouble", ["hang", 500, "redirect"])
async def test_one_that_does_not_answer_is_not_waited_for(trouble):
    async with OpenAIServer() as server:
        server.trouble["/models"] = trouble
        begun = now()
        assert await discover(None, Address(server.base_url)) is None
        assert now() - begun < 5


@pytest.mark.journey
async def test_nobody_there_is_nothing_found():
    async with OpenAIServer() as server:
        address = Address(server.base_url)
    await asyncio.sleep(0)
    assert await probe(address) is None


@pytest.mark.parametrize("base_url", ["nowhere", "http://host:port", "http://[::1"])
async def test_an_address_that_is_none_is_told(base_url):
    with pytest.raises(ConfigError, match=r"ollama\.base_url"):
        await discover(None, ollama_at(base_url))
