"""Head and body of an answer in one send: uvicorn writes them apart, and each write would be a call into the kernel."""

from __future__ import annotations

import asyncio
from typing import Any, Final

_MOST: Final = 64 << 10
"""Bytes that are held; with more the transport itself has to say when it is enough."""


class Cork:
    """A transport that holds what is written until `flush`, or until the loop turns; else as it is."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._bytes = 0
        self._turn: asyncio.Handle | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)

    def write(self, data: bytes) -> None:
        self._held.append(data)
        self._bytes += len(data)
        if self._bytes > _MOST:
            self.flush()
        elif self._turn is None:
            self._turn = self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Send what is held, now."""
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        if self._held:
            held = self._held[0] if len(self._held) == 1 else b"".join(self._held)
            self._held = []
            self._bytes = 0
            self.transport.write(held)

    def write_eof(self) -> None:
        self.flush()
        self.transport.write_eof()

    def close(self) -> None:
        self.flush()
        self.transport.close()
