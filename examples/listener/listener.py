"""A back-end for Vivavoce in a package of its own: a language model that only listens.

It turns what somebody said around and asks on («I am tired» → «Why are you tired?»), as the very first program that
conversed did. A real one would stream from a model here; the shape is the same.
"""

import re
from collections.abc import AsyncIterator, Mapping

from vivavoce.inference.context import Context
from vivavoce.inference.ports import ChatDelta, ChatRequest, LanguageModelCapabilities, TextDelta, Usage

TURNED = {"i": "you", "me": "you", "my": "your", "am": "are", "you": "I", "your": "my", "mine": "yours"}
OPENINGS = (
    (re.compile(r"^i am (.+)|^i'm (.+)", re.I), "Why are you {}?"),
    (re.compile(r"^i (?:want|need) (.+)", re.I), "What would it mean to you to get {}?"),
    (re.compile(r"^i feel (.+)", re.I), "Do you often feel {}?"),
    (re.compile(r"\bmy (.+)", re.I), "Tell me more about your {}."),
)


class Listener:
    """Satisfies `LanguageModel` of vivavoce.inference.ports."""

    def __init__(self, name: str) -> None:
        self.capabilities = LanguageModelCapabilities(name)

    async def reply(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        said = next((message.text for message in reversed(request.messages) if message.role == "user"), "")
        words = answer(said.strip(" .!?")).split(" ")
        for word in words:
            yield TextDelta(word + " ")
        yield Usage(input_tokens=len(said.split()), cached_tokens=0, output_tokens=len(words))


def answer(said: str) -> str:
    for pattern, reply in OPENINGS:
        if found := pattern.search(said):
            rest = next(group for group in found.groups() if group)
            return reply.format(" ".join(TURNED.get(word.lower(), word) for word in rest.split()))
    return "Please go on." if said else "I am listening."


def make(options: Mapping[str, str], context: Context) -> Listener:
    """What the entry point names: `options` are those of `llm.options` in vivavoce.yaml."""
    return Listener(options.get("called", "listener"))
