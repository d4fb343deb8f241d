"""A small reader of JSGF, so that tests can draw sentences from a grammar as a recogniser could."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(r"<\w+>|[\w']+|[|()\[\]]")


@dataclass(frozen=True, slots=True)
class Node:
    """`kind`: word, rule, all (one after another), any (one of), maybe (or nothing)."""

    kind: str
    text: str = ""
    items: tuple[Node, ...] = ()


class Jsgf:
    """A parsed document. Anything that this subset does not know fails the parse, and so the test."""

    def __init__(self, document: str) -> None:
        header, name, *rules = [line for line in document.splitlines() if line]
        assert header == "#JSGF V1.0;"
        assert re.fullmatch(r"grammar \w+;", name)
        self.rules: dict[str, Node] = {}
        self.public = ""
        for line in rules:
            match = re.fullmatch(r"(public )?<(\w+)> = (.*);", line)
            assert match, line
            tokens = _TOKEN.findall(match[3])
            assert "".join(tokens) == match[3].replace(" ", ""), line
            rest = iter([*tokens, ")"])
            self.rules[match[2]] = _any(rest, ")")
            assert next(rest, None) is None, line
            if match[1]:
                assert not self.public
                self.public = match[2]

    def words(self) -> set[str]:
        return {node.text for rule in self.rules.values() for node in _walk(rule) if node.kind == "word"}

    def references(self) -> set[str]:
        return {node.text for rule in self.rules.values() for node in _walk(rule) if node.kind == "rule"}

    def size(self, rule: str) -> int:
        """Words of `rule` once every reference is written out, as a recogniser's network has them."""
        return self._size(self.rules[rule])

    def _size(self, node: Node) -> int:
        if node.kind == "word":
            return 1
        return self._size(self.rules[node.text]) if node.kind == "rule" else sum(map(self._size, node.items))

    def sentence(self, dice: random.Random, rule: str | None = None) -> str:
        """A random sentence of `rule`, the public one when None."""
        return " ".join(self._draw(self.rules[rule or self.public], dice))

    def _draw(self, node: Node, dice: random.Random) -> Iterator[str]:
        if node.kind == "word":
            yield node.text
        elif node.kind == "rule":
            yield from self._draw(self.rules[node.text], dice)
        elif node.kind == "any":
            yield from self._draw(dice.choice(node.items), dice)
        elif node.kind == "all" or dice.random() < 0.5:
            for item in node.items:
                yield from self._draw(item, dice)


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for item in node.items:
        yield from _walk(item)


def _any(tokens: Iterator[str], end: str) -> Node:
    options: list[Node] = []
    items: list[Node] = []
    for token in tokens:
        if token in ("|", end):
            assert items, "an empty alternative"
            options.append(Node("all", items=tuple(items)))
            items = []
            if token == end:
                return options[0] if len(options) == 1 else Node("any", items=tuple(options))
        elif token == "(":
            items.append(_any(tokens, ")"))
        elif token == "[":
            items.append(Node("maybe", items=(_any(tokens, "]"),)))
        else:
            items.append(Node("rule", token[1:-1]) if token.startswith("<") else Node("word", token))
    raise AssertionError(f"no {end!r}")
