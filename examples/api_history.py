"""Search what was said, and print the conversations found, without any `async`:

VIVAVOCE_TOKEN=$(vivavoce token create --role user) python examples/api_history.py timer
"""

from __future__ import annotations

import argparse
import os
import sys

from vivavoce.client import Blocking, VivavoceClient
from vivavoce.errors import VivavoceError


def main(address: str, token: str, words: str) -> None:
    with Blocking(VivavoceClient(address, token=token)) as server:
        me = server.run(server.client.me.get())
        print(f"{me.name}, {me.role}")
        found = 0
        for talk in server.each(server.client.conversations.list(words)):
            found += 1
            took = "" if talk.response_ms is None else f", answered in {talk.response_ms} ms"
            print(f"{talk.started_at:%d.%m. %H:%M} {talk.title or '…'} ({talk.turns} turns{took})")
            for turn in server.each(server.client.conversations.turns(talk.id)):
                print(f"  you:   {turn.said}\n  reply: {turn.heard}")
        print(f"{found} found")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="?", default="", help="what to look for; everything without it")
    parser.add_argument("--url", default="http://127.0.0.1:8006", help="the server's address")
    asked = parser.parse_args()
    try:
        main(asked.url, os.environ["VIVAVOCE_TOKEN"], asked.words)
    except KeyError:
        sys.exit("VIVAVOCE_TOKEN holds no token; `vivavoce token create --role user` prints one")
    except VivavoceError as error:
        sys.exit(f"{error.message} ({error.code})")
