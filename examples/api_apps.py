"""Make an app, change it, go back, switch it off. Needs a token of an administrator:

VIVAVOCE_TOKEN=$(vivavoce token create --role admin) python examples/api_apps.py
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

from vivavoce.client import VivavoceClient
from vivavoce.client.forms import AppBody
from vivavoce.errors import Conflict, VivavoceError


async def main(address: str, token: str) -> None:
    async with VivavoceClient(address, token=token) as client:
        cook = AppBody(name="Kitchen helper", prompt="You help in a kitchen. Be brief.", tools=["timer_set"])
        try:
            app = await client.apps.create("kitchen-helper", cook)
        except Conflict:
            app = await client.apps.get("kitchen-helper")
        print(f"{app.id} is version {app.version}, and {'on' if app.enabled else 'off'}")

        # Whoever changes an app names the version that was read: of two who change it at once, one is told.
        app = await client.apps.change(app, AppBody(name="Kitchen helper", prompt="You bake.", patience=1.5))
        print(f"version {app.version} says: {app.prompt}")
        app = await client.apps.revert(app, app.version - 1)
        print(f"version {app.version} says: {app.prompt}")

        app = await client.apps.switch(app, False)
        async for offered in client.apps.list():
            print(f"{'●' if offered.enabled else '○'} {offered.id}: {', '.join(offered.modes)}")
        await client.apps.delete("kitchen-helper")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://127.0.0.1:8006", help="the server's address")
    try:
        asyncio.run(main(parser.parse_args().url, os.environ["VIVAVOCE_TOKEN"]))
    except KeyError:
        sys.exit("VIVAVOCE_TOKEN holds no token; `vivavoce token create --role admin` prints one")
    except VivavoceError as error:
        sys.exit(f"{error.message} ({error.code})")
