"""The decoding process; `crew` starts it.

Pocketsphinx keeps the interpreter's lock while it decodes (measured: 270 ms on end), so it has processes of its own.
They are asked over standard input and answer over standard output: each message is its length in 4 bytes, then its
body. A request is one letter of `Kind` and PCM; the first one is the grammar. An answer is JSON. The end of input,
which comes too when the parent dies, ends the process.
"""

from __future__ import annotations

import os
import signal
import sys
from enum import Enum
from typing import BinaryIO

import msgspec

from vivavoce.errors import VivavoceError
from vivavoce.inference.backends.pocketsphinx.rejection import Understanding

MOST_BYTES = 4 * 1024 * 1024
"""Longest message: twice the sound of the longest utterance."""


class Kind(Enum):
    """What is asked of a stretch of sound; see `Hearing`."""

    GLANCE = b"g"
    READ = b"r"
    JUDGE = b"j"
    JUDGE_HASTILY = b"h"


class Answer(msgspec.Struct, frozen=True):
    """What was understood, or why nothing could be. `setting`: the grammar is at fault, not the process."""

    found: Understanding = Understanding()
    error: str = ""
    setting: bool = False


def send(stream: BinaryIO, body: bytes) -> None:
    stream.write(len(body).to_bytes(4, "little") + body)
    stream.flush()


def receive(stream: BinaryIO) -> bytes:
    """The next message. Raises EOFError when the other side is gone or sends nonsense."""
    head = stream.read(4)
    size = int.from_bytes(head, "little")
    if len(head) < 4 or size > MOST_BYTES:
        raise EOFError
    body = stream.read(size)
    if len(body) < size:
        raise EOFError
    return body


def main() -> None:
    # Ctrl-C reaches the whole process group; the parent decides when this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Where cores are few, the sound of all conversations goes before the words of one.
    if hasattr(os, "nice"):  # not on Windows
        os.nice(10)
    # Whatever the library prints must not get between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        serve(sys.stdin.buffer, answers)
    except (EOFError, BrokenPipeError):
        return


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Load, say so, and answer until EOFError."""
    from vivavoce.inference.backends.pocketsphinx.hearing import Hearing

    try:
        hearing = Hearing(receive(requests).decode() or None)
    except VivavoceError as error:
        send(answers, msgspec.json.encode(Answer(error=error.message, setting=error.code == "config")))
        return
    send(answers, msgspec.json.encode(Answer()))
    work = {
        Kind.GLANCE: hearing.glance,
        Kind.READ: hearing.read,
        Kind.JUDGE: hearing.judge,
        Kind.JUDGE_HASTILY: hearing.judge_hastily,
    }
    while True:
        request = receive(requests)
        send(answers, msgspec.json.encode(Answer(work[Kind(request[:1])](request[1:]))))
