"""Words that are too many, none, no words, or of another world."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from vivavoce.conversation.inputs import UserText
from vivavoce.conversation.outputs import ReplyDone, ReplyText
from vivavoce.conversation.views import SessionSpec
from vivavoce.inference.backends.scripted import ScriptedModel, ScriptedSynthesizer
from vivavoce.inference.ports import SpeechChunk, SpeechRequest, Transcript
from vivavoce.testing.rehearsal import Rehearsal

TEXTS = {
    "nothing": "",
    "blanks": " \n\t  \n",
    "points": "... !!! ??? —— … ,,, ;;;",
    "emoji": "😀 👩‍👩‍👧‍👦 🇩🇪 ❤️ 👍🏽",
    "markup": "# Title\n\n* **bold** [link](http://x.example) `code`\n\n```py\nprint('hi')\n```\n<b>tag</b> &amp;",
    "controls": "One\x00 two\x07 three\x1b[31m red\x1b[0m\u202e back\u2066 wards\ufeff.",
    "one word without end": "a" * 5000,
    "one number without end": "1" * 2000,
    "quotes that never close": '"' * 500 + "(" * 500 + "“" * 500,
    "marks that stack": "e" + "\u0301" * 3000,
    "half of a pair": "half \ud83d of a pair \udc00.",
    "chinese without a point": "一二三四五六七八九十" * 100,
    "arabic": "ما هذا؟ هذا جواب قصير. نعم، بالتأكيد.",
    "thai": "นี่คือคำตอบสั้นๆ ไม่มีช่องว่างระหว่างคำ " * 10,
    "ssml": '<speak><break time="999999s"/>hello</speak>',
    "braces": "{text} {0} {} {{}} %s %n $HOME ${x} {time.__class__}",
}


@pytest.mark.parametrize("name", TEXTS)
async def test_any_reply_ends_and_the_next_turn_works(name: str) -> None:
    text = TEXTS[name].replace("{text}", "text")
    async with Rehearsal(reply=[text, "This is fine."], reply_limit_ms=20_000) as play:
        play.session.handle(UserText("tell me something strange"))
        await play.quiet(30_000)
        first = play.last(ReplyDone)
        assert first.reason in ("completed", "limit")
        assert play.texts()[0].startswith(first.heard_text)
        play.texts()[0].encode()  # can be sent
        play.session.handle(UserText("and something more"))
        await play.quiet(5000)
        assert play.heard_texts()[-1] == "This is fine."
        assert set(play.problems()) <= {"reply_limit"}


@pytest.mark.parametrize("language", ["en", "zh", "de", "xx", "tlh"])
@pytest.mark.parametrize("name", TEXTS)
async def test_any_typed_text_in_any_language_is_answered(name: str, language: str) -> None:
    spec = SessionSpec("typed", language=language, output_rate=16_000)
    async with Rehearsal(spec=spec, reply="This is fine.") as play:
        play.session.handle(UserText(TEXTS[name] or " "))
        await play.quiet(12_000)
        assert play.last(ReplyDone).reason == "completed"
        assert play.problems() == []


@pytest.mark.parametrize("name", TEXTS)
async def test_any_recognised_text_is_answered_or_forgotten(name: str) -> None:
    # What a broken recogniser may give, with partial texts that grow by its words.
    async with Rehearsal(heard=[TEXTS[name], "what is this"], reply="This is fine.") as play:
        for _ in range(2):
            await play.speak(1000)
            await play.quiet(6000)
        assert play.transcripts()[-1] == "what is this"
        assert play.last(ReplyDone).heard_text == "This is fine."
        assert play.problems() == []


@pytest.mark.parametrize("confidence", [None, float("nan"), -1.0, 7.0])
@pytest.mark.parametrize("unsure", [False, True])
async def test_a_recogniser_that_lies_about_itself(confidence: float | None, unsure: bool) -> None:
    said = Transcript("what is this", confidence, unsure, rejected=not unsure)
    async with Rehearsal(heard=[said]) as play:
        await play.speak(1000)
        await play.quiet(8000)
        assert play.last(ReplyDone).reason == "completed"


async def test_a_reply_of_ten_thousand_words_ends_at_its_limit_and_little_of_it_is_kept_at_a_time() -> None:
    model = ScriptedModel("word after word, and no end. " * 1700, first_token_s=0.0, per_token_s=0.0)
    async with Rehearsal(model=model, reply_limit_ms=60_000) as play:
        play.session.handle(UserText("tell me everything"))
        await play.quiet(70_000)
        done = play.last(ReplyDone)
        assert done.reason == "limit"
        assert done.heard_ms == pytest.approx(60_000, abs=20)
        made = max(text.at or 0 for text in play.all(ReplyText))
        assert made <= 60 * 16_000


async def test_ten_thousand_words_end_where_a_model_must_in_any_case() -> None:
    model = ScriptedModel("word after word, and no end. " * 1700, first_token_s=0.0, per_token_s=0.0)
    voice = ScriptedSynthesizer(rate=16_000, character_s=0.01)
    async with Rehearsal(model=model, synthesizer=voice, reply_limit_ms=3_600_000) as play:
        play.session.handle(UserText("tell me everything"))
        await play.quiet(150_000)
        assert play.last(ReplyDone).reason == "completed"
        assert len(play.texts()[0]) <= 12_000


async def test_twenty_thousand_characters_are_one_question() -> None:
    async with Rehearsal(reply="This is fine.") as play:
        play.session.handle(UserText("why? " * 4000))
        await play.quiet(5000)
        assert play.last(ReplyDone).heard_text == "This is fine."


@pytest.mark.parametrize(("asked", "spoken"), [("en", "en"), ("zh", "zh"), ("xx", "en"), ("tlh", "en")])
async def test_a_language_that_nobody_speaks_here_is_answered_in_the_houses_own(asked: str, spoken: str) -> None:
    class Noting(ScriptedSynthesizer):
        def speak(self, request: SpeechRequest) -> AsyncIterator[SpeechChunk]:
            languages.add(request.language)
            return super().speak(request)

    languages: set[str] = set()
    spec = SessionSpec("third", language=asked, output_rate=16_000)
    async with Rehearsal(spec=spec, synthesizer=Noting(rate=16_000)) as play:
        play.session.handle(UserText("qo'noS yIjatlh"))
        await play.quiet(5000)
        assert play.last(ReplyDone).reason == "completed"
        assert languages == {spoken}
