"""Pipecat 1.x with the benchmark's workload: its FastAPI WebSocket transport, its Silero, mock services.

RTVI, turn tracking and metrics are off: they cost another 10 % and are not needed here.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time

import uvicorn
from fastapi import FastAPI, WebSocket
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames.frames import (
    InputAudioRawFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    OutputAudioRawFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.serializers.base_serializer import FrameSerializer
from pipecat.services.llm_service import LLMService
from pipecat.services.settings import LLMSettings, STTSettings, TTSSettings
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.turns.user_start import VADUserTurnStartStrategy
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner

from benchmarks.voice import workload

logger.remove()
logger.add(sys.stderr, level="WARNING")
app = FastAPI()


class RawPcm(FrameSerializer):
    async def serialize(self, frame):
        return frame.audio if isinstance(frame, OutputAudioRawFrame) else None

    async def deserialize(self, data):
        if not isinstance(data, bytes | bytearray):
            return None
        return InputAudioRawFrame(audio=data, sample_rate=workload.RATE, num_channels=1)


class Recogniser(STTService):
    def __init__(self):
        super().__init__(ttfs_p99_latency=0.5, settings=STTSettings(model=None, language=None))
        self._later = None

    async def run_stt(self, audio):
        yield None

    async def _handle_vad_user_stopped_speaking(self, frame):
        await super()._handle_vad_user_stopped_speaking(frame)
        self._later = self.create_task(self._final())

    async def _final(self):
        await asyncio.sleep(workload.STT_DELAY)
        await self.push_frame(TranscriptionFrame(workload.USER_TEXT, "", time_now_iso8601(), finalized=True))


class Model(LLMService):
    def __init__(self):
        unset = dict.fromkeys(
            (
                "system_instruction",
                "temperature",
                "max_tokens",
                "top_p",
                "top_k",
                "frequency_penalty",
                "presence_penalty",
                "seed",
                "user_turn_completion_config",
            )
        )
        settings = LLMSettings(
            model="mock", filter_incomplete_user_turns=False, use_provider_thinking_default=False, **unset
        )
        super().__init__(settings=settings)

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        try:
            await self.push_frame(LLMFullResponseStartFrame())
            began = time.monotonic() + workload.LLM_FIRST
            for index, word in enumerate(workload.WORDS):
                wait = began + index * workload.LLM_STEP - time.monotonic()
                if wait > 0:
                    await asyncio.sleep(wait)
                await self._push_llm_text(word)
        finally:
            await self.push_frame(LLMFullResponseEndFrame())


class Voice(TTSService):
    def __init__(self):
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            sample_rate=workload.RATE,
            settings=TTSSettings(model=None, voice=None, language=None),
        )

    async def run_tts(self, text, context_id):
        began = time.monotonic() + workload.TTS_FIRST
        for index, frame in enumerate(workload.FRAMES):
            wait = began + index * workload.FRAME_GAP - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            yield TTSAudioRawFrame(frame, workload.RATE, 1, context_id=context_id)


@app.websocket("/ws")
async def ws(websocket: WebSocket):
    await websocket.accept()
    params = FastAPIWebsocketParams(
        audio_in_enabled=True,
        audio_out_enabled=True,
        add_wav_header=False,
        audio_out_10ms_chunks=2,
        serializer=RawPcm(),
    )
    transport = FastAPIWebsocketTransport(websocket, params)
    strategies = UserTurnStrategies(
        start=[VADUserTurnStartStrategy()], stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.0)]
    )
    vad = SileroVADAnalyzer(params=VADParams(stop_secs=workload.SILENCE_S))
    user, assistant = LLMContextAggregatorPair(
        LLMContext(), user_params=LLMUserAggregatorParams(vad_analyzer=vad, user_turn_strategies=strategies)
    )
    stages = [transport.input(), Recogniser(), user, Model(), Voice(), transport.output(), assistant]
    params = PipelineParams(
        audio_in_sample_rate=workload.RATE,
        audio_out_sample_rate=workload.RATE,
        enable_metrics=False,
        enable_usage_metrics=False,
    )
    worker = PipelineWorker(Pipeline(stages), params=params, enable_rtvi=False, enable_turn_tracking=False)

    @transport.event_handler("on_client_disconnected")
    async def gone(transport, websocket):
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        loop="uvloop",
        http="httptools",
        log_level="warning",
        timeout_graceful_shutdown=3,
    )
