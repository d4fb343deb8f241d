"""The servers that are measured, each a process of its own: `python -m benchmarks.api.servers NAME …`.

`vivavoce`: everything `vivavoce serve` listens with (door, accounts, API over SQLite, metrics), without the models
that talk. `bare`: one Starlette route under plain uvicorn that answers the same bytes and checks nothing.
Each prints one line of JSON when it listens.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vivavoce import aio
from vivavoce.accounts.actor import LOCAL_OPERATOR, Whence
from vivavoce.app.front import Front
from vivavoce.app.platform import Platform, platform
from vivavoce.app.settings import Flag, load
from vivavoce.channels.http import uvicorn_options
from vivavoce.registry.persona import Persona

APPS = 50
PASSWORD = "correct horse battery staple 9"
PATH = "/api/apps"

Ready = Callable[[int], Awaitable[dict[str, Any]]]


def main() -> None:
    name, core, *rest = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    if name == "bare":
        uvloop.run(_bare(Path(rest[0]).read_bytes()))
    else:
        folder, people, with_passwords, sign_ins = rest
        uvloop.run(_vivavoce(Path(folder), int(people), int(with_passwords), int(sign_ins)))


async def _bare(content: bytes) -> None:
    async def answer(_: Request) -> Response:
        return Response(content, media_type="application/json")

    async def ready(port: int) -> dict[str, Any]:
        return {}

    app = Starlette(routes=[Route(PATH, answer)])
    await _serve(uvicorn.Config(app, port=0, log_level="warning", access_log=False), ready)


async def _vivavoce(folder: Path, people: int, with_passwords: int, sign_ins: int) -> None:
    flags = [Flag("data.folder", str(folder), "bench"), Flag("rates.sign_in", str(sign_ins), "bench")]
    async with platform(load(flags, {}, folder=folder)) as house:
        front = Front(house)
        options = uvicorn_options(front.gateway, front.http_limits, front.census)
        config = uvicorn.Config(front.app, port=0, log_config=None, **options)

        async def ready(port: int) -> dict[str, Any]:
            return {"tokens": await _move_in(house, people, with_passwords)}

        async with front.gateway, aio.background() as keep:
            keep(front.metrics.watch(), "metrics")
            keep(front.feed.run(), "live feed")
            await _serve(config, ready)


async def _move_in(house: Platform, people: int, with_passwords: int) -> list[str]:
    """Apps, and people with a sign-in each; the first ones have a password, too."""
    for number in range(APPS):
        persona = Persona(name=f"Helper {number}", prompt=f"You help with task {number}. Answer shortly.")
        await house.registry.apps.create(LOCAL_OPERATOR, f"helper-{number}", persona)
    accounts, tokens = house.accounts, []
    for number in range(people):
        made = await accounts.users.create(LOCAL_OPERATOR, f"person-{number}", "user")
        link = await accounts.links.issue(LOCAL_OPERATOR, made.id)
        password = PASSWORD if number < with_passwords else None
        grant = await accounts.credentials.with_link(link.secret, Whence("127.0.0.1", "bench"), password)
        tokens.append(grant.access_token)
    return tokens


async def _serve(config: uvicorn.Config, ready: Ready) -> None:
    server = uvicorn.Server(config)
    async with asyncio.TaskGroup() as group:
        running = aio.spawn(group, server.serve(), "http")
        while not server.started:  # noqa: ASYNC110 — uvicorn offers no event
            await asyncio.sleep(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        told = await ready(port)
        # As `vivavoce serve` does, and as good for the bare one.
        gc.collect()
        gc.freeze()
        sys.stdout.write(json.dumps({"port": port, **told}) + "\n")
        sys.stdout.flush()
        await running


if __name__ == "__main__":
    main()
