"""The skills as tools of a language model: their slots as JSON schema, and the check of what it sends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hassil.expression import ListReference
from hassil.intents import RangeSlotList, TextSlotList, WildcardSlotList

from vivavoce.conversation.skills.definition import DECIMAL_BASE, Definition, Skill, sure_slots, walk
from vivavoce.conversation.skills.memory import MAX_FACT_LENGTH
from vivavoce.conversation.skills.values import Slot
from vivavoce.inference.ports import ToolSpec

_LARGEST = 10**15
"""No number of a model is larger; what is sensible is the skill's to say."""


def spec(skill: Skill, definition: Definition) -> ToolSpec:
    """The tool of `skill`, which must have one."""
    assert skill.tool is not None
    properties = {}
    for slot in skill.tool.slots:
        note = definition.slot_notes.get(slot)
        properties[slot] = {**_schema(skill, slot, definition), **({"description": note} if note else {})}
    parameters = {
        "type": "object",
        "properties": properties,
        "required": [slot for slot in skill.tool.slots if slot in _always(skill, definition)],
        "additionalProperties": False,
    }
    return ToolSpec(skill.name, skill.tool.description, parameters)


def wrong(arguments: Mapping[str, Any], tool: ToolSpec) -> str | None:
    """What is wrong with `arguments`, for the model to read; None when they fit the tool's schema."""
    properties: Mapping[str, Mapping[str, Any]] = tool.parameters["properties"]
    if unknown := [name for name in arguments if name not in properties]:
        return f"unknown {', '.join(map(repr, unknown[:5]))}"
    if missing := [name for name in tool.parameters["required"] if name not in arguments]:
        return f"missing {', '.join(map(repr, missing))}"
    for name, value in arguments.items():
        if fault := _fault(value, properties[name]):
            return f"{name!r} {fault}"
    return None


def slots(arguments: Mapping[str, Any]) -> dict[str, Slot]:
    """Checked arguments as the slots of an intent."""
    return {name: value for name, value in arguments.items() if value != ""}


def _always(skill: Skill, definition: Definition) -> frozenset[str]:
    """Slots that each sentence of the skill fills, by its words or by its block."""
    every = [sure_slots(s.expression, definition.rules) | set(b.slots) for b in skill.blocks for s in b.sentences]
    return frozenset.intersection(*every)


def _schema(skill: Skill, slot: str, definition: Definition) -> dict[str, Any]:
    """From the lists that fill `slot`: a range where there is one, else free text, else the values."""
    names = {
        part.list_name: None
        for block in skill.blocks
        for sentence in block.sentences
        for part in walk(sentence.expression, definition.rules)
        if isinstance(part, ListReference) and part.slot_name == slot
    }
    lists = [definition.lists[name] for name in names]
    for values in lists:
        if isinstance(values, RangeSlotList):
            if values.stop >= DECIMAL_BASE:
                return {"type": "number"}
            # Models fill the parts of a duration that are not there with zeros.
            return {"type": "integer", "minimum": min(0, values.start), "maximum": values.stop}
    if any(isinstance(values, WildcardSlotList) for values in lists):
        return {"type": "string", "maxLength": MAX_FACT_LENGTH}
    known = [block.slots[slot] for block in skill.blocks if slot in block.slots]
    known += [value.value_out for values in lists if isinstance(values, TextSlotList) for value in values.values]
    kind = "string" if isinstance(known[0], str) else "integer"
    return {"type": kind, "enum": list(dict.fromkeys(known))}


def _fault(value: Any, schema: Mapping[str, Any]) -> str | None:
    if schema["type"] == "string":
        if not isinstance(value, str):
            return "must be a string"
        if len(value) > schema.get("maxLength", MAX_FACT_LENGTH):
            return f"is longer than {schema.get('maxLength', MAX_FACT_LENGTH)} characters"
    elif isinstance(value, bool) or not isinstance(value, int | float):
        return "must be a number"
    elif not -_LARGEST <= value <= _LARGEST:  # catches NaN too, and goes before any conversion: integers have no end
        return "is out of bounds"
    elif schema["type"] == "integer" and value != int(value):
        return "must be a whole number"
    elif "minimum" in schema and not schema["minimum"] <= value <= schema["maximum"]:
        return f"must be from {schema['minimum']} to {schema['maximum']}"
    if "enum" in schema and value not in schema["enum"]:
        return f"must be one of {schema['enum']}"
    return None
