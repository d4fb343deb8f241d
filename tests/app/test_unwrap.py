from __future__ import annotations

import asyncio

import pytest

from vivavoce.app.unwrap import unwrapped
from vivavoce.errors import Refused


async def test_an_error_alone_comes_out_as_itself() -> None:
    with pytest.raises(Refused, match="full"), unwrapped():
        async with asyncio.TaskGroup(), asyncio.TaskGroup():
            raise Refused("full")


def test_two_errors_stay_together() -> None:
    both = ExceptionGroup("two", [Refused("one"), ExceptionGroup("deep", [ValueError("other")])])
    with pytest.raises(ExceptionGroup) as caught, unwrapped():
        raise both
    assert caught.value is both


def test_other_errors_pass() -> None:
    with pytest.raises(KeyError), unwrapped():
        raise KeyError("x")
