"""docs/protocol.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from vivavoce.wire import duplex, live, streaming
from vivavoce.wire.codes import CLOSE_NAMES, ERRORS

PAGE = (Path(__file__).parents[2] / "docs/protocol.md").read_text(encoding="utf-8")


def test_the_table_of_errors_is_the_list_of_errors() -> None:
    table = PAGE.partition("## Errors and close codes")[2].partition("## Limits")[0]
    rows = [row.split(" | ") for row in table.splitlines() if row.startswith("| ") and "`" in row]
    documented = {}
    for close, codes, _ in rows[1:]:
        number = re.search(r"\d{4}", close)
        documented |= {code: int(number[0]) if number else None for code in re.findall(r"`(\w+)`", codes)}
    assert documented == {code: meaning.close for code, meaning in ERRORS.items()}
    for number_, name in CLOSE_NAMES.items():
        assert f"| {number_} {name} |" in table


def test_every_message_is_described() -> None:
    before, _, streaming_on = PAGE.partition("## `/ws/streaming/")
    between, _, after = streaming_on.partition("## `/ws`: what changes")
    for half, module in zip((before, between, after), (duplex, streaming, live), strict=True):
        for member in (*get_args(module.ClientMessage), *get_args(module.ServerMessage)):
            tag = member.__struct_config__.tag
            assert f"`{tag}`" in half or (module is streaming and tag.startswith("queue")), tag


def test_every_field_is_named() -> None:
    for module in (duplex, streaming, live):
        for member in (*get_args(module.ClientMessage), *get_args(module.ServerMessage)):
            for name in member.__struct_fields__:
                assert f"`{name}`" in PAGE, f"{member.__name__}.{name}"
