"""The sentence templates as JSGF, for a recogniser that listens for closed sentences.

Words come out lower-case and spelt out. Free words are replaced by what their list says can be `spoken` of them.
JSGF: W3C Note "JSpeech Grammar Format" (2000).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from hassil.expression import (
    Alternative,
    Expression,
    ListReference,
    Permutation,
    RuleReference,
    Sentence,
    TextChunk,
)
from hassil.expression import Sequence as TemplateSequence
from hassil.intents import RangeSlotList, TextSlotList, WildcardSlotList
from hassil.parse_expression import parse_sentence

from vivavoce.conversation.skills import numbers
from vivavoce.conversation.skills.definition import Definition
from vivavoce.errors import ConfigError
from vivavoce.inference.grammar import Grammar


def grammar(definition: Definition) -> Grammar:
    """The grammar of all skills of a language. Raises ConfigError for templates that JSGF cannot say."""
    return Grammar(definition.language, _Writer(definition).document())


class _Writer:
    """Collects rules as they are needed, so that what no sentence uses is not in the grammar."""

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        self._rules: dict[str, str] = {}

    def document(self) -> str:
        polite = self._definition.polite
        edges = {"before": polite.before, "after": polite.after, "after_free": polite.after_free}
        for name, phrases in edges.items():
            self._rules[name] = " | ".join(sorted(self._words(phrase) for phrase in phrases))
        closed, free = self._skills(free=False), self._skills(free=True)
        public = f"[<before>] ({closed}) [<after>]" + (f" | [<before>] ({free}) [<after_free>]" if free else "")
        lines = ["#JSGF V1.0;", f"grammar skills_{self._definition.language};", f"public <sentence> = {public};"]
        return "\n".join([*lines, *(f"<{name}> = {body};" for name, body in self._rules.items()), ""])

    def _skills(self, *, free: bool) -> str:
        names = []
        for skill in self._definition.skills.values():
            sentences = [s for block in skill.blocks for s in block.sentences if self._wanted(s, free=free)]
            if sentences:
                name = f"{skill.name}_free" if free else skill.name
                self._rules[name] = " | ".join(self._say(sentence.expression) for sentence in sentences)
                names.append(f"<{name}>")
        return " | ".join(names)

    def _wanted(self, sentence: Sentence, *, free: bool) -> bool:
        """Free words of which nothing can be `spoken` are left to free recognition."""
        lists = [self._definition.lists[name] for name in sentence.list_names(dict(self._definition.rules))]
        wild = [values.name for values in lists if isinstance(values, WildcardSlotList)]
        return bool(wild) is free and all(name in self._definition.spoken for name in wild)

    def _say(self, expression: Expression) -> str:
        """The JSGF of `expression`; empty for what is silent."""
        match expression:
            case TextChunk():
                return self._words(expression.original_text)
            case Alternative():
                return self._choice(self._say(item) for item in expression.items)
            case TemplateSequence():
                self._check_borders(expression.items)
                return " ".join(part for part in map(self._say, expression.items) if part)
            case RuleReference(rule_name=name):
                body = self._definition.rules[name].expression
                return self._rule(f"rule_{name}", lambda: self._say(body))
            case ListReference(list_name=name):
                return self._list(name)
            case Permutation():
                raise ConfigError(f"{self._definition.language}: permutations (a;b) have no JSGF; write both orders")
        raise ConfigError(f"{self._definition.language}: {expression!r} has no JSGF")

    def _rule(self, name: str, body: Callable[[], str]) -> str:
        if name not in self._rules:
            self._rules[name] = ""  # holds the place: rules stand in the order of their first use
            self._rules[name] = body()
        return f"<{name}>"

    def _choice(self, options: Iterable[str]) -> str:
        distinct = list(dict.fromkeys(options))
        said = " | ".join(option for option in distinct if option)
        if not said:
            return ""
        return f"[{said}]" if "" in distinct else f"({said})"

    def _list(self, name: str) -> str:
        values = self._definition.lists[name]
        spoken = self._definition.spoken.get(name)
        if isinstance(values, RangeSlotList):
            bounds = {"from": values.start, "to": values.stop, **(spoken or {})}
            low, high = int(bounds["from"]), int(bounds["to"])
            return self._rule(f"number_{low}_{high}", lambda: self._numbers(low, high))
        if isinstance(values, TextSlotList):
            return self._rule(f"list_{name}", lambda: self._choice(self._say(v.text_in) for v in values.values))
        return self._rule(f"list_{name}", lambda: self._say(parse_sentence(str(spoken)).expression))

    def _numbers(self, low: int, high: int) -> str:
        spellings = {
            tuple(self._words(form).split())
            for number in range(low, high + 1)
            for form in numbers.spellings(number, self._definition.language)
        }
        return _folded(frozenset(spellings))

    def _words(self, text: str) -> str:
        """Words apart and lower-case, digits spelt out; in Chinese, characters apart."""
        language = self._definition.language
        if not self._definition.spaced:
            return " ".join(
                numbers.chinese(int(char)) if char.isdecimal() else char for char in text if not char.isspace()
            )
        return " ".join(
            numbers.spellings(int(word), language)[0] if word.isdecimal() else word for word in text.lower().split()
        )

    def _check_borders(self, items: Sequence[Expression]) -> None:
        """A word may not be put together from parts: JSGF knows whole words only."""
        if not self._definition.spaced:
            return
        parts = [item for item in items if not (isinstance(item, TextChunk) and not item.original_text)]
        for left, right in pairwise(parts):
            apart = (isinstance(left, TextChunk) and left.original_text[-1].isspace()) or (
                isinstance(right, TextChunk) and right.original_text[0].isspace()
            )
            if not apart:
                raise ConfigError(f"{self._definition.language}: parts of a word in {left!r} {right!r}; write it whole")


def _folded(sequences: frozenset[tuple[str, ...]]) -> str:
    """Alternatives with equal beginnings and equal ends shared: 101 numbers come to 30 words."""
    rests: dict[str, set[tuple[str, ...]]] = {}
    for sequence in sorted(sequences):
        if sequence:
            rests.setdefault(sequence[0], set()).add(sequence[1:])
    firsts: dict[frozenset[tuple[str, ...]], list[str]] = {}
    for first, rest in rests.items():
        firsts.setdefault(frozenset(rest), []).append(first)
    options = []
    for rest_set, words in firsts.items():
        head = words[0] if len(words) == 1 else f"({' | '.join(words)})"
        options.append(f"{head} {tail}" if (tail := _folded(rest_set)) else head)
    if not options:
        return ""
    said = " | ".join(options)
    return f"[{said}]" if () in sequences else f"({said})"
