"""What to answer: a skill when one fits, else the language model, with the skills as its tools, else an honest word.

A responder yields text to be spoken and effects to be carried out. It never carries them out itself: the
reply holds effects back until the turn is committed, so answering early can do no harm.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vivavoce import aio
from vivavoce.conversation.skills import Effect, SkillContext, SkillMemory, SkillReply, Skills
from vivavoce.errors import BackendError
from vivavoce.inference.ports import (
    ChatMessage,
    ChatRequest,
    LanguageModel,
    Picture,
    TextDelta,
    ToolCall,
    ToolSpec,
    Transcript,
    Usage,
)

TOOL_CALLS = 5
"""Most tool calls in one turn (THREATS: a model that loops has no hands)."""
REPLY_CHARS = 12_000
"""Longest text of a model that is spoken, about a quarter of an hour; the reply limit is reached long before. What is
beyond it is left unsaid, and no error: that the model has run away is the wrappers' to find, at 20,000.
"""


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be answered, with what the view knows."""

    transcript: Transcript
    language: str
    history: tuple[ChatMessage, ...]
    """As it was when the answer was begun; the question itself is not in it."""
    memory: SkillMemory
    system_prompt: str = ""
    pictures: tuple[Picture, ...] = ()
    max_tokens: int | None = None
    temperature: float | None = None
    skills: frozenset[str] | None = None
    """Names of the skills that may be used; None: all."""
    model: str | None = None
    """The language model's name at its server, where that has several."""


Answer = str | Effect | Usage


class Responder(Protocol):
    def answer(self, question: Question) -> AsyncIterator[Answer]:
        """Stream text and effects. Raises BackendError(code='llm_failed') before or between pieces."""
        ...


class SkillsFirst:
    """The responder of this house: see the head of the module. `clock` gives local time for the skills."""

    def __init__(self, skills: Skills, model: LanguageModel | None, clock: Callable[[], datetime]) -> None:
        self._skills = skills
        self._model = model
        self._clock = clock

    async def answer(self, question: Question) -> AsyncIterator[Answer]:
        transcript, language = question.transcript, question.language
        context = SkillContext(language, self._clock(), question.memory)
        skills = self._skills.only(question.skills)
        reply = self._skilled(skills, transcript, context)
        if reply is not None:
            for effect in reply.effects:
                yield effect
            yield reply.text
        elif self._model is not None:
            async with aio.closing(self._converse(self._model, skills, question, context)) as pieces:
                async for piece in pieces:
                    yield piece
        else:
            yield skills.fallback(transcript.text, language)

    def _skilled(self, skills: Skills, transcript: Transcript, context: SkillContext) -> SkillReply | None:
        if transcript.unsure:
            return skills.ask_back(transcript.text, context.language)
        if transcript.rejected:
            return None
        intent = skills.match(transcript.text, context.language)
        if intent is None or (intent.free and self._model is not None):
            return None
        reply = skills.answer(intent, context)
        # What a skill could not find, a model may know.
        return None if reply.failed and self._model is not None else reply

    async def _converse(
        self, model: LanguageModel, skills: Skills, question: Question, context: SkillContext
    ) -> AsyncIterator[Answer]:
        messages = list(_messages(question))
        tools = skills.tools(question.language) if model.capabilities.tools else ()
        budget = TOOL_CALLS
        while True:
            calls: list[ToolCall] = []
            said = 0
            async with aio.closing(_stream(model, question, messages, tools)) as deltas:
                async for delta in deltas:
                    if isinstance(delta, TextDelta):
                        said += len(delta.text)
                        if said > REPLY_CHARS:
                            return
                        yield delta.text
                    elif isinstance(delta, ToolCall):
                        calls.append(delta)
                        if len(calls) > budget:
                            raise BackendError(f"the model asked for more than {TOOL_CALLS} tools", code="llm_failed")
                    else:
                        yield delta
            if not calls:
                return
            budget -= len(calls)
            messages.append(ChatMessage("assistant", "", tool_calls=tuple(calls)))
            for call in calls:
                result = skills.call(call.name, call.arguments, context)
                for effect in result.effects:
                    yield effect
                messages.append(ChatMessage("tool", result.text, tool_call_id=call.id))


def _messages(question: Question) -> tuple[ChatMessage, ...]:
    system = (ChatMessage("system", question.system_prompt),) if question.system_prompt else ()
    asked = (ChatMessage("user", question.transcript.text, question.pictures),) if question.transcript.text else ()
    return (*system, *question.history, *asked)


def _stream(
    model: LanguageModel, question: Question, messages: list[ChatMessage], tools: tuple[ToolSpec, ...]
) -> AsyncIterator[TextDelta | ToolCall | Usage]:
    return model.reply(
        ChatRequest(
            tuple(messages), question.language, tools, question.max_tokens, question.temperature, question.model
        )
    )
