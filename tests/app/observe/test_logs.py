from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from vivavoce.app.observe import logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_line_for_people(stream: io.StringIO) -> None:
    logs.configure("info", "text", stream)
    logging.getLogger("vivavoce.x").info("a turn took %d ms", 480, extra={"session": "s-1"})
    logging.getLogger("vivavoce.x").debug("not this")
    (line,) = stream.getvalue().splitlines()
    assert line.endswith("Z INFO vivavoce.x: a turn took 480 ms session=s-1")


def test_an_object_for_collectors(stream: io.StringIO) -> None:
    logs.configure("debug", "json", stream)
    try:
        raise ZeroDivisionError("by nothing")
    except ZeroDivisionError:
        logging.getLogger("vivavoce.x").exception("it broke", extra={"request": "r-1"})
    (line,) = stream.getvalue().splitlines()
    told = json.loads(line)
    assert told["level"] == "error"
    assert told["message"] == "it broke"
    assert told["request"] == "r-1"
    assert "ZeroDivisionError: by nothing" in told["error"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_nobody_forges_a_line(stream: io.StringIO, form: str) -> None:
    logs.configure("info", form, stream)  # type: ignore[arg-type]
    logging.getLogger("vivavoce.x").warning("name %s", "a\n2026-01-01T00:00:00.000Z INFO root: all is well\r")
    assert len(stream.getvalue().splitlines()) == 1


def test_libraries_are_heard_when_it_matters(stream: io.StringIO) -> None:
    logs.configure("debug", "text", stream)
    logging.getLogger("httpx").info("GET http://…")
    logging.getLogger("httpx").error("broken")
    assert "GET" not in stream.getvalue()
    assert "broken" in stream.getvalue()
