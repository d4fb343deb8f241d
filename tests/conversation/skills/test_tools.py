"""The skills as tools of a language model: schemas from the sentences, calls that are checked."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.conversation.skills import Remember, SetTimer, SetVolume, SkillContext, SkillMemory, SkillReply, Skills

SKILLS = Skills.load()
TOOLS = {tool.name: tool for tool in SKILLS.tools("en")}


def call(name: str, arguments: dict[str, Any], language: str = "en") -> SkillReply:
    return SKILLS.call(name, arguments, SkillContext(language, datetime(2026, 1, 1, tzinfo=UTC), SkillMemory()))


def test_the_tools() -> None:
    assert {tool.name for tool in SKILLS.tools("zh")} == TOOLS.keys()
    assert TOOLS.keys() == {
        "current_time",
        "current_date",
        "volume_set",
        "volume_change",
        "volume_ask",
        "timer_set",
        "timer_ask",
        "timer_cancel",
        "calculate",
        "remember",
        "recall",
    }
    for tool in TOOLS.values():
        assert tool.description
        json.dumps(tool.parameters)
        assert all(schema.get("description") for schema in tool.parameters["properties"].values())


def test_a_schema_comes_from_the_sentences() -> None:
    assert TOOLS["calculate"].parameters == {
        "type": "object",
        "properties": {
            "a": {"type": "number", "description": "First number."},
            "operation": {
                "type": "string",
                "enum": ["add", "subtract", "multiply", "divide", "percent"],
                "description": "What to do with a and b; percent means a percent of b.",
            },
            "b": {"type": "number", "description": "Second number."},
        },
        "required": ["a", "operation", "b"],
        "additionalProperties": False,
    }
    assert TOOLS["volume_set"].parameters["properties"]["percent"]["maximum"] == 100


def test_calls_do_what_sentences_do() -> None:
    assert call("volume_set", {"percent": 30}).effects == (SetVolume(30),)
    assert call("timer_set", {"hours": 0, "minutes": 5, "seconds": 0}).effects == (SetTimer(1, 300),)
    assert call("calculate", {"a": 2.5, "operation": "multiply", "b": 4}).text == "That is ten."
    assert call("remember", {"fact": "我的钥匙在抽屉里"}, "zh").effects == (Remember("我的钥匙在抽屉里"),)
    assert call("current_date", {"about": "date", "day": 1}).text == "Tomorrow is Friday, the 2nd of January."


@pytest.mark.parametrize(
    ("name", "arguments", "why"),
    [
        ("open_door", {}, "no such tool"),
        ("stop", {}, "no such tool"),
        ("volume_set", {}, "missing 'percent'"),
        ("volume_set", {"percent": "loud"}, "'percent' must be a number"),
        ("volume_set", {"percent": True}, "'percent' must be a number"),
        ("volume_set", {"percent": math.nan}, "'percent' is out of bounds"),
        ("volume_set", {"percent": 50.5}, "'percent' must be a whole number"),
        ("volume_set", {"percent": 101}, "'percent' must be from 0 to 100"),
        ("volume_set", {"percent": 50, "room": "bath"}, "unknown 'room'"),
        ("calculate", {"a": 1, "operation": "power", "b": 2}, "'operation' must be one of"),
        ("calculate", {"a": 10**5000, "operation": "add", "b": 2}, "'a' is out of bounds"),
        ("remember", {"fact": "x" * 201}, "'fact' is longer than 200 characters"),
        ("remember", {"fact": ["x"]}, "'fact' must be a string"),
    ],
)
def test_wrong_calls_are_told_why(name: str, arguments: dict[str, Any], why: str) -> None:
    reply = call(name, arguments)
    assert reply.failed
    assert not reply.effects
    assert why in reply.text


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
NAMES = sorted({name for tool in TOOLS.values() for name in tool.parameters["properties"]})


@given(
    st.sampled_from([*TOOLS, "nonsense"]),
    st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), ANYTHING, max_size=4),
    st.sampled_from(["en", "zh"]),
)
def test_any_call_is_answered(name: str, arguments: dict[str, Any], language: str) -> None:
    assert call(name, arguments, language).text


VALUES = {"integer": st.integers(0, 100), "number": st.floats(-1e15, 1e15), "string": st.text(max_size=200)}


@given(st.sampled_from(sorted(TOOLS)), st.data())
def test_every_call_that_fits_the_schema_is_taken(name: str, data: st.DataObject) -> None:
    properties = TOOLS[name].parameters["properties"]
    arguments = {
        slot: data.draw(st.sampled_from(schema["enum"]) if "enum" in schema else VALUES[schema["type"]])
        for slot, schema in properties.items()
    }
    assert "Wrong arguments" not in call(name, arguments).text
