"""Every name in the options leads to a back-end, and the list for people says what each one lacks."""

from typing import get_args

import pytest

from vivavoce.errors import ConfigError
from vivavoce.inference import catalog, plugins
from vivavoce.inference import options as of
from vivavoce.inference.context import Context
from vivavoce.inference.discover import Address, Found
from vivavoce.inference.ports import ChatMessage, ChatRequest, SpeechRequest
from vivavoce.testing.openai_server import OpenAIServer

NOWHERE = Address("http://127.0.0.1:1/v1")
KINDS = {"vad": of.Vad, "asr": of.Asr, "llm": of.Llm, "tts": of.Tts}
BUILD = {"vad": catalog.build_vad, "asr": catalog.build_asr, "llm": catalog.build_llm, "tts": catalog.build_tts}


def names(options):
    return options.__struct_config__.tag


@pytest.mark.parametrize("kind", KINDS)
def test_the_options_and_the_list_name_the_same_back_ends(kind):
    listed = [entry.options for entry in catalog.ENTRIES if entry.kind == kind]
    assert set(listed) == {options for options in get_args(KINDS[kind]) if names(options) != "auto"}
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize(
    "entry",
    [entry for entry in catalog.ENTRIES if entry.build is not plugins.build],
    ids=lambda entry: f"{entry.kind} {entry.name}",
)
async def test_each_is_built_from_its_defaults_and_closed_again(entry):
    context = Context(openai=NOWHERE)
    built = BUILD[entry.kind](entry.options(), context)
    try:
        assert built is None if entry.name == "none" else built.capabilities.name
    finally:
        await context.aclose()


@pytest.mark.parametrize(
    ("options", "found", "chosen"),
    [
        (of.AutoVad(on=0.7), None, of.SileroVad(on=0.7)),
        (of.AutoAsr(), None, of.PocketsphinxAsr()),
        (of.AutoTts(), None, of.EspeakTts()),
        (of.AutoLlm(), None, of.NoLlm()),
        (of.AutoLlm(), Found(NOWHERE, "configuration"), of.OpenAILlm()),
        (of.AutoLlm(), Found(NOWHERE, "ollama", ("qwen3:8b",)), of.OllamaLlm(model="qwen3:8b")),
        (of.NoLlm(), Found(NOWHERE, "ollama", ("qwen3:8b",)), of.NoLlm()),
    ],
)
def test_auto_stands_for_what_is_there(options, found, chosen):
    assert catalog.resolve(options, Context(found=found)) == chosen


def test_openai_without_an_address_says_what_to_set():
    with pytest.raises(ConfigError, match=r"neither llm\.base_url nor openai\.base_url is set"):
        catalog.build_llm(of.OpenAILlm(), Context())


def test_what_is_not_installed_says_what_it_needs():
    entry = catalog.Entry("tts", of.EspeakTts, lambda options, context: None, ("no_such_module", "json"))
    assert catalog._not_installed(entry) == "needs no_such_module, which is not installed"


@pytest.mark.journey
async def test_options_reach_the_server():
    async with OpenAIServer("hello") as server:
        context = Context(openai=Address(server.base_url))
        model = catalog.build_llm(
            of.OpenAILlm(model="test-model", temperature=0.2, reasoning_effort="none", tools=False), context
        )
        voice = catalog.build_tts(of.OpenAITts(model="kokoro", voices=("af_sky",)), context)
        async for _ in model.reply(ChatRequest((ChatMessage("user", "hi"),))):
            pass
        async for _ in voice.speak(SpeechRequest("hi")):
            pass
        await context.aclose()
    chat, speech = (asked.json for asked in server.asked)
    assert (chat["model"], chat["temperature"], chat["reasoning_effort"]) == ("test-model", 0.2, "none")
    assert (speech["model"], speech["voice"]) == ("kokoro", "af_sky")
    assert not model.capabilities.tools


@pytest.mark.journey
async def test_the_list_says_what_each_one_lacks():
    async with OpenAIServer(models=()) as ollama:
        context = Context(ollama=Address(ollama.base_url))
        listed = {(each.kind, each.name): each for each in await catalog.entries(context)}
        assert "ollama pull" in listed["llm", "ollama"].missing
        ollama.models = ("qwen3:8b",)
        found = {(each.kind, each.name): each for each in await catalog.entries(context, [of.OpenAITts(base_url="x")])}
    assert found["llm", "ollama"].missing is None
    assert found["tts", "openai"].missing is None
    assert "OPENAI_BASE_URL" in found["asr", "openai"].missing
    assert found["tts", "espeak"].missing is None
    assert found["vad", "silero"].text.startswith("Silero through onnxruntime")
    assert [kind for kind, _ in found] == sorted((kind for kind, _ in found), key=list(KINDS).index)
    gone = {(each.kind, each.name): each for each in await catalog.entries(context)}
    assert "none answers" in gone["llm", "ollama"].missing
