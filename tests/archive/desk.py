"""A desk that keeps what observers hand in, and plays a recording back: for tests of what is written."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from vivavoce import aio
from vivavoce.archive.composing import Composer
from vivavoce.archive.journal import ConversationDraft, Journal, RecordingDraft
from vivavoce.archive.observer import ConversationObserver, Known, Terms
from vivavoce.archive.records import parse
from vivavoce.archive.rows import TurnRow
from vivavoce.conversation.outputs import Output
from vivavoce.conversation.views import SessionSpec

NOON = 1_764_000_000_000
CLICK = 20_000
ANN = "a" * 32
CONVERSATION = "c" * 32


class Desk:
    """See archive/observer.py `Desk`."""

    def __init__(self, *, recording_days: int = 30) -> None:
        self.journal = Journal()
        self.terms = Terms("gateway", 365, recording_days, {"asr": "fake"})
        self.time = NOON
        self.told: list[Output] = []
        self.chunks: list[tuple[RecordingDraft, bytes]] = []
        self.recordings: list[RecordingDraft] = []
        self.over: list[ConversationObserver] = []
        self.rounds: aio.Ticker | None = aio.Ticker(0.5)

    def clock(self) -> int:
        return self.time

    def begun(self, observer: ConversationObserver) -> None:
        if self.rounds is not None:
            self.rounds.add(observer.settle)

    def sound(self, recording: RecordingDraft, chunk: bytes, *, last: bool) -> None:
        self.chunks.append((recording, chunk))
        if recording not in self.recordings:
            self.recordings.append(recording)

    def ended(self, observer: ConversationObserver) -> None:
        self.over.append(observer)
        if self.rounds is not None:
            self.rounds.remove(observer.settle)

    def observer(self, spec: SessionSpec, position: int = 0) -> ConversationObserver:
        """Of a new conversation."""
        return ConversationObserver(spec, Known(draft(spec), position), self.told.append, self)

    def turns(self) -> list[TurnRow]:
        """Those that have changed since the last time."""
        return self.journal.take()[0].turns

    def tracks(self) -> npt.NDArray[np.int16]:
        """[samples, 2]: what was recorded so far, one recording behind the other."""
        tracks = [np.zeros((0, 2), np.int16)]
        for recording in self.recordings:
            composer = Composer(recording.start)
            records = [record for of, chunk in self.chunks if of is recording for record in parse(chunk)]
            tracks += [block for record in records for block in composer.push(record)]
            tracks += composer.flush()
        return np.concatenate(tracks)


def draft(spec: SessionSpec, id: str = CONVERSATION) -> ConversationDraft:
    return ConversationDraft(
        id=id,
        owner=spec.owner or ANN,
        app=spec.app,
        app_version=0,
        channel="web",
        kind=spec.kind,
        language=spec.language,
        started_at=NOON,
        last_at=NOON,
    )


def clicks(track: npt.NDArray[np.int16]) -> list[int]:
    """Samples at which it clicks."""
    return [int(sample) for sample in np.flatnonzero(track > CLICK // 2)]


def clicking(count: int, at: Iterable[int]) -> bytes:
    """PCM of silence but for clicks."""
    samples = np.zeros(count, "<i2")
    samples[list(at)] = CLICK
    return samples.tobytes()
