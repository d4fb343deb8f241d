"""What an app allows reaches the skills and the language model."""

from __future__ import annotations

from datetime import UTC, datetime

from vivavoce.conversation.responder import Question, SkillsFirst
from vivavoce.conversation.skills import SkillMemory, Skills
from vivavoce.inference.ports import Transcript
from vivavoce.testing.fakes import FakeLanguageModel

SKILLS = Skills.load()
NOW = datetime(2026, 11, 26, 15, 5, tzinfo=UTC)


def question(text: str, **allowed: object) -> Question:
    return Question(Transcript(text, "en"), "en", (), SkillMemory(), **allowed)  # type: ignore[arg-type]


async def answered(responder: SkillsFirst, asked: Question) -> str:
    return "".join([piece async for piece in responder.answer(asked) if isinstance(piece, str)])


async def test_a_skill_that_is_not_allowed_is_the_models_to_answer() -> None:
    model = FakeLanguageModel("About three.", tools=True)
    responder = SkillsFirst(SKILLS, model, lambda: NOW)
    assert "five past three" in await answered(responder, question("what time is it"))
    assert model.requests == []
    few = frozenset({"timer_set"})
    assert await answered(responder, question("what time is it", skills=few)) == "About three."
    assert [tool.name for tool in model.requests[0].tools] == ["timer_set"]


async def test_without_a_model_it_is_not_done_at_all() -> None:
    told = await answered(SkillsFirst(SKILLS, None, lambda: NOW), question("what time is it", skills=frozenset()))
    assert "three" not in told
    assert told


async def test_the_apps_model_is_asked_for() -> None:
    model = FakeLanguageModel("Yes.")
    await answered(SkillsFirst(SKILLS, model, lambda: NOW), question("tell me a story", model="qwen3:8b"))
    assert model.requests[0].model == "qwen3:8b"
