"""What the person does: speaks the utterances found in sound files, and types."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from vivavoce.audio.pcm import FRAME_SAMPLES, INPUT_RATE, SAMPLE_BYTES, ms, samples, view

QUIET = 0.02
"""A frame is quiet below this share of the loudest frames, or below `FLOOR`."""
FLOOR = 60.0
"""Level (RMS, of 32,768) that is quiet in any recording."""
LEAD_MS = 300
"""Sound that goes before an utterance: recognisers want quiet before speech."""
TAIL_MS = 200


@dataclass(frozen=True, slots=True)
class Speak:
    """An utterance, 16 kHz PCM; its speech lies from `begin` to `end` ms of it."""

    pcm: bytes
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Type:
    text: str


Step = Speak | Type


def utterances(pcm: bytes, pause_ms: int = 700) -> Iterator[Speak]:
    """The utterances of a recording at 16 kHz: speech between pauses of at least `pause_ms`."""
    loud = _loud(pcm)
    if not loud.any():
        return
    places = np.flatnonzero(loud)
    breaks = np.flatnonzero(np.diff(places) * FRAME_SAMPLES > samples(pause_ms, INPUT_RATE))
    starts = [places[0], *places[breaks + 1]]
    stops = [*(places[breaks] + 1), places[-1] + 1]
    for start, stop in zip(starts, stops, strict=True):
        first, last = int(start) * FRAME_SAMPLES, int(stop) * FRAME_SAMPLES
        begin = max(0, first - samples(LEAD_MS, INPUT_RATE))
        end = min(len(pcm) // SAMPLE_BYTES, last + samples(TAIL_MS, INPUT_RATE))
        cut = pcm[begin * SAMPLE_BYTES : end * SAMPLE_BYTES]
        yield Speak(cut, round(ms(first - begin, INPUT_RATE)), round(ms(min(last, end) - begin, INPUT_RATE)))


def whole(pcm: bytes) -> Sequence[Speak]:
    """The recording as it is, pauses and all, as one step."""
    places = np.flatnonzero(_loud(pcm)) * FRAME_SAMPLES
    if not places.size:
        return ()
    end = min(int(places[-1]) + FRAME_SAMPLES, len(pcm) // SAMPLE_BYTES)
    return (Speak(pcm, round(ms(int(places[0]), INPUT_RATE)), round(ms(end, INPUT_RATE))),)


def _loud(pcm: bytes) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """For each frame whether it is louder than the quiet of this recording."""
    sound = view(pcm)
    whole_frames = np.zeros(-(-len(sound) // FRAME_SAMPLES) * FRAME_SAMPLES, np.float32)
    whole_frames[: len(sound)] = sound
    levels = np.sqrt(np.mean(np.square(whole_frames.reshape(-1, FRAME_SAMPLES)), axis=1))
    if not levels.size:
        return np.zeros(0, np.bool_)
    # Against noise: what stands well above the quietest tenth is speech. Where nothing is quiet, most of it is.
    threshold = max(QUIET * float(np.percentile(levels, 95)), 3.0 * float(np.percentile(levels, 10)))
    loud: np.ndarray[tuple[int], np.dtype[np.bool_]] = levels > max(FLOOR, min(threshold, 0.5 * float(levels.max())))
    return loud
