"""The doctor of a running server: what is in use, how the stores are, and one sentence through each part."""

from __future__ import annotations

import asyncio
import base64
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Final

import numpy as np

from vivavoce import aio
from vivavoce.api.doctor import CheckView, DoctorView, InUseView, Kind, MissingView, TryView
from vivavoce.app import doctor
from vivavoce.app.build import Backends
from vivavoce.app.platform import Platform
from vivavoce.audio.containers import wav
from vivavoce.audio.pcm import INPUT_RATE, Pcm
from vivavoce.audio.resample import resample
from vivavoce.errors import BackendError, BackendUnavailable, VivavoceError
from vivavoce.inference.ports import ChatMessage, ChatRequest, SpeechRequest, TextDelta

TRY_S: Final = 20.0
"""A try that takes longer has failed."""
CHECK_S: Final = 3.0
SENTENCE: Final = "What time is it?"
QUESTION: Final = "Say one short sentence of greeting."
LITTLE_ROOM: Final = 2 << 30
"""Bytes; with less on the disk nothing is recorded."""


class Checkup:
    """Asked by `/api/doctor`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._backends: Backends | None = None
        self._tries: Mapping[Kind, Callable[[Backends], Awaitable[TryView]]] = {
            "vad": _try_vad,
            "asr": _try_asr,
            "llm": _try_llm,
            "tts": _try_tts,
        }

    def loaded(self, backends: Backends) -> None:
        """These answer from now on."""
        self._backends = backends

    async def examine(self) -> DoctorView:
        """What is in use here, and what is missing."""
        built = self._built()
        report = doctor.running(self._platform.live.loaded, built.vad, built.recognizer, built.model, built.synthesizer)
        checks = await asyncio.gather(self._database(), self._bus(), self._disk(), self._sealing())
        return DoctorView(
            well=report.well and all(check.well for check in checks),
            version=report.version,
            python=report.python,
            system=report.system,
            file=report.file,
            in_use=[InUseView.model_validate(asdict(one)) for one in report.in_use],
            checks=list(checks),
            missing=[MissingView.model_validate(asdict(one)) for one in report.advice],
        )

    async def try_out(self, kind: Kind) -> TryView:
        """One sentence through one part. A part that fails says so; it is no fault of the request."""
        try:
            async with asyncio.timeout(TRY_S):
                return await self._tries[kind](self._built())
        except TimeoutError:
            return _failed(kind, TRY_S, f"no answer within {TRY_S:g} s")
        except BackendError as error:
            return _failed(kind, 0.0, error.message or str(error))

    def _built(self) -> Backends:
        if self._backends is None:
            raise BackendUnavailable("the models are being loaded; try again in a moment", code="loading")
        return self._backends

    # ── the stores ────────────────────────────────────────────────────────────────────────────────

    async def _database(self) -> CheckView:
        database = self._platform.storage.database
        name = "PostgreSQL" if database.dialect == "postgresql" else "SQLite"
        return await _answers("database", name, database.ping)

    async def _bus(self) -> CheckView:
        silent = self._platform.storage.bus.silent_s
        if self._platform.settings.data.redis is None:
            return CheckView(name="bus", well=True, detail="in this process: one gateway")
        well = silent <= CHECK_S
        return CheckView(name="bus", well=well, detail="Redis" if well else f"Redis says nothing for {silent:.0f} s")

    async def _disk(self) -> CheckView:
        free = shutil.disk_usage(self._platform.storage.folder.path).free
        detail = f"{free / (1 << 30):.1f} GiB free"
        return CheckView(name="disk", well=free >= LITTLE_ROOM, detail=detail)

    async def _sealing(self) -> CheckView:
        sealed = self._platform.storage.sealer.sealing
        how = "words, sound and secrets are sealed" if sealed else "nothing is sealed; `vivavoce keys new` makes a key"
        return CheckView(name="sealing at rest", well=True, detail=how)


async def _answers(name: str, what: str, ask: Callable[[], Awaitable[None]]) -> CheckView:
    began = time.perf_counter()
    try:
        async with asyncio.timeout(CHECK_S):
            await ask()
    except (VivavoceError, TimeoutError):
        return CheckView(name=name, well=False, detail=f"{what} does not answer")
    return CheckView(name=name, well=True, detail=f"{what}, answers in {_since(began):.1f} ms")


# ── one sentence through each ─────────────────────────────────────────────────────────────────────


async def _try_vad(built: Backends) -> TryView:
    able = built.vad.capabilities
    quiet = np.zeros((1, able.window), np.int16)
    state = built.vad.start()
    began = time.perf_counter()
    score = built.vad.score(quiet, [state])[0]
    return _done("vad", began, f"quiet is speech with a probability of {score:.2f}")


async def _try_asr(built: Backends) -> TryView:
    spoken = resample(await _speech(built, SENTENCE), INPUT_RATE)
    recognition = built.recognizer.listen("en")
    try:
        recognition.feed(spoken.data + bytes(INPUT_RATE))
        began = time.perf_counter()
        heard = await recognition.finish()
    finally:
        recognition.cancel()
    return _done("asr", began, heard.text or "nothing was understood")


async def _try_llm(built: Backends) -> TryView:
    if built.model is None:
        return TryView(kind="llm", well=True, ms=0.0, text="the skills answer alone", sound=None)
    began, first, text = time.perf_counter(), 0.0, ""
    request = ChatRequest((ChatMessage("user", QUESTION),), max_tokens=60)
    async with aio.closing(built.model.reply(request)) as deltas:
        async for delta in deltas:
            if isinstance(delta, TextDelta):
                first = first or _since(began)
                text += delta.text
    return TryView(kind="llm", well=bool(text), ms=first, text=text or "no word came", sound=None)


async def _try_tts(built: Backends) -> TryView:
    began, first, sound = time.perf_counter(), 0.0, bytearray()
    async with aio.closing(built.synthesizer.speak(SpeechRequest(SENTENCE))) as chunks:
        async for chunk in chunks:
            first = first or _since(began)
            sound += chunk.pcm
    heard = base64.b64encode(wav(Pcm(bytes(sound), built.synthesizer.capabilities.rate))).decode()
    return TryView(kind="tts", well=bool(sound), ms=first, text=SENTENCE, sound=heard)


async def _speech(built: Backends, text: str) -> Pcm:
    sound = bytearray()
    async with aio.closing(built.synthesizer.speak(SpeechRequest(text))) as chunks:
        async for chunk in chunks:
            sound += chunk.pcm
    return Pcm(bytes(sound), built.synthesizer.capabilities.rate)


def _done(kind: Kind, began: float, text: str) -> TryView:
    return TryView(kind=kind, well=True, ms=_since(began), text=text, sound=None)


def _failed(kind: Kind, seconds: float, why: str) -> TryView:
    return TryView(kind=kind, well=False, ms=seconds * 1000, text=why, sound=None)


def _since(began: float) -> float:
    return (time.perf_counter() - began) * 1000
