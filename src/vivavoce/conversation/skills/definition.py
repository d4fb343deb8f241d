"""The sentence files: one definition of each skill, read once, for matching, grammar, tools, help and replies.

A file (`sentences/<language>.yaml`) holds hassil templates with a few keys of our own; docs/skills.md explains
them. Anything wrong in a file is a ConfigError that names the place, at start and not in a conversation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

import yaml
from hassil.expression import (
    Alternative,
    Expression,
    Group,
    ListReference,
    RuleReference,
    Sentence,
)
from hassil.intents import Intent as HassilIntent
from hassil.intents import IntentData, Intents, SlotList, WildcardSlotList
from hassil.parse_expression import parse_sentence
from hassil.parser import ParseError

from vivavoce.errors import ConfigError

LANGUAGES = ("en", "zh")

DECIMAL_BASE = 2 * 10**15
"""hassil's number lists know whole numbers only. The k-th decimal of a sentence goes through it as this plus k
(exact in a float), which only lists marked `decimals` let pass; see matching.py."""
MAX_DECIMALS = 8


@dataclass(frozen=True, slots=True)
class Block:
    """Templates of a skill that fix the same slots, hassil's unit."""

    sentences: tuple[Sentence, ...]
    slots: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tool:
    """How the skill is offered to a language model: `slots` are its parameters."""

    description: str
    slots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Skill:
    """`say` holds the replies: texts to choose from (small talk), or texts by key for the code in handlers.py."""

    name: str
    blocks: tuple[Block, ...]
    help: str = ""
    examples: tuple[str, ...] = ()
    tool: Tool | None = None
    say: Mapping[str, str] | tuple[str, ...] = ()
    asked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Polite:
    """Words that may stand before and after any sentence; after free words only `after_free`."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    after_free: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Definition:
    """A sentence file, parsed. `closed` holds the templates without free words, `free` those with them."""

    language: str
    skills: Mapping[str, Skill]
    lists: Mapping[str, SlotList]
    rules: Mapping[str, Sentence]
    spoken: Mapping[str, Any]
    polite: Polite
    signs: Mapping[str, str]
    percent_sign: str
    slot_notes: Mapping[str, str]
    showcase: tuple[str, ...]
    closed: Intents
    free: Intents
    spaced: bool
    """Whether words are written apart."""

    def is_free(self, sentence: Sentence) -> bool:
        return any(isinstance(self.lists[name], WildcardSlotList) for name in sentence.list_names(dict(self.rules)))

    def words(self, skill: str, key: str) -> str:
        """A reply text of a skill by key. The tests hold all languages to the same keys."""
        say = self.skills[skill].say
        assert isinstance(say, Mapping)
        return say[key]


def walk(expression: Expression, rules: Mapping[str, Sentence]) -> Iterator[Expression]:
    """`expression` and everything in it, through rule references."""
    yield expression
    if isinstance(expression, Group):
        for item in expression.items:
            yield from walk(item, rules)
    elif isinstance(expression, RuleReference):
        yield from walk(rules[expression.rule_name].expression, rules)


def sure_slots(expression: Expression, rules: Mapping[str, Sentence]) -> frozenset[str]:
    """The slots that every sentence of this template fills."""
    if isinstance(expression, ListReference):
        return frozenset({expression.slot_name})
    if isinstance(expression, RuleReference):
        return sure_slots(rules[expression.rule_name].expression, rules)
    if isinstance(expression, Alternative):
        return frozenset.intersection(*(sure_slots(item, rules) for item in expression.items))
    if isinstance(expression, Group):
        return frozenset().union(*(sure_slots(item, rules) for item in expression.items))
    return frozenset()


# ── loading ───────────────────────────────────────────────────────────────────────────────────────


@cache
def load(language: str) -> Definition:
    """The definition of `language`, one of LANGUAGES. Raises ConfigError."""
    if language not in LANGUAGES:
        raise ConfigError(f"There are no skills in the language {language!r}; there are {', '.join(LANGUAGES)}.")
    path = resources.files("vivavoce.conversation.skills") / "sentences" / f"{language}.yaml"
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        document = yaml.load(path.read_text("utf-8"), loader)
    except yaml.YAMLError as wrong:
        raise ConfigError(f"sentences/{language}.yaml is no YAML: {wrong}") from wrong
    return parse(document)


def parse(document: Mapping[str, Any]) -> Definition:
    """A definition from a sentence file's content. Raises ConfigError for whatever is wrong in it."""
    try:
        return _parse(document)
    except (ParseError, KeyError, TypeError, ValueError, AssertionError, AttributeError) as wrong:
        raise ConfigError(f"the sentences of {document.get('language')!r} are malformed: {wrong!r}") from wrong


def _parse(document: Mapping[str, Any]) -> Definition:
    settings = document.get("settings", {})
    base = Intents.from_dict(
        {
            "language": document["language"],
            "settings": settings,
            "intents": {},
            "lists": {name: _list(body) for name, body in document["lists"].items()},
            "expansion_rules": document["expansion_rules"],
        }
    )
    skills = {name: _skill(name, body) for name, body in document["intents"].items()}
    polite = document["polite"]
    definition = Definition(
        language=document["language"],
        skills=skills,
        lists=base.slot_lists,
        rules=base.expansion_rules,
        spoken={name: body["spoken"] for name, body in document["lists"].items() if "spoken" in body},
        polite=Polite(*(tuple(polite[key]) for key in ("before", "after", "after_free"))),
        signs=document["signs"],
        percent_sign=document["percent_sign"],
        slot_notes=document["slots"],
        showcase=tuple(document["showcase"]),
        closed=base,
        free=base,
        spaced=not settings.get("ignore_whitespace", False),
    )
    if unknown := set(definition.showcase) - set(skills):
        raise ConfigError(f"{definition.language}: showcase names no skills: {', '.join(sorted(unknown))}")
    _check(definition)
    return replace(
        definition, closed=_intents(definition, base, free=False), free=_intents(definition, base, free=True)
    )


def _list(body: Mapping[str, Any]) -> Mapping[str, Any]:
    if "range" not in body:
        return body
    # Numbers are digits by the time hassil sees them; its own number words would only cost time.
    bounds = {**body["range"], "words": False}
    if body.get("decimals"):
        bounds["to"] = DECIMAL_BASE + MAX_DECIMALS
    return {"range": bounds}


def _skill(name: str, body: Mapping[str, Any]) -> Skill:
    tool, say = body.get("tool"), body.get("say", ())
    return Skill(
        name=name,
        blocks=tuple(
            Block(tuple(parse_sentence(text, keep_text=True) for text in block["sentences"]), block.get("slots", {}))
            for block in body["data"]
        ),
        help=body.get("help", ""),
        examples=tuple(body.get("examples", ())),
        tool=Tool(tool["description"], tuple(tool.get("slots", ()))) if tool else None,
        say=dict(say) if isinstance(say, Mapping) else tuple(say),
        asked=tuple(body.get("asked", ())),
    )


def _check(definition: Definition) -> None:
    for skill in definition.skills.values():
        sentences = [sentence for block in skill.blocks for sentence in block.sentences]
        for sentence in sentences:
            for part in _parts(sentence, definition):
                if isinstance(part, ListReference) and part.list_name not in definition.lists:
                    raise ConfigError(f"{definition.language}, {skill.name}: no list {{{part.list_name}}}")
        slots = {part.slot_name for s in sentences for part in _parts(s, definition) if isinstance(part, ListReference)}
        slots.update(*(block.slots for block in skill.blocks))
        if skill.tool and (unknown := set(skill.tool.slots) - slots):
            raise ConfigError(f"{definition.language}, {skill.name}: no sentence fills {', '.join(sorted(unknown))}")


def _parts(sentence: Sentence, definition: Definition) -> Iterator[Expression]:
    try:
        yield from walk(sentence.expression, definition.rules)
    except KeyError as missing:
        raise ConfigError(f"{definition.language}, {sentence.text!r}: no rule <{missing.args[0]}>") from missing


def _intents(definition: Definition, base: Intents, *, free: bool) -> Intents:
    wildcards = {name for name, values in definition.lists.items() if isinstance(values, WildcardSlotList)}
    intents: dict[str, HassilIntent] = {}
    for skill in definition.skills.values():
        data = []
        for block in skill.blocks:
            texts = [str(s.text) for s in block.sentences if definition.is_free(s) is free]
            if texts:
                data.append(IntentData(texts, slots=dict(block.slots), wildcard_list_names=wildcards))
        if data:
            intents[skill.name] = HassilIntent(skill.name, data)
    return replace(base, intents=intents)
