"""`/ws/duplex/{session_id}`: socket ⇄ wire/duplex ⇄ session, by tables from type to type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from vivavoce.aio import now
from vivavoce.audio.pcm import INPUT_RATE
from vivavoce.channels.connection import Connection
from vivavoce.channels.contract import Sessions
from vivavoce.channels.greeting import QUEUE, Say, prepared
from vivavoce.channels.limits import DUPLEX, STOPS_PER_S, Allowance, ChannelLimits
from vivavoce.channels.link import Link
from vivavoce.channels.pictures import picture
from vivavoce.channels.sound import Ear, Mouth, PcmEar, from_f32, listening, speaking
from vivavoce.conversation import inputs, outputs
from vivavoce.conversation.views import SessionSpec
from vivavoce.errors import BadInput, WrongOrder
from vivavoce.wire import base, duplex

_SIMPLE_INPUTS: Final[dict[type, Callable[[], inputs.UserInput]]] = {
    duplex.Commit: inputs.Commit,
    duplex.Interrupt: inputs.Interrupt,
    duplex.Pause: inputs.Pause,
    duplex.Resume: inputs.Unpause,
}

SAY: Final[dict[type, Say]] = {
    **QUEUE,
    outputs.StateChanged: lambda o: duplex.State(o.state),
    outputs.SpeechStarted: lambda o: duplex.SpeechStarted(o.at),
    outputs.SpeechEnded: lambda o: duplex.SpeechEnded(o.at),
    outputs.TranscriptUpdate: lambda o: base.Transcript(o.turn, o.text, o.final, o.at, o.confidence),
    outputs.ReplyStarted: lambda o: duplex.ReplyStarted(o.reply, o.turn),
    outputs.ReplyText: lambda o: duplex.ReplyText(o.reply, o.delta, o.at),
    outputs.Expression: lambda o: duplex.Expression(o.reply, o.at, o.emotion, o.viseme),
    outputs.Duck: lambda o: duplex.Duck(o.reply, o.gain),
    outputs.Hold: lambda o: duplex.Hold(o.reply),
    outputs.Release: lambda o: duplex.Release(o.reply),
    outputs.Flush: lambda o: duplex.Flush(o.reply, o.reason),
    outputs.ReplyDone: lambda o: duplex.ReplyDone(o.reply, o.reason, o.heard_ms, o.heard_text),
    outputs.TurnMetrics: lambda o: duplex.Metrics(
        o.turn, o.response_ms, o.queue_ms, tuple(duplex.Stage(s.name, s.start, s.end) for s in o.stages)
    ),
    outputs.Paused: lambda o: duplex.Paused(o.until_s),
    outputs.Resumed: lambda o: duplex.Resumed(),
}
"""What is said as one message; the rest needs the channel or stays inside (Act, token counts)."""


class DuplexChannel:
    """One duplex connection; also the outlet of its session."""

    def __init__(
        self,
        connection: Connection,
        session_id: str,
        sessions: Sessions,
        *,
        language: str = "en",
        limits: ChannelLimits = DUPLEX,
    ) -> None:
        self._connection = connection
        self._session_id = session_id
        self._language = language
        self._limits = limits
        moment = now()
        self._bytes = Allowance(limits.bytes_per_s, limits.burst_bytes, moment)
        self._pictures = Allowance(limits.pictures_per_s, 2 * limits.pictures_per_s, moment)
        self._stops = Allowance(STOPS_PER_S, STOPS_PER_S, moment)
        self._link = Link(connection, sessions, self, limits.early_bytes)
        self._asked = duplex.Prepare()
        self._ear: Ear | None = None
        self._chunks = PcmEar(INPUT_RATE)
        self._mouth: Mouth | None = None
        self._rate = self._asked.output.rate

    # ── from the client ───────────────────────────────────────────────────────────────────────────

    def text(self, data: bytes) -> None:
        message = duplex.decode_client(data)
        if isinstance(message, duplex.VideoFrame):
            self._spend(self._pictures, 1, "pictures")
        elif not (isinstance(message, (duplex.Stop, duplex.Interrupt)) and self._stops.take(1, now())):
            self._spend(self._bytes, len(data), "bytes")
        if isinstance(message, duplex.Prepare):
            self._prepare(message)
        elif not self._link.opened:
            raise WrongOrder("`prepare` comes first")
        else:
            self._take(message)

    def sound(self, data: bytes) -> None:
        ear = self._ear
        if ear is None:
            raise WrongOrder("`prepare` comes before sound")
        self._spend(self._bytes, ear.cost(data), "sound")
        self._link.audio(ear.hear(data))

    def closed(self) -> None:
        self._link.close()

    def _prepare(self, message: duplex.Prepare) -> None:
        if self._link.opened:
            raise WrongOrder("this session is prepared already")
        self._ear = listening(message.input.codec, message.input.rate)
        self._mouth = speaking(message.output.codec, message.output.rate, self._connection.send_sound)
        self._chunks = PcmEar(message.input.rate)
        self._rate = message.output.rate
        self._asked = message
        language = (message.language or self._language).lower().partition("-")[0]
        spec = SessionSpec(
            session_id=self._session_id,
            kind="duplex",
            language=language,
            voice=message.voice,
            output_rate=message.output.rate,
            patience=message.patience,
            system_prompt=message.system_prompt,
            app=message.app or "",
            video=message.video,
            conversation=message.conversation or "",
            owner=self._connection.caller.user,
            sign_in=self._connection.caller.sign_in,
        )
        self._link.open(spec, message.resume)

    def _take(self, message: duplex.ClientMessage) -> None:
        match message:
            case duplex.AudioChunk(audio=audio, format=form):
                if form == "f32":
                    audio = from_f32(audio)
                self._link.audio(self._chunks.hear(audio))
            case duplex.VideoFrame(image=image, at=at):
                if not self._asked.video:
                    raise WrongOrder("`prepare` did not ask for `video`")
                self._link.handle(inputs.VideoFrame(picture(image), at), len(image))
            case duplex.TypedText(text=text):
                self._link.handle(inputs.UserText(text), len(text))
            case base.Played(reply=reply, ms=ms):
                self._link.handle(inputs.Played(reply, ms))
            case duplex.Stop():
                self._stop()
            case _:
                self._link.handle(_SIMPLE_INPUTS[type(message)]())

    def _stop(self) -> None:
        if self._link.session is None:
            # Still in the queue: the ticket is given back when the socket is closed.
            self._stopped(outputs.Stopped("stopped"))
        else:
            self._link.handle(inputs.Stop())

    def _spend(self, allowance: Allowance, amount: float, what: str) -> None:
        if not allowance.take(amount, now()):
            raise BadInput(f"more {what} than may come at a time; this message was dropped", code="too_fast")

    # ── from the session ──────────────────────────────────────────────────────────────────────────

    def send(self, output: outputs.Output) -> None:
        self._connection.deliver(self._say, output)

    def _say(self, output: outputs.Output) -> None:
        match output:
            case outputs.ReplyAudio():
                self._reply_audio(output)
            case outputs.ReplyAudioEnd():
                if self._mouth:
                    self._mouth.finish(output.reply)
            case outputs.Prepared():
                self._prepared(output)
            case outputs.Problem():
                self._problem(output)
            case outputs.Stopped():
                self._stopped(output)
            case _:
                if say := SAY.get(type(output)):
                    self._connection.send(say(output))

    def _prepared(self, output: outputs.Prepared) -> None:
        asked = self._asked
        if output.resumed:
            self._bytes.grant(self._limits.resume_burst_bytes)
        if output.output_rate != self._rate:
            # A resumed session keeps its rate, whatever is asked for now.
            self._rate = output.output_rate
            self._mouth = speaking(asked.output.codec, self._rate, self._connection.send_sound)
        heard = duplex.AudioFormat(asked.input.codec, asked.input.rate)
        spoken = duplex.AudioFormat(asked.output.codec, self._rate)
        self._connection.send(prepared(output, heard, spoken, self._limits.message_bytes))

    def _reply_audio(self, output: outputs.ReplyAudio) -> None:
        if self._mouth:
            self._connection.metrics.sound_out_seconds += len(output.pcm) / 2 / self._rate
            self._mouth.speak(output.reply, output.offset, output.pcm)

    def _problem(self, output: outputs.Problem) -> None:
        self._connection.fail(
            output.code,
            output.message,
            retryable=output.retryable,
            fatal=output.fatal,
            retry_after_s=output.retry_after_s,
        )

    def _stopped(self, output: outputs.Stopped) -> None:
        self._connection.send(duplex.Stopped(output.reason))
        self._connection.close(1000, output.reason)
