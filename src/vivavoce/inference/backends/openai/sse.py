"""Server-sent events, sans-io: bytes in, the data of each event out. As the WHATWG HTML standard, section 9.2, says,
but stricter: a line that is no field and an endless one are errors, since here they only come from a broken server."""

from __future__ import annotations

from vivavoce.errors import BackendError

MOST_OF_AN_EVENT = 1024 * 1024
"""Bytes of one event: a tool call's arguments come in one with some servers; a megabyte is far beyond any."""
_FIELDS = {b"event", b"id", b"retry"}


class EventReader:
    """Feed it the body as it arrives; it gives the `data` of the events that are complete."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> list[bytes]:
        """Raises BackendError for a malformed line and an event without end."""
        events = []
        # A line ends in LF or CR LF, and a piece may end between the two. A CR alone, which the standard allows too,
        # no server sends.
        *lines, self._rest = (self._rest + piece).replace(b"\r\n", b"\n").split(b"\n")
        for line in lines:
            if line.rstrip(b"\r"):
                self._take(line.rstrip(b"\r"))
            elif self._data:
                events.append(b"\n".join(self._data))
                self._data, self._size = [], 0
        if self._size + len(self._rest) > MOST_OF_AN_EVENT:
            raise BackendError("an event of the stream is endless")
        return events

    def finish(self) -> list[bytes]:
        """The last event, which some servers do not close with an empty line."""
        return self.feed(b"\n\n")

    def _take(self, line: bytes) -> None:
        name, colon, value = line.partition(b":")
        if name == b"data" and colon:
            self._data.append(value.removeprefix(b" "))
            self._size += len(value)
        elif name and name not in _FIELDS:
            raise BackendError("a line of the stream is no event")
