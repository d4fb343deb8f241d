"""Requests made from the OpenAPI document, good and bad ones, against the real application: no answer is a fault of
ours, and every answer is one that the document tells of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, nullcontext, suppress
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.history import archive
from api.house import HERE, House, Person
from api.objects import COMMON, OWNED
from vivavoce.api.app import openapi
from vivavoce.api.sections import documented_app

pytestmark = pytest.mark.real

EXAMPLES: Final = 6
"""Of each operation and mode; a few thousand more find nothing, and take minutes."""
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]

SCHEMA = schemathesis.openapi.from_dict(openapi(documented_app()))
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]


@pytest.fixture(scope="module")
def at_home(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[tuple[asyncio.Runner, House]]:
    """A house in a loop that runs while a request is sent."""
    stack = AsyncExitStack()
    with asyncio.Runner() as runner:
        kept = runner.run(stack.enter_async_context(archive(tmp_path_factory.mktemp("api"), sqlite_template)))
        yield runner, kept.house
        runner.run(stack.aclose())


@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_schemathesis_clean(operation: Any, mode: GenerationMode, at_home: tuple[asyncio.Runner, House]) -> None:
    runner, here = at_home
    # Somebody new each time, since some of these end the sign-in of whoever calls.
    admin = runner.run(here.person(f"a-{OPERATIONS.index(operation)}-{mode.value}", "admin"))

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        if mode is GenerationMode.POSITIVE and (make := OWNED.get(operation.path) or COMMON.get(operation.path)):
            case.path_parameters = dict(runner.run(make(here, admin)))
        answer = runner.run(send(here, admin, case))
        if answer is not None:
            case.validate_response(answer, checks=CHECKS)

    # An operation that takes nothing can be given nothing wrong.
    with suppress(Unsatisfiable) if mode is GenerationMode.NEGATIVE else nullcontext():
        ask()


async def send(here: House, who: Person, case: Any) -> httpx.Response | None:
    """The answer; None for what no HTTP client can send."""
    kwargs = case.as_transport_kwargs(base_url=HERE)
    kwargs.pop("timeout", None)
    try:
        prepared = requests.Request(**kwargs).prepare()
        headers = [(name.encode("latin-1"), str(value).encode("latin-1")) for name, value in prepared.headers.items()]
    except (requests.exceptions.RequestException, ValueError):
        return None
    headers.append((b"authorization", f"Bearer {who.token}".encode()))
    async with here.browser() as browser:
        return await browser.request(
            prepared.method or "GET", prepared.url or HERE, content=prepared.body, headers=headers
        )
