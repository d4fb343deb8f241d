"""All skills in all languages: what a sentence means, what is answered, and what else is made of the definition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import replace
from functools import lru_cache
from itertools import chain, zip_longest
from typing import Any, Self

from vivavoce.conversation.skills import spoken, tools
from vivavoce.conversation.skills.definition import LANGUAGES, Definition, Skill, load
from vivavoce.conversation.skills.grammar import grammar
from vivavoce.conversation.skills.handlers import HANDLERS, Question
from vivavoce.conversation.skills.matching import MAX_TEXT, Matcher
from vivavoce.conversation.skills.memory import Timer
from vivavoce.conversation.skills.values import Ask, Intent, SkillContext, SkillReply
from vivavoce.inference.grammar import Grammar
from vivavoce.inference.ports import ToolSpec

_HELP_EXAMPLES = 3
_FALLBACK_SKILLS = 4


class Skills:
    """Stateless after its making; one for all conversations, whose state is in each `SkillMemory`.

    A language without skills is understood as nothing (`match` is None) and answered in the first one.
    """

    @classmethod
    def load(cls, languages: Iterable[str] = LANGUAGES) -> Self:
        """The skills of the sentence files. Raises ConfigError for an unknown language or a malformed file."""
        return cls(load(language) for language in languages)

    def __init__(self, definitions: Iterable[Definition]) -> None:
        """At least one definition; the first one's language stands in for those without skills."""
        self._definitions = {definition.language: definition for definition in definitions}
        self._matchers = {language: Matcher(definition) for language, definition in self._definitions.items()}
        self._default = next(iter(self._definitions.values()))
        self._allowed: frozenset[str] | None = None
        # Partial transcripts come again and again with the same words.
        self._matched = lru_cache(maxsize=512)(self._match)
        self._tools = lru_cache(maxsize=None)(self._make_tools)
        self._narrowed = lru_cache(maxsize=256)(self._narrow)

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(self._definitions)

    @property
    def names(self) -> frozenset[str]:
        """Skills that may be allowed or not: those that a person would miss. The others belong to talking itself."""
        return frozenset(
            skill.name for one in self._definitions.values() for skill in one.skills.values() if skill.tool
        )

    def only(self, names: frozenset[str] | None) -> Skills:
        """The same with no more than these skills; None: all of them. Help and asking back remain."""
        return self if names is None else self._narrowed(names)

    def _narrow(self, names: frozenset[str]) -> Skills:
        few = copy(self)
        few._allowed = names if self._allowed is None else names & self._allowed
        few._tools = lru_cache(maxsize=None)(few._make_tools)
        few._narrowed = lru_cache(maxsize=16)(few._narrow)
        return few

    def _allows(self, skill: Skill) -> bool:
        return self._allowed is None or skill.tool is None or skill.name in self._allowed

    # ── understanding and answering ───────────────────────────────────────────────────────────────

    def match(self, text: str, language: str) -> Intent | None:
        """What `text` means, or None. Tolerates case, punctuation, politeness, numbers in words or digits."""
        intent = self._matched(text, language) if len(text) <= MAX_TEXT else None
        if intent is None or not self._allows(self._definition(language).skills[intent.name]):
            return None
        return intent

    def _match(self, text: str, language: str) -> Intent | None:
        matcher = self._matchers.get(language)
        return matcher.match(text) if matcher else None

    def answer(self, intent: Intent, context: SkillContext) -> SkillReply:
        """The reply to an intent of `match`. Changes nothing: effects are for after the commit."""
        definition = self._definition(context.language)
        asked = context.memory.asked
        if asked and intent.name == "confirm":
            return self.answer(asked, context)
        skill = definition.skills[intent.name]
        if asked and intent.name == "deny":
            return SkillReply(_pick(skill.asked, context))
        if intent.name == "help":
            return SkillReply(self.help(context.language))
        if handler := HANDLERS.get(intent.name):
            return handler(Question(intent, definition, context.now, context.memory))
        assert isinstance(skill.say, tuple)
        return SkillReply(_pick(skill.say, context))

    def fallback(self, text: str, language: str) -> str:
        """What to say when nothing matched and no language model is there: what can be said instead."""
        definition = self._definition(language)
        helpful = [skill.help for skill in self._helpful(definition)]
        if not helpful:
            return definition.words("help", "ask_again")
        examples = self.examples(language, len(helpful))
        return definition.words("help", "fallback").format(
            skills=spoken.joined(helpful[:_FALLBACK_SKILLS], definition.language),
            example=examples[len(text) % len(examples)],  # not the same each time, but the same for the same words
        )

    def ask_back(self, text: str, language: str) -> SkillReply:
        """Ask whether `text`, of which recognition was unsure, was really said. A "yes" then does it."""
        definition, intent = self._definition(language), self.match(text, language)
        if intent is None:
            return SkillReply(definition.words("help", "ask_again"))
        return SkillReply(definition.words("help", "ask_back").format(text=text.strip(" .?!。？！")), (Ask(intent),))

    def ring_text(self, timer: Timer, language: str) -> str:
        """The announcement of a timer that rings."""
        definition = self._definition(language)
        text = definition.words("timer_set", "rings_named" if timer.label else "rings")
        return text.format(duration=spoken.duration(timer.seconds, definition.language), label=timer.label)

    # ── what else the definition feeds ────────────────────────────────────────────────────────────

    def help(self, language: str) -> str:
        """Spoken help: what can be done, with examples."""
        definition = self._definition(language)
        helpful = [skill.help for skill in self._helpful(definition)]
        if not helpful:
            return definition.words("help", "ask_again")
        joint = definition.words("help", "joint")
        return definition.words("help", "help").format(
            skills=spoken.joined(helpful, definition.language),
            examples=joint.join(self.examples(language, _HELP_EXAMPLES)),
        )

    def examples(self, language: str, n: int) -> tuple[str, ...]:
        """Up to `n` sentences to try: the first of each skill, in the order of the file's `showcase`, then the rest."""
        definition = self._definition(language)
        skills = {name: skill for name, skill in definition.skills.items() if self._allows(skill)}
        shown = [skills[name].examples for name in definition.showcase if name in skills]
        shown += [skill.examples for name, skill in skills.items() if name not in definition.showcase]
        return tuple(text for text in chain.from_iterable(zip_longest(*shown)) if text)[:n]

    def grammar(self, language: str) -> Grammar:
        """The sentences as JSGF, for a recogniser. `match` accepts everything it accepts."""
        return grammar(self._definition(language))

    def tools(self, language: str) -> tuple[ToolSpec, ...]:
        """The skills for a language model, with their slots as JSON schema."""
        return self._tools(self._definition(language).language)

    def _make_tools(self, language: str) -> tuple[ToolSpec, ...]:
        definition = self._definitions[language]
        usable = [skill for skill in definition.skills.values() if skill.tool and self._allows(skill)]
        return tuple(tools.spec(skill, definition) for skill in usable)

    def call(self, name: str, arguments: Mapping[str, Any], context: SkillContext) -> SkillReply:
        """A language model's tool call. Never raises: a call that is wrong is answered with `failed` and why."""
        definition = self._definition(context.language)
        skill = definition.skills.get(name)
        if skill is None or skill.tool is None or not self._allows(skill):
            text = definition.words("help", "bad_tool").format(name=name[:80])
            return SkillReply(text, failed=True)
        if why := tools.wrong(arguments, tools.spec(skill, definition)):
            text = definition.words("help", "bad_arguments").format(name=name, why=why)
            return SkillReply(text, failed=True)
        return self.answer(Intent(name, tools.slots(arguments)), replace(context, language=definition.language))

    def _definition(self, language: str) -> Definition:
        return self._definitions.get(language, self._default)

    def _helpful(self, definition: Definition) -> list[Skill]:
        return [skill for skill in definition.skills.values() if skill.help and self._allows(skill)]


def _pick(texts: tuple[str, ...], context: SkillContext) -> str:
    """One of several answers: another one most times, yet no dice, so that tests and replays agree."""
    return texts[context.now.second % len(texts)]
