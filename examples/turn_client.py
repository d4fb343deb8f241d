"""Talk with Vivavoce turn by turn: lines are typed, answers are printed as they come, and written as sound.

    pip install websockets
    export VIVAVOCE_TOKEN=$(vivavoce token create --role user)
    python turn_client.py "what time is it" "set a timer for five minutes" --out answers.wav
    python turn_client.py                # reads lines until the end of input

The conversation stays on the server: each turn sends only what is new. docs/protocol.md has every message.
"""

import argparse
import asyncio
import json
import os
import sys
import wave
from collections.abc import Iterable

from websockets.asyncio.client import ClientConnection, connect

RATE = 24_000
"""Of the replies on this socket."""


async def turn(socket: ClientConnection, line: str, language: str, *, aloud: bool) -> bytes:
    """One turn: the sound of its reply, whose text is printed meanwhile."""
    said = {"role": "user", "content": line}
    await socket.send(json.dumps({"type": "prefill", "messages": [said], "language": language}))
    await socket.send(json.dumps({"type": "generate", "audio": aloud}))
    sound = bytearray()
    async for message in socket:
        if isinstance(message, bytes):
            sound += message[8:]  # behind the number of the reply and the sample where this begins
            continue
        event = json.loads(message)
        match event["type"]:
            case "queued" | "queue_update":
                print(f"({event['position']} in line, about {event['eta_s']:.0f} s)", file=sys.stderr)
            case "chunk" if event.get("text_delta"):
                print(event["text_delta"], end="", flush=True)
            case "done":
                print()
                return bytes(sound)
            case "error":
                print(f"\n{event['code']}: {event['message']}", file=sys.stderr)
                if event["fatal"]:
                    raise SystemExit(1)
    raise SystemExit("the server closed the connection")


async def main(lines: Iterable[str], out: str | None, url: str, language: str) -> None:
    sound = bytearray()
    token = os.environ.get("VIVAVOCE_TOKEN") or sys.exit(
        "VIVAVOCE_TOKEN holds no token; the head of this file makes one"
    )
    shown = {"Authorization": f"Bearer {token}"}
    address = f"{url}/ws/streaming/example-turns"
    async with connect(address, additional_headers=shown, compression=None, max_size=None) as socket:
        for line in lines:
            sound += await turn(socket, line, language, aloud=out is not None)
        await socket.send('{"type": "close"}')
    if out is not None:
        with wave.open(out, "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes(sound)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("lines", nargs="*", help="what to say; none: read from standard input")
    options.add_argument("--out", help="write the answers into this WAV file; without it no sound is made")
    options.add_argument("--url", default="ws://127.0.0.1:8006")
    options.add_argument("--language", default="en")
    given = options.parse_args()
    typed = given.lines or (line.strip() for line in sys.stdin if line.strip())
    asyncio.run(main(typed, given.out, given.url, given.language))
