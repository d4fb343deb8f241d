from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from collections.abc import Iterator
from contextvars import copy_context

import pytest

from vivavoce.app.observe import logs
from vivavoce.channels import request_id
from vivavoce.channels.request_id import name_request


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What is logged, as JSON; logging is as it was afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)


def test_every_request_has_a_name_of_its_own() -> None:
    names = copy_context().run(lambda: [name_request() for _ in range(1_000)])
    assert len(set(names)) == 1_000
    assert all(re.fullmatch(r"[0-9a-f]{16}", name) for name in names)


async def test_a_log_line_says_in_which_request_it_was_written(written: io.StringIO) -> None:
    log = logging.getLogger("vivavoce.somewhere")

    async def answer() -> str:
        name = name_request()
        await asyncio.sleep(1)
        log.info("answered")
        return name

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(answer()) for _ in range(3)]
    log.info("beside all requests")
    log.info("of another one", extra={"request": "given"})
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert {line.get("request") for line in lines[:3]} == {task.result() for task in tasks}
    assert "request" not in lines[3]
    assert lines[4]["request"] == "given"
    assert request_id.current.get() == ""
