"""`/ws/streaming/{session_id}`: turn-based chat; socket ⇄ wire/streaming ⇄ session.

The first message opens the session, whichever it is; with the token of `prepared` it goes on with a dropped
one. Sound is 16 kHz PCM in, 24 kHz PCM out, as binary messages or, where `generate` asks for it, inside `chunk`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from vivavoce.aio import now
from vivavoce.audio.pcm import INPUT_RATE
from vivavoce.channels.connection import Connection
from vivavoce.channels.contract import Session, Sessions
from vivavoce.channels.greeting import QUEUE, prepared
from vivavoce.channels.limits import STOPS_PER_S, STREAMING, Allowance, ChannelLimits
from vivavoce.channels.link import Link
from vivavoce.channels.pictures import picture
from vivavoce.channels.sound import PcmEar, from_f32
from vivavoce.conversation import inputs, outputs
from vivavoce.conversation.views import SessionSpec
from vivavoce.errors import BadInput, VivavoceError
from vivavoce.inference.ports import ChatMessage, Picture
from vivavoce.wire import base, streaming
from vivavoce.wire.codes import close_code, known
from vivavoce.wire.duplex import AudioFormat

HEARD: Final = AudioFormat("pcm16", INPUT_RATE)
SPOKEN: Final = AudioFormat("pcm16", streaming.OUTPUT_RATE)
_SHORT: Final = 256
"""Bytes of a message that may be a `stop`."""
_PLAIN: Final = streaming.Opening()
_NO_TOKENS: Final = streaming.Tokens(0, 0, 0)
_FAILURES: Final = frozenset({"llm_failed", "tts_failed"})
"""Errors that say why a reply failed."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What this connection needs to know of a `generate`. `at`: when it came."""

    json_audio: bool
    at: float


class StreamingChannel:
    """One turn-based connection; also the outlet of its session."""

    def __init__(
        self,
        connection: Connection,
        session_id: str,
        sessions: Sessions,
        *,
        language: str = "en",
        limits: ChannelLimits = STREAMING,
    ) -> None:
        self._connection = connection
        self._session_id = session_id
        self._language = language
        self._message_bytes = limits.message_bytes
        self._bytes = Allowance(limits.bytes_per_s, limits.burst_bytes, now())
        self._stops = Allowance(STOPS_PER_S, STOPS_PER_S, now())
        self._link = Link(connection, sessions, self, limits.early_bytes)
        self._ear = PcmEar(INPUT_RATE)
        self._asked: _Asked | None = None
        """The `generate` that was taken and of which no reply came yet."""
        self._reply = _Asked(json_audio=False, at=now())
        """How the reply that is being given was asked for."""
        self._index = 0
        self._told = set[str]()
        """Errors told since that reply began."""
        self._tokens: dict[int, streaming.Tokens] = {}

    # ── from the client ───────────────────────────────────────────────────────────────────────────

    def text(self, data: bytes) -> None:
        # Counted before it is looked at, but for what may be a `stop`: messages here are large, and take time to read.
        short = len(data) <= _SHORT
        if not short:
            self._spend(len(data))
        message = streaming.decode_client(data)
        if short and not (isinstance(message, streaming.Stop) and self._stops.take(1, now())):
            self._spend(len(data))
        match message:
            case streaming.Prefill():
                prefill = _prefill(message)
                self._opened(message)
                self._link.handle(prefill, len(data))
            case streaming.Generate():
                first = not self._link.opened
                self._opened(message)
                self._generate(message, first=first)
            case streaming.Close():
                self._close()
            case _:
                self._opened()
                self._link.handle(_simple(message))

    def sound(self, data: bytes) -> None:
        self._spend(len(data))
        pcm = self._ear.hear(data)
        self._opened()
        self._link.audio(pcm)

    def closed(self) -> None:
        self._link.close()

    def _opened(self, first: streaming.Opening = _PLAIN) -> None:
        if self._link.opened:
            return
        spec = SessionSpec(
            self._session_id,
            kind="streaming",
            language=(first.language or self._language).lower().partition("-")[0],
            output_rate=streaming.OUTPUT_RATE,
            app=first.app or "",
            conversation=first.conversation or "",
            owner=self._connection.caller.user,
            sign_in=self._connection.caller.sign_in,
        )
        self._link.open(spec, first.resume)

    def _generate(self, message: streaming.Generate, *, first: bool) -> None:
        asked = _Asked(json_audio=message.audio_format == "json", at=now())
        if first:
            self._reply = asked  # of a conversation that is resumed a reply may go on here
        event = inputs.Generate(
            audio=message.audio,
            voice=message.voice,
            max_new_tokens=message.max_new_tokens,
            temperature=message.temperature,
            vad=message.vad,
        )
        self._link.do(lambda session: self._ask(session, event, asked))

    def _ask(self, session: Session, event: inputs.Generate, asked: _Asked) -> None:
        """The reply may begin within `handle`, and a `generate` that is refused changes nothing."""
        before, self._asked = self._asked, asked
        try:
            session.handle(event)
        except VivavoceError:
            self._asked = before
            raise

    def _close(self) -> None:
        if self._link.session is None:
            self._connection.close(1000, "stopped")
        else:
            self._link.handle(inputs.Stop())

    def _spend(self, amount: int) -> None:
        if not self._bytes.take(amount, now()):
            raise BadInput("more bytes than may come at a time; this message was dropped", code="too_fast")

    # ── from the session ──────────────────────────────────────────────────────────────────────────

    def send(self, output: outputs.Output) -> None:
        self._connection.deliver(self._say, output)

    def _say(self, output: outputs.Output) -> None:
        connection = self._connection
        match output:
            case outputs.ReplyAudio():
                self._sound(output)
            case outputs.ReplyStarted(turn=turn):
                self._begun(turn)
            case outputs.ReplyText(reply=reply, delta=delta):
                connection.send(streaming.Chunk(reply, self._next_index(), text_delta=delta))
            case outputs.TranscriptUpdate(turn=turn, text=text, final=final, at=at, confidence=confidence):
                connection.send(base.Transcript(turn, text, final, at, confidence))
            case outputs.Prepared():
                connection.send(prepared(output, HEARD, SPOKEN, self._message_bytes))
            case outputs.Prefilled(prompt_tokens=prompt, cached_tokens=cached, new_tokens=new):
                connection.send(streaming.PrefillDone(prompt, cached, new))
            case outputs.Tokens(reply=reply, cached=cached, input=given, generated=generated):
                self._tokens = {reply: streaming.Tokens(cached, given, generated)}
            case outputs.ReplyDone():
                self._done(output)
            case outputs.Problem(code=code, message=text, retryable=again, fatal=fatal, retry_after_s=wait):
                self._told.add(code)
                connection.fail(code, text, retryable=again, fatal=fatal, retry_after_s=wait)
            case outputs.Stopped(reason=reason):
                self._stopped(reason)
            case _:
                if say := QUEUE.get(type(output)):
                    connection.send(say(output))

    def _begun(self, turn: int) -> None:
        if turn and self._asked:
            self._reply, self._asked = self._asked, None
        else:
            # An announcement belongs to no turn: its time begins here, its sound comes as that of the reply before.
            self._reply = replace(self._reply, at=now())
        self._index = 0
        self._told.clear()

    def _sound(self, output: outputs.ReplyAudio) -> None:
        self._connection.metrics.sound_out_seconds += len(output.pcm) / 2 / streaming.OUTPUT_RATE
        if self._reply.json_audio:
            self._connection.send(streaming.Chunk(output.reply, self._next_index(), audio=output.pcm))
        else:
            self._connection.send_sound(output.reply, output.offset, output.pcm)

    def _done(self, output: outputs.ReplyDone) -> None:
        # `done` knows only `stopped`; an end that nobody wanted has been told of before it, here at the latest.
        if output.reason == "failed" and not self._told & _FAILURES:
            self._connection.fail("llm_failed", "this reply could not be finished", retryable=True)
        elif output.reason == "limit" and "reply_limit" not in self._told:
            self._connection.fail("reply_limit", "this reply was ended because it was too long")
        self._connection.send(
            streaming.Done(
                reply=output.reply,
                stopped=output.reason in ("interrupted", "stopped"),
                tokens=self._tokens.pop(output.reply, _NO_TOKENS),
                elapsed_ms=round((now() - self._reply.at) * 1000),
                heard_text=output.heard_text,
            )
        )

    def _stopped(self, reason: str) -> None:
        # This protocol has no message of its own for the end; one that the client did not ask for is named.
        if reason != "stopped" and close_code(reason) == 1000:
            self._connection.fail(known(reason), "the session is over")
        self._connection.close(1000, reason)

    def _next_index(self) -> int:
        index = self._index
        self._index += 1
        return index


def _simple(message: streaming.Commit | streaming.Stop | base.Played) -> inputs.UserInput:
    match message:
        case streaming.Commit():
            return inputs.Commit()
        case streaming.Stop():
            return inputs.Interrupt()
        case base.Played(reply=reply, ms=ms):
            return inputs.Played(reply, ms)


def _prefill(message: streaming.Prefill) -> inputs.Prefill:
    """Messages with their pictures; the sound of the last user message apart, in order."""
    messages: list[ChatMessage] = []
    sounds: list[bytes] = []
    last = len(message.messages) - 1
    for index, given in enumerate(message.messages):
        if isinstance(given.content, str):
            messages.append(ChatMessage(given.role, given.content))
            continue
        texts: list[str] = []
        pictures: list[Picture] = []
        for part in given.content:
            match part:
                case streaming.TextPart(text=text):
                    texts.append(text)
                case streaming.ImagePart(image=image):
                    pictures.append(picture(image))
                case streaming.AudioPart():
                    if index != last or given.role != "user":
                        raise BadInput("sound belongs into the last message, and that is the user's")
                    sounds.append(_heard(part))
                case streaming.VideoPart():
                    raise BadInput("no video container is read here: send frames as `image` parts and sound as `audio`")
        messages.append(ChatMessage(given.role, "\n".join(texts), tuple(pictures)))
    return inputs.Prefill(tuple(messages), tuple(sounds), message.replace)


def _heard(part: streaming.AudioPart) -> bytes:
    return from_f32(part.audio) if part.format == "f32" else PcmEar(INPUT_RATE).hear(part.audio)
