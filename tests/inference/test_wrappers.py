"""A dressed port is still the port: it passes the suite, and its failures are those of the port."""

import asyncio
from dataclasses import replace

import pytest

from vivavoce.aio import now
from vivavoce.errors import BackendError, BackendTimeout, BackendUnavailable, Closed, ConfigError
from vivavoce.inference import wrappers
from vivavoce.inference.ports import ChatMessage, ChatRequest, SpeechChunk, SpeechRequest, TextDelta, Transcript
from vivavoce.testing import conformance
from vivavoce.testing.fakes import FakeLanguageModel, FakeRecognizer, FakeSynthesizer

HELLO = ChatRequest((ChatMessage("user", "hello"),))
GREETING = SpeechRequest("hello there")
SOUND = b"\1\0" * 320


class Notes:
    def __init__(self):
        self.all = []

    def measured(self, request):
        self.all.append((request.port, request.outcome))


def recognizer(*texts, **options):
    return wrappers.sturdy_recognizer(FakeRecognizer(*texts, **options), Notes())


async def read(items):
    return [item async for item in items]


async def said(utterance, sound=SOUND):
    utterance.feed(sound)
    return await utterance.finish()


# ── the suites ────────────────────────────────────────────────────────────────────────────────────


async def test_a_sturdy_recognizer_keeps_the_contract():
    await conformance.check_recognizer(lambda: recognizer("good morning", partials=("good",)))


async def test_a_sturdy_model_keeps_the_contract():
    await conformance.check_language_model(lambda: wrappers.sturdy_model(FakeLanguageModel(), Notes()))


async def test_a_sturdy_synthesizer_keeps_the_contract():
    await conformance.check_synthesizer(lambda: wrappers.sturdy_synthesizer(FakeSynthesizer(), Notes()))


async def test_chains_keep_the_contract():
    broken = BackendError("broken")
    await conformance.check_recognizer(
        lambda: wrappers.any_recognizer(FakeRecognizer(error=broken), recognizer("good morning"))
    )
    await conformance.check_language_model(
        lambda: wrappers.any_model(FakeLanguageModel(error=broken), FakeLanguageModel())
    )
    await conformance.check_synthesizer(
        lambda: wrappers.any_synthesizer(FakeSynthesizer(error=broken), FakeSynthesizer())
    )


# ── limits of THREATS, in the order they were composed ────────────────────────────────────────────


async def test_a_hanging_recognizer_is_given_up_after_five_seconds():
    error = await conformance.check_failure(said(recognizer(gate=asyncio.Event()).listen("en")), "asr_failed")
    assert isinstance(error, BackendTimeout)
    assert now() == 5


async def test_a_hanging_model_is_given_up_after_ten_seconds_and_left_alone_when_it_fails_often():
    notes = Notes()
    fake = FakeLanguageModel(gate=asyncio.Event())
    model = wrappers.sturdy_model(fake, notes)
    for _ in range(5):
        await conformance.check_failure(model.reply(HELLO), "llm_failed")
    assert now() == 50
    assert fake.running == 0
    # Five time-outs of ten seconds lie further apart than the breaker looks back; five at once do not.
    await asyncio.gather(*(conformance.check_failure(model.reply(HELLO), "llm_failed") for _ in range(5)))
    error = await conformance.check_failure(model.reply(HELLO), "llm_failed")
    assert isinstance(error, BackendUnavailable)
    assert notes.all == [("llm", "timeout")] * 10 + [("llm", "unavailable")]


async def test_a_hanging_synthesizer_is_given_up_after_five_seconds():
    synthesizer = wrappers.sturdy_synthesizer(FakeSynthesizer(gate=asyncio.Event()), Notes())
    await conformance.check_failure(synthesizer.speak(GREETING), "tts_failed")
    assert now() == 5


async def test_a_model_that_runs_away_is_stopped():
    endless = FakeLanguageModel(lambda request: [TextDelta("la " * 1000)] * 100)
    error = await conformance.check_failure(wrappers.sturdy_model(endless, Notes()).reply(HELLO), "llm_failed")
    assert "20,000 characters" in error.message


async def test_a_voice_that_runs_away_is_stopped():
    class Endless(FakeSynthesizer):
        async def speak(self, request):
            while True:
                yield SpeechChunk(bytes(1_000_000))

    error = await conformance.check_failure(
        wrappers.sturdy_synthesizer(Endless(), Notes()).speak(GREETING), "tts_failed"
    )
    assert "bytes of sound" in error.message


# ── what is measured ──────────────────────────────────────────────────────────────────────────────


async def test_each_port_reports_what_was_done():
    notes = Notes()
    await said(wrappers.sturdy_recognizer(FakeRecognizer("hello"), notes).listen("en"))
    await read(wrappers.sturdy_model(FakeLanguageModel(), notes).reply(HELLO))
    await read(wrappers.sturdy_synthesizer(FakeSynthesizer(), notes).speak(GREETING))
    assert notes.all == [("asr", "done"), ("llm", "done"), ("tts", "done")]


# ── an utterance and its tries ────────────────────────────────────────────────────────────────────


class Flaky(FakeRecognizer):
    """Fails the first `failures` utterances."""

    def __init__(self, failures, **options):
        super().__init__("hello", **options)
        self.failures = failures

    def listen(self, language, on_partial=None):
        self.error = BackendError("broken") if len(self.utterances) < self.failures else None
        return super().listen(language, on_partial)


async def test_a_second_try_hears_the_whole_utterance_again():
    flaky = Flaky(failures=1)
    utterance = wrappers.sturdy_recognizer(flaky, Notes()).listen("zh")
    utterance.feed(SOUND)
    utterance.feed(b"\2\0")
    transcript = await utterance.finish()
    assert transcript.text == "hello"
    assert [(bytes(each.sound), each.language) for each in flaky.utterances] == [(SOUND + b"\2\0", "zh")] * 2


async def test_a_recognizer_that_cannot_even_begin_is_asked_again_at_the_end():
    class Refusing(FakeRecognizer):
        refusals = 1

        def listen(self, language, on_partial=None):
            if self.refusals:
                self.refusals -= 1
                raise BackendError("no room")
            return super().listen(language, on_partial)

    assert (await said(wrappers.sturdy_recognizer(Refusing("hello"), Notes()).listen("en"))).text == "hello"


async def test_partials_come_from_the_live_try_only():
    partials = []
    flaky = Flaky(failures=1, partials=("hel", "hello"))
    utterance = wrappers.sturdy_recognizer(flaky, Notes()).listen("en", partials.append)
    utterance.feed(SOUND)
    assert partials == ["hel"]
    await utterance.finish()
    assert partials == ["hel"]


async def test_cancel_ends_a_finish_that_waits():
    notes = Notes()
    fake = FakeRecognizer(gate=asyncio.Event())
    utterance = wrappers.sturdy_recognizer(fake, notes).listen("en")
    asyncio.get_running_loop().call_later(1, utterance.cancel)
    with pytest.raises(Closed):
        await said(utterance)
    assert now() == 1
    assert fake.utterances[0].state == "cancelled"
    assert notes.all == [("asr", "stopped")]


async def test_the_next_recognizer_hears_what_the_first_could_not_understand():
    second = FakeRecognizer(Transcript("hello", unsure=True))
    chain = wrappers.any_recognizer(FakeRecognizer(error=BackendError("broken")), second)
    assert await said(chain.listen("en")) == Transcript("hello", unsure=True)
    assert bytes(second.utterances[0].sound) == SOUND


# ── chains ────────────────────────────────────────────────────────────────────────────────────────


def sending(fake, host, **abilities):
    fake.capabilities = replace(fake.capabilities, sends_to=host, **abilities)
    return fake


def test_a_chain_names_every_host_and_only_the_abilities_that_all_have():
    first = sending(FakeLanguageModel(), "api.example", tools=True, vision=True)
    second = sending(FakeLanguageModel(), "other.example", tools=True)
    can = wrappers.any_model(first, second, FakeLanguageModel(tools=True)).capabilities
    assert (can.sends_to, can.tools, can.vision) == ("api.example, other.example", True, False)


async def test_a_stand_in_speaks_with_its_own_voice():
    second = FakeSynthesizer()
    chain = wrappers.any_synthesizer(FakeSynthesizer(error=BackendError("broken")), second)
    await read(chain.speak(SpeechRequest("hello", voice="theirs")))
    await read(chain.speak(SpeechRequest("hello", voice="fake-zh")))
    assert [request.voice for request in second.requests] == [None, "fake-zh"]


def test_voices_of_different_rates_do_not_stand_in_for_each_other():
    with pytest.raises(ConfigError, match="24000 Hz, fake 22050 Hz"):
        wrappers.any_synthesizer(FakeSynthesizer(), FakeSynthesizer(rate=22_050))
