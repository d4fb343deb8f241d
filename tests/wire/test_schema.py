from __future__ import annotations

import json
from typing import get_args

from vivavoce.wire import duplex, live, schema, streaming
from vivavoce.wire.codes import ERRORS


def test_typescript_has_one_union_per_direction_with_every_message() -> None:
    text = schema.typescript()
    assert text.count("export type ClientMessage =") == text.count("export type ServerMessage =") == 3
    for module in (duplex, live, streaming):
        for member in (*get_args(module.ClientMessage), *get_args(module.ServerMessage)):
            assert f'type: "{member.__struct_config__.tag}";' in text


def test_typescript_fields_that_may_be_left_out_are_marked_so() -> None:
    text = schema.typescript()
    assert '  export interface TypedText {\n    type: "text";\n    text: string;' in text
    assert "    confidence?: number;" in text
    assert "    eta_range_s: [number, number];" in text
    assert "null" not in text.partition("export namespace")[2]


def test_typescript_knows_every_error_and_its_close_number() -> None:
    text = schema.typescript()
    for code, meaning in ERRORS.items():
        assert f"  {code}: {'null' if meaning.close is None else meaning.close}," in text
    assert "    code: ErrorCode;" in text


def test_asyncapi_refers_only_to_what_it_defines() -> None:
    document = json.loads(schema.asyncapi())

    def references(value: object) -> list[str]:
        if isinstance(value, dict):
            here = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return here + [found for inner in value.values() for found in references(inner)]
        if isinstance(value, list):
            return [found for inner in value for found in references(inner)]
        return []

    found = references(document)
    assert len(found) > 50
    for reference in found:
        place: object = document
        for step in reference.removeprefix("#/").split("/"):
            assert isinstance(place, dict), reference
            place = place[step]


def test_both_are_the_same_each_time() -> None:
    assert schema.typescript() == schema.typescript()
    assert schema.asyncapi() == schema.asyncapi()
