"""Have the sound of one's conversations kept; find one of them and download it.

VIVAVOCE_TOKEN=$(vivavoce token create --role user) python examples/api_recording.py --keep
… talk, for instance with examples/turn_client.py, then:
python examples/api_recording.py timer --out timer.zip
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

from vivavoce.client import VivavoceClient
from vivavoce.client.forms import Detail
from vivavoce.errors import VivavoceError

LOOKS = 30
"""How often it is asked whether the sound is stored, each second."""
STORED = ("ready", "failed")
"""The last states of a recording; before them it waits to be encoded."""


async def keep(client: VivavoceClient) -> None:
    """Say yes for whoever the token belongs to; conversations that are running are recorded from now on."""
    me = await client.me.get()
    if me.user is None:
        sys.exit("guests have no history")
    await client.me.change(me.user.version, recording=True)
    print(f"The sound of what {me.name} says and hears is kept from now on.")


async def encoded(client: VivavoceClient, id: str) -> Detail:
    """The conversation once its sound is stored: encoding goes on for a moment after the last word."""
    for _ in range(LOOKS):
        found = await client.conversations.get(id)
        if all(sound.state in STORED for sound in found.recordings):
            return found
        await asyncio.sleep(1)
    sys.exit(f"the sound is still not stored after {LOOKS} s; look again later, or into the server's log")


async def fetch(client: VivavoceClient, words: str, out: Path) -> None:
    """The newest conversation that is over and in which these words were said or heard."""
    async for talk in client.conversations.list(words):
        if talk.ended_at is None:
            continue
        found = await encoded(client, talk.id)
        with out.open("wb") as file:
            async for piece in client.conversations.download(talk.id):
                file.write(piece)
        seconds = sum(sound.duration_ms for sound in found.recordings) / 1000
        print(f"{out}: {found.title or '…'} ({found.turns} turns, {seconds:.1f} s of sound)")
        return
    sys.exit(f"nothing that is over was found with: {words}")


async def main(address: str, token: str, asked: argparse.Namespace) -> None:
    async with VivavoceClient(address, token=token) as client:
        if asked.keep:
            await keep(client)
        else:
            await fetch(client, asked.words, asked.out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="?", default="", help="what was said or heard; without it the newest one")
    parser.add_argument("--keep", action="store_true", help="agree that sound is kept, and do nothing else")
    parser.add_argument("--out", type=Path, default=Path("conversation.zip"), help="the zip to write")
    parser.add_argument("--url", default="http://127.0.0.1:8006", help="the server's address")
    given = parser.parse_args()
    try:
        asyncio.run(main(given.url, os.environ["VIVAVOCE_TOKEN"], given))
    except KeyError:
        sys.exit("VIVAVOCE_TOKEN holds no token; `vivavoce token create --role user` prints one")
    except VivavoceError as error:
        sys.exit(f"{error.message} ({error.code})")
