"""Sentence files: what is wrong in one is said at the start, with its place."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from typing import Any

import pytest
import yaml

from vivavoce.conversation.skills.definition import LANGUAGES, load, parse
from vivavoce.errors import ConfigError


def document() -> dict[str, Any]:
    text = (resources.files("vivavoce.conversation.skills") / "sentences" / "en.yaml").read_text("utf-8")
    content: dict[str, Any] = yaml.safe_load(text)
    return content


def test_each_file_says_its_language() -> None:
    for language in LANGUAGES:
        assert load(language).language == language


def test_no_file_no_skills() -> None:
    with pytest.raises(ConfigError, match="'tlh'"):
        load("tlh")


def _sentence(text: str) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        content["intents"]["hello"]["data"] = [{"sentences": [text]}]

    return change


def _tool(content: dict[str, Any]) -> None:
    content["intents"]["hello"]["tool"] = {"description": "Greets.", "slots": ["who"]}


def _showcase(content: dict[str, Any]) -> None:
    content["showcase"] = ["dance"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_sentence("hello {nobody}"), "no list {nobody}"),
        (_sentence("hello <nobody>"), "no rule <nobody>"),
        (_sentence("hello (there"), "hello"),
        (_tool, "who"),
        (_showcase, "dance"),
    ],
)
def test_mistakes_are_named(change: Callable[[dict[str, Any]], None], why: str) -> None:
    content = document()
    change(content)
    with pytest.raises(ConfigError, match=why):
        parse(content)
