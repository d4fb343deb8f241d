"""A conversation to take away: one zip with its sound, all that is known of its turns, and subtitles.

    sound-1.ogg  sound-1.vtt  sound-1.srt   each recording (user left, reply right) and the subtitles that go with it
    conversation.vtt  conversation.srt      instead of them, where no sound was kept
    conversation.json                       the conversation and its turns
    manifest.json                           size and SHA-256 of each of these

It is made while it is sent, piece by piece: an hour of sound needs no more memory than a minute. Names in it are ours.
"""

from __future__ import annotations

import hashlib
import json
import time
import zipfile
from collections.abc import AsyncIterable, AsyncIterator, Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

from vivavoce import __version__
from vivavoce.archive.conversations_views import Detail, TurnView
from vivavoce.archive.subtitles import cues, subrip, webvtt

FORMAT: Final = 1
"""Of conversation.json and manifest.json."""
PIECE: Final = 64 << 10
_EARLIEST: Final = 315_532_800
"""Zip counts time from 1980 on."""


@dataclass(frozen=True, slots=True)
class Source:
    """What goes in: `turns` gives all of them anew at each call, `sounds` the bytes of each `ready` recording."""

    detail: Detail
    turns: Callable[[], AsyncIterator[TurnView]]
    sounds: dict[str, Callable[[], AsyncIterator[bytes]]]


def file_name(detail: Detail) -> str:
    """Of the download; made of the time alone, since people and models chose all other names."""
    return time.strftime("vivavoce-%Y-%m-%d-%H%M.zip", time.gmtime(detail.summary.started_at / 1_000))


async def archive(source: Source) -> AsyncIterator[bytes]:
    """The bytes of the zip."""
    sink = _Sink()
    moment = time.gmtime(max(_EARLIEST, source.detail.summary.started_at // 1_000))[:6]
    files: list[dict[str, Any]] = []
    # Read front to back by whoever unpacks it, written front to back by us: nothing is gone back to.
    with zipfile.ZipFile(sink, "w") as made:
        for name, pieces in _members(source):
            info = zipfile.ZipInfo(name, (moment[0], moment[1], moment[2], moment[3], moment[4], moment[5]))
            info.compress_type = zipfile.ZIP_STORED if name.endswith(".ogg") else zipfile.ZIP_DEFLATED
            info.external_attr = 0o600 << 16
            digest, size = hashlib.sha256(), 0
            with made.open(info, "w", force_zip64=True) as member:
                async for piece in pieces:
                    digest.update(piece)
                    size += len(piece)
                    member.write(piece)
                    if len(sink) >= PIECE:
                        yield sink.taken()
            files.append({"name": name, "bytes": size, "sha256": digest.hexdigest()})
        manifest = {"format": FORMAT, "made_by": f"vivavoce {__version__}", "files": files}
        made.writestr(zipfile.ZipInfo("manifest.json", (moment[0], moment[1], moment[2], 0, 0, 0)), _json(manifest))
    yield sink.taken()


def _members(source: Source) -> list[tuple[str, AsyncIterator[bytes]]]:
    members: list[tuple[str, AsyncIterator[bytes]]] = []
    ready = [one for one in source.detail.sounds if one.id in source.sounds]
    for number, one in enumerate(ready, 1):
        begin, end = one.from_ms, one.from_ms + one.duration_ms
        members += [
            (f"sound-{number}.ogg", source.sounds[one.id]()),
            (f"sound-{number}.vtt", _encoded(webvtt(cues(source.turns(), begin, end)))),
            (f"sound-{number}.srt", _encoded(subrip(cues(source.turns(), begin, end)))),
        ]
    if not ready:
        members += [
            ("conversation.vtt", _encoded(webvtt(cues(source.turns())))),
            ("conversation.srt", _encoded(subrip(cues(source.turns())))),
        ]
    members.append(("conversation.json", _document(source, [one.id for one in ready])))
    return members


async def _document(source: Source, sounds: list[str]) -> AsyncIterator[bytes]:
    summary = asdict(source.detail.summary)
    for inside in ("owner_name", "recorded", "matches"):
        del summary[inside]
    recordings = [
        {"file": f"sound-{sounds.index(one.id) + 1}.ogg" if one.id in sounds else None, **asdict(one)}
        for one in source.detail.sounds
    ]
    head = {"format": FORMAT, "conversation": summary, "recordings": recordings}
    yield _json(head).removesuffix(b"\n}") + b',\n "turns": ['
    between = b"\n"
    async for turn in source.turns():
        yield between + _json(asdict(turn))
        between = b",\n"
    yield b"\n]}\n"


async def _encoded(texts: AsyncIterable[str]) -> AsyncIterator[bytes]:
    async for text in texts:
        yield text.encode()


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode()


class _Sink:
    """A file that cannot be gone back in, from which is taken what was written."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def write(self, data: bytes, /) -> int:
        self._pieces.append(bytes(data))
        self._size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """What was written can still be taken."""

    def taken(self) -> bytes:
        data = b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        return data
