"""LiveKit Agents 1.x with the benchmark's workload: one AgentSession per WebSocket, no room, mock plugins.

Its usual place behind LiveKit's WebRTC server, one process per job, costs more; this is its engine alone.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
import uuid

import uvloop
from livekit import rtc
from livekit.agents import Agent, AgentSession, llm, stt, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN
from livekit.agents.utils import aio
from livekit.agents.voice import io
from livekit.plugins import silero
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from benchmarks.voice import workload

logging.basicConfig(level=logging.WARNING)
MIN_INTERRUPTION_S = 0.2
"""As Pipecat's default; LiveKit's own is 0.5."""


class Recogniser(stt.STT):
    def __init__(self):
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=False, manual_flush=True))

    async def _recognize_impl(self, buffer, *, language=NOT_GIVEN, conn_options=None):
        raise RuntimeError("only streams are used")

    def stream(self, *, language=NOT_GIVEN, conn_options=DEFAULT_API_CONNECT_OPTIONS):
        return RecognitionStream(stt=self, conn_options=conn_options)


class RecognitionStream(stt.RecognizeStream):
    async def _run(self):
        tasks = set()
        loop = asyncio.get_running_loop()
        async for data in self._input_ch:
            if isinstance(data, self._FlushSentinel):
                task = loop.create_task(self._final())
                tasks.add(task)
                task.add_done_callback(tasks.discard)

    async def _final(self):
        await asyncio.sleep(workload.STT_DELAY)
        speech = stt.SpeechData(language="en", text=workload.USER_TEXT, confidence=1.0)
        self._event_ch.send_nowait(stt.SpeechEvent(type=stt.SpeechEventType.FINAL_TRANSCRIPT, alternatives=[speech]))


class Model(llm.LLM):
    def chat(
        self,
        *,
        chat_ctx,
        tools=None,
        conn_options=DEFAULT_API_CONNECT_OPTIONS,
        parallel_tool_calls=NOT_GIVEN,
        tool_choice=NOT_GIVEN,
        extra_kwargs=NOT_GIVEN,
    ):
        return ModelStream(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class ModelStream(llm.LLMStream):
    async def _run(self):
        name = uuid.uuid4().hex
        began = time.monotonic() + workload.LLM_FIRST
        for index, word in enumerate(workload.WORDS):
            wait = began + index * workload.LLM_STEP - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            delta = llm.ChoiceDelta(role="assistant", content=word)
            self._event_ch.send_nowait(llm.ChatChunk(id=name, delta=delta))


class Voice(tts.TTS):
    def __init__(self):
        capabilities = tts.TTSCapabilities(streaming=False)
        super().__init__(capabilities=capabilities, sample_rate=workload.RATE, num_channels=1)

    def synthesize(self, text, *, conn_options=DEFAULT_API_CONNECT_OPTIONS):
        return VoiceStream(tts=self, input_text=text, conn_options=conn_options)


class VoiceStream(tts.ChunkedStream):
    async def _run(self, output):
        output.initialize(request_id=uuid.uuid4().hex, sample_rate=workload.RATE, num_channels=1, mime_type="audio/pcm")
        began = time.monotonic() + workload.TTS_FIRST
        for index, frame in enumerate(workload.FRAMES):
            wait = began + index * workload.FRAME_GAP - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            output.push(frame)
        output.flush()


class Ear(io.AudioInput):
    def __init__(self):
        super().__init__(label="ws")
        self.frames = aio.Chan()

    async def __anext__(self):
        return await self.frames.__anext__()

    def push(self, data):
        frame = rtc.AudioFrame(data=data, sample_rate=workload.RATE, num_channels=1, samples_per_channel=len(data) // 2)
        self.frames.send_nowait(frame)


class Mouth(io.AudioOutput):
    """Plays frames out at real time in messages of 20 ms, with pause, resume and clear as a room's output has."""

    def __init__(self, ws):
        capabilities = io.AudioOutputCapabilities(pause=True)
        super().__init__(label="ws", capabilities=capabilities, sample_rate=workload.RATE)
        self.ws = ws
        self.sound = bytearray()
        self.flushed = self.started = False
        self.pushed = self.sent = 0.0
        self.wake = asyncio.Event()
        self.enabled = asyncio.Event()
        self.enabled.set()
        self.task = asyncio.get_running_loop().create_task(self._play())

    async def capture_frame(self, frame):
        await super().capture_frame(frame)
        self.sound += frame.data.cast("B")
        self.pushed += frame.duration
        self.flushed = False
        if len(self.sound) >= 640:
            self.wake.set()

    def flush(self):
        super().flush()
        if self.pushed:
            self.flushed = True
            self.wake.set()

    def clear_buffer(self):
        if self.pushed:
            self.sound.clear()
            self._finish(interrupted=True)

    def pause(self):
        super().pause()
        self.enabled.clear()

    def resume(self):
        super().resume()
        self.enabled.set()

    def _finish(self, *, interrupted):
        position = self.sent
        self.pushed = self.sent = 0.0
        self.flushed = self.started = False
        self.on_playback_finished(playback_position=position, interrupted=interrupted)

    async def _play(self):
        due, idle = 0.0, True
        try:
            while True:
                if not self.enabled.is_set():
                    await self.enabled.wait()
                    idle = True
                waiting = len(self.sound)
                if waiting >= 640 or (self.flushed and waiting):
                    ahead = due - time.monotonic()
                    if ahead > 0:
                        await asyncio.sleep(ahead)
                        if not self.enabled.is_set() or len(self.sound) < min(waiting, 640):
                            continue
                    elif ahead < -0.2 or idle:
                        due = time.monotonic()
                    idle = False
                    due += 0.020
                    await self._send()
                elif self.flushed:
                    ahead = due - time.monotonic()
                    if ahead > 0:
                        await asyncio.sleep(ahead)
                    else:
                        self._finish(interrupted=False)
                else:
                    idle = True
                    self.wake.clear()
                    await self.wake.wait()
        except ConnectionClosed:
            pass

    async def _send(self):
        data = bytes(self.sound[:640])
        del self.sound[:640]
        if not self.started:
            self.started = True
            self.on_playback_started(created_at=time.time())
        self.sent += len(data) / 2 / workload.RATE
        await self.ws.send(data)


async def talk(ws, vad):
    ear, mouth = Ear(), Mouth(ws)
    session = AgentSession(
        stt=Recogniser(),
        llm=Model(),
        tts=Voice(),
        vad=vad,
        aec_warmup_duration=None,
        user_away_timeout=None,
        turn_handling={
            "turn_detection": "vad",
            "endpointing": {"mode": "fixed", "min_delay": 0.0, "max_delay": 0.0},
            "interruption": {"mode": "vad", "min_duration": MIN_INTERRUPTION_S},
        },
    )
    session.input.audio = ear
    session.output.audio = mouth
    try:
        await session.start(Agent(instructions="You are a mock."), record=False)
        async for message in ws:
            if isinstance(message, bytes):
                ear.push(message)
    except ConnectionClosed:
        pass
    finally:
        ear.frames.close()
        await session.aclose()
        mouth.task.cancel()


async def main():
    vad = silero.VAD.load(min_silence_duration=workload.SILENCE_S)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = serve(
        lambda ws: talk(ws, vad),
        "127.0.0.1",
        int(os.environ["PORT"]),
        compression=None,
        ping_interval=None,
        max_queue=None,
    )
    async with server:
        await stop.wait()
        os._exit(0)


if __name__ == "__main__":
    uvloop.run(main())
