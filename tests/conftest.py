"""Every test that is a coroutine function runs in virtual time and must leave no task behind.

A test marked `journey` or `real` runs in real time on an ordinary loop, with the same check.
"""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from vivavoce.testing import virtual

settings.register_profile("house", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


async def _real(work: Any) -> None:
    await virtual.watched(asyncio.wait_for(work, 120))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    work = pyfuncitem.obj(**arguments)
    if pyfuncitem.get_closest_marker("journey") or pyfuncitem.get_closest_marker("real"):
        asyncio.run(_real(work))
    else:
        virtual.run(work)
    return True
