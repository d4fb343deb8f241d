"""The OpenAI back-end against a real server over loopback sockets, in all the ways that such a server goes wrong."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from vivavoce.errors import BackendError, BackendTimeout, BackendUnavailable, Closed
from vivavoce.inference.backends.openai import Endpoint, OpenAILanguageModel, OpenAIRecognizer, OpenAISynthesizer
from vivavoce.inference.policies import Patience
from vivavoce.inference.ports import (
    ChatMessage,
    ChatRequest,
    Picture,
    SpeechRequest,
    TextDelta,
    ToolCall,
    ToolSpec,
    Transcript,
    Usage,
)
from vivavoce.inference.secret import Secret
from vivavoce.inference.wrappers import Sturdiness, sturdy_model
from vivavoce.testing import conformance
from vivavoce.testing.openai_server import OpenAIServer, tone

pytestmark = pytest.mark.journey

HELLO = ChatRequest((ChatMessage("system", "Be brief."), ChatMessage("user", "What time is it?")))
CLOCK = ToolSpec("clock", "Tells the time.", {"type": "object", "properties": {"zone": {"type": "string"}}})
SOUND = tone(0.5, 16_000)


@asynccontextmanager
async def talking(*replies, key=None, **options):
    """A server and an endpoint on it."""
    async with OpenAIServer(*replies, **options) as server:
        endpoint = Endpoint(server.base_url, key)
        try:
            yield server, endpoint
        finally:
            await endpoint.aclose()


async def read(items):
    return [item async for item in items]


def text(deltas):
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


async def said(recognizer, sound=SOUND, on_partial=None):
    utterance = recognizer.listen("en", on_partial)
    utterance.feed(sound)
    return await utterance.finish()


# ── the suites ────────────────────────────────────────────────────────────────────────────────────
# They count the tasks of this loop, so the server runs in another one.


@asynccontextmanager
async def proving(*replies, **options):
    with OpenAIServer(*replies, **options).in_thread() as server:
        endpoint = Endpoint(server.base_url)
        try:
            yield endpoint
        finally:
            await endpoint.aclose()


async def test_the_model_keeps_the_contract():
    def reply(asked):
        return f"You said: {asked['messages'][-1]['content']}"

    async with proving(reply) as endpoint:
        await conformance.check_language_model(lambda: OpenAILanguageModel(endpoint, "test-model"))


@pytest.mark.parametrize("stream", [False, True])
async def test_the_recognizer_keeps_the_contract(stream):
    async with proving() as endpoint:
        await conformance.check_recognizer(lambda: OpenAIRecognizer(endpoint, stream=stream))


@pytest.mark.parametrize("speaks_pcm", [True, False])
async def test_the_synthesizer_keeps_the_contract(speaks_pcm):
    async with proving(speaks_pcm=speaks_pcm) as endpoint:
        await conformance.check_synthesizer(lambda: OpenAISynthesizer(endpoint))


# ── chat ──────────────────────────────────────────────────────────────────────────────────────────


async def test_a_reply_streams_and_ends_with_its_usage():
    async with talking("It is noon.") as (server, endpoint):
        deltas = await read(OpenAILanguageModel(endpoint, "test-model", temperature=0.5).reply(HELLO))
    assert deltas == [TextDelta("It"), TextDelta(" is"), TextDelta(" noon."), Usage(10, 4, 3)]
    asked = server.asked[0].json
    assert asked["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What time is it?"},
    ]
    assert (asked["stream"], asked["temperature"]) == (True, 0.5)
    assert "tools" not in asked


async def test_a_request_may_ask_for_another_model_of_the_server():
    async with talking("Yes.", models=("usual", "another")) as (server, endpoint):
        model = OpenAILanguageModel(endpoint, "usual")
        await read(model.reply(ChatRequest(HELLO.messages, model="another")))
        await read(model.reply(HELLO))
    assert [each.json["model"] for each in server.asked] == ["another", "usual"]


async def test_the_usual_model_answers_when_the_one_asked_for_is_not_there():
    async with talking("Yes.", models=("usual",)) as (server, endpoint):
        model = OpenAILanguageModel(endpoint, "usual")
        deltas = await read(model.reply(ChatRequest(HELLO.messages, model="gone")))
    assert text(deltas) == "Yes."
    assert [each.json["model"] for each in server.asked] == ["gone", "usual"]


async def test_a_tool_is_called_and_its_result_is_told():
    async with talking(("One moment. ", ToolCall("c1", "clock", {"zone": "Europe/Rome"})), "Noon.") as (
        server,
        endpoint,
    ):
        model = OpenAILanguageModel(endpoint, "test-model", extra={"seed": 7})
        first = await read(model.reply(ChatRequest(HELLO.messages, tools=(CLOCK,), max_tokens=50)))
        call = ToolCall("c1", "clock", {"zone": "Europe/Rome"})
        assert call in first
        asked_back = ChatRequest(
            (
                *HELLO.messages,
                ChatMessage("assistant", text(first), tool_calls=(call,)),
                ChatMessage("tool", "12:00", tool_call_id="c1"),
            ),
            tools=(CLOCK,),
        )
        assert text(await read(model.reply(asked_back))) == "Noon."
    one, two = (each.json for each in server.asked)
    assert one["tools"][0]["function"]["parameters"] == CLOCK.parameters
    assert (one["max_tokens"], one["seed"]) == (50, 7)
    assert two["messages"][-2]["tool_calls"][0]["function"] == {"name": "clock", "arguments": '{"zone":"Europe/Rome"}'}
    assert two["messages"][-1] == {"role": "tool", "content": "12:00", "tool_call_id": "c1"}


async def test_a_model_that_takes_no_tools_answers_without_them():
    asking = ChatRequest(HELLO.messages, tools=(CLOCK,))
    async with talking("Noon.", takes_tools=False) as (server, endpoint):
        model = OpenAILanguageModel(endpoint, "test-model")
        for _ in range(2):
            assert text(await read(model.reply(asking))) == "Noon."
        assert not model.capabilities.tools
        assert ["tools" in each.json for each in server.asked] == [True, False, False]
        server.trouble["/chat/completions"] = 400
        error = await conformance.check_failure(model.reply(asking), "llm_failed")
    assert "check model and options" in error.message


async def test_pictures_are_sent_only_to_a_model_that_sees():
    seen = ChatRequest((ChatMessage("user", "What is this?", pictures=(Picture("image/png", b"\x89PNG"),)),))
    async with talking("A cat.") as (server, endpoint):
        await read(OpenAILanguageModel(endpoint, "test-model", vision=True).reply(seen))
        await read(OpenAILanguageModel(endpoint, "test-model").reply(seen))
    sees, blind = (each.json["messages"][0]["content"] for each in server.asked)
    assert sees[1] == {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}}
    assert blind == "What is this?"


async def test_connections_are_kept_for_the_next_request():
    async with talking("It is noon.") as (server, endpoint):
        model = OpenAILanguageModel(endpoint, "test-model")
        for _ in range(3):
            await read(model.reply(HELLO))
        await read(OpenAISynthesizer(endpoint).speak(SpeechRequest("hello")))
        await said(OpenAIRecognizer(endpoint, stream=True))
    assert {each.connection for each in server.asked} == {1}


async def test_closing_the_reply_stops_the_server_too():
    async with talking("one two three four", token_s=0.01) as (server, endpoint):
        server.trouble["/chat/completions"] = "endless"
        reply = OpenAILanguageModel(endpoint, "test-model").reply(HELLO)
        await anext(reply)
        assert server.answering == 1
        await reply.aclose()
        async with asyncio.timeout(5):
            await server.idle.wait()


# ── what goes wrong ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        ("endless", "ran past"),
        ("malformed", "something unexpected"),
        ("cut", "failed on the way"),
        ("error", "error of its own"),
        ("oversize", "endless"),
        ("redirect", "redirects are not followed"),
        (500, "failed (500, scripted_trouble)"),
        (429, "too busy"),
        (418, "does not take the request"),
    ],
)
async def test_chat_trouble_is_a_backend_error(trouble, message):
    async with talking("one two three four") as (server, endpoint):
        server.trouble["/chat/completions"] = trouble
        model = OpenAILanguageModel(endpoint, "test-model")
        error = await conformance.check_failure(model.reply(HELLO), "llm_failed")
        assert message in error.message
        assert len(server.asked) == 1
        server.trouble.clear()
        assert text(await read(model.reply(HELLO))) == "one two three four"


async def test_a_slow_drip_is_still_an_answer():
    async with talking("one two") as (server, endpoint):
        server.trouble["/chat/completions"] = "drip"
        assert text(await read(OpenAILanguageModel(endpoint, "test-model").reply(HELLO))) == "one two"


@pytest.mark.parametrize("trouble", ["hang", "stall"])
async def test_a_hanging_server_is_left_at_its_limit(trouble):
    class Deaf:
        def measured(self, request):
            pass

    quick = Sturdiness(Patience(first_s=0.2, between_s=0.2, whole_s=1), tries=1)
    async with talking("one two three four") as (server, endpoint):
        server.trouble["/chat/completions"] = trouble
        model = sturdy_model(OpenAILanguageModel(endpoint, "test-model"), Deaf(), quick)
        assert isinstance(await conformance.check_failure(model.reply(HELLO), "llm_failed"), BackendTimeout)


async def test_an_unknown_model_says_what_to_do():
    async with talking() as (_, endpoint):
        error = await conformance.check_failure(OpenAILanguageModel(endpoint, "gone").reply(HELLO), "llm_failed")
    assert isinstance(error, BackendUnavailable)
    assert "model_not_found" in error.message


async def test_nobody_listening_is_unavailable():
    async with talking() as (server, endpoint):
        await server.aclose()
        error = await conformance.check_failure(OpenAILanguageModel(endpoint, "test-model").reply(HELLO), "llm_failed")
    assert isinstance(error, BackendUnavailable)
    assert "is the server running?" in error.message


async def test_the_key_is_sent_and_never_shown():
    async with talking("hello", key=Secret("sk-canary")) as (server, endpoint):
        server.key = "sk-canary"
        assert text(await read(OpenAILanguageModel(endpoint, "test-model").reply(HELLO))) == "hello"
        server.key = "another"
        error = await conformance.check_failure(OpenAILanguageModel(endpoint, "test-model").reply(HELLO), "llm_failed")
    assert "refuses the key" in error.message
    assert "canary" not in repr(endpoint) + str(error) + repr(error.__cause__)


# ── transcription ─────────────────────────────────────────────────────────────────────────────────


async def test_the_upload_is_one_wav_file_sent_at_the_end():
    async with talking(heard=" What time is it? ") as (server, endpoint):
        utterance = OpenAIRecognizer(endpoint, "whisper-1", prompt="Vivavoce").listen("zh")
        for start in range(0, len(SOUND), 640):
            utterance.feed(SOUND[start : start + 640])
        assert server.asked == []
        assert await utterance.finish() == Transcript("What time is it?")
    form = server.asked[0].form
    assert form["file"][:4] == b"RIFF"
    assert form["file"][44:] == SOUND
    assert (form["model"], form["language"], form["prompt"]) == (b"whisper-1", b"zh", b"Vivavoce")


async def test_a_streaming_server_tells_partial_texts():
    partials = []
    async with talking(heard="what time is it") as (_, endpoint):
        final = await said(OpenAIRecognizer(endpoint, stream=True), on_partial=partials.append)
    assert partials == ["what", "what time", "what time is", "what time is it"]
    assert final.text == "what time is it"


@pytest.mark.parametrize(
    ("trouble", "stream"),
    [("malformed", False), ("oversize", False), (500, False), ("cut", True), ("malformed", True), ("oversize", True)],
)
async def test_transcription_trouble_is_a_backend_error(trouble, stream):
    async with talking() as (server, endpoint):
        server.trouble["/audio/transcriptions"] = trouble
        await conformance.check_failure(said(OpenAIRecognizer(endpoint, stream=stream)), "asr_failed")


async def test_cancel_breaks_the_upload_off():
    async with talking() as (server, endpoint):
        server.trouble["/audio/transcriptions"] = "hang"
        utterance = OpenAIRecognizer(endpoint).listen("en")
        utterance.feed(SOUND)
        asyncio.get_running_loop().call_later(0.05, utterance.cancel)
        with pytest.raises(Closed):
            await utterance.finish()


async def test_an_endless_utterance_is_refused_without_sending_it():
    async with talking() as (server, endpoint):
        utterance = OpenAIRecognizer(endpoint).listen("en")
        for _ in range(130):
            utterance.feed(bytes(32_000))
        error = await conformance.check_failure(utterance.finish(), "asr_failed")
    assert "two minutes" in error.message
    assert server.asked == []


# ── speech ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("speaks_pcm", [True, False])
async def test_speech_streams_whole_samples_as_pcm_or_else_as_wav(speaks_pcm):
    async with talking(speaks_pcm=speaks_pcm) as (server, endpoint):
        voice = OpenAISynthesizer(endpoint, voices=("af_heart", "af_sky"))
        for _ in range(2):
            chunks = await read(voice.speak(SpeechRequest("hello", voice="af_sky", speed=2.0)))
            assert b"".join(chunk.pcm for chunk in chunks) == tone(5 * 0.05 / 2, 24_000)
    assert server.asked[0].json["voice"] == "af_sky"
    formats = [each.json["response_format"] for each in server.asked]
    assert formats == (["pcm", "pcm"] if speaks_pcm else ["pcm", "wav", "wav"])


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        ("mp3", "sends MP3"),
        ("endless", "ran past 300 s"),
        ("cut", "on the way"),
        (503, "503"),
        ("redirect", "redirects"),
    ],
)
async def test_speech_trouble_is_a_backend_error(trouble, message):
    async with talking() as (server, endpoint):
        server.trouble["/audio/speech"] = trouble
        speech = OpenAISynthesizer(endpoint).speak(SpeechRequest("good morning to you"))
        assert message in (await conformance.check_failure(speech, "tts_failed")).message


async def test_a_wav_of_another_rate_says_which_option_to_set():
    async with talking(speaks_pcm=False) as (server, endpoint):
        server.rate = 22_050
        error = await conformance.check_failure(OpenAISynthesizer(endpoint).speak(SpeechRequest("hello")), "tts_failed")
        assert "set the option rate to 22050" in error.message
        assert await read(OpenAISynthesizer(endpoint, rate=22_050).speak(SpeechRequest("hello")))


async def test_a_refusal_of_both_formats_is_told():
    async with talking() as (server, endpoint):
        server.trouble["/audio/speech"] = 400
        with pytest.raises(BackendError, match="does not take the request"):
            await read(OpenAISynthesizer(endpoint).speak(SpeechRequest("hello")))
        assert len(server.asked) == 2


# ── a model that nobody named ─────────────────────────────────────────────────────────────────────


async def test_without_a_model_the_first_reply_asks_what_there_is():
    async with talking("hello", models=("nomic-embed-text", "qwen3:8b")) as (server, endpoint):
        model = OpenAILanguageModel(endpoint)
        for _ in range(2):
            assert text(await read(model.reply(HELLO))) == "hello"
    assert [each.path for each in server.asked] == ["/v1/models", "/v1/chat/completions", "/v1/chat/completions"]
    assert server.asked[1].json["model"] == "qwen3:8b"


async def test_a_server_without_a_model_says_how_to_get_one():
    async with talking(models=()) as (_, endpoint):
        error = await conformance.check_failure(OpenAILanguageModel(endpoint).reply(HELLO), "llm_failed")
    assert "ollama pull" in error.message
