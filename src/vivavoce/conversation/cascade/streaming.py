"""The turn-based view of the cascade: the client says when to answer, nobody interrupts anybody.

Sound belongs to one message, which `Commit` closes, or the end of speech where `Generate` asked for `vad`.
An answer needs both: a closed message (or a prefilled one) and a `Generate`, in any order.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import replace

from vivavoce import aio
from vivavoce.audio.segmenter import Boundary, Confirmed, Ended
from vivavoce.conversation.cascade.ear import Ear
from vivavoce.conversation.cascade.listening import BYTES_PER_MS, Listening
from vivavoce.conversation.cascade.metrics import TurnClock
from vivavoce.conversation.cascade.parts import Deaf, Parts, saying
from vivavoce.conversation.cascade.speaking import Reply, Speech
from vivavoce.conversation.endpointing import endpoint_delay
from vivavoce.conversation.events import ANNOUNCEMENTS, Event, FirstSound
from vivavoce.conversation.inputs import Commit, Generate, Interrupt, Played, Prefill, UserInput, UserText
from vivavoce.conversation.outputs import (
    Flush,
    Prefilled,
    Problem,
    SpeechEnded,
    SpeechStarted,
    StateChanged,
    TranscriptUpdate,
)
from vivavoce.conversation.responder import Answer, Question
from vivavoce.conversation.views import Conversation, Emit, SessionSpec
from vivavoce.errors import BackendError, WrongOrder
from vivavoce.inference.ports import ChatMessage, Picture, Transcript


class StreamingCascade:
    """See the head of the module; the contract is conversation/views.py `View`."""

    def __init__(self, parts: Parts, spec: SessionSpec, conversation: Conversation, emit: Emit) -> None:
        self._parts = parts
        self._spec = spec
        self._conversation = conversation
        self._emit = emit
        self._fault: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Never done but by a fault in something that a back-end calls back."""
        self._listening = Listening(
            parts.recognizer,
            spec.language,
            on_partial=aio.carrying(self._fault, self._partial),
            on_final=self._settled,
            on_failure=self._not_understood,
        )
        self._ear = Ear(
            parts.vad,
            parts.segmenter,
            self._listening,
            on_border=self._border,
            on_window=self._passed,
            owner=self._fault,
        )
        self._deaf = Deaf(parts, spec, emit)
        self._late = bytearray()
        """Sound that came while the last message was being recognised: of the next one, so it waits."""
        self._hearing = False
        self._closing = False
        """The message is closed, and its words are awaited."""
        self._shut = False
        """A microphone was left open and nothing was said: it is not listened to until the client does something."""
        self._heard_from = 0
        self._settling = 0
        self._words: str | None = None
        self._endpoint: int | None = None
        self._spoken_to = 0
        self._message: Transcript | None = None
        self._pending: Generate | None = None
        self._unsaid: deque[str] = deque(maxlen=ANNOUNCEMENTS)
        self._prefills: list[Prefill] = []
        self._prefilling = False
        self._turns = 0
        self._reply: Reply | None = None
        self._clock = TurnClock()
        self._group: asyncio.TaskGroup | None = None

    # ── the contract ──────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        self._ear.open()
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                await self._fault  # until cancelled, or something of ours fails
        finally:
            self._listening.forget()
            self._ear.close()

    def feed(self, pcm: bytes) -> None:
        if self._deaf.deaf:
            self._deaf.tell()
            return
        if self._shut:
            return
        if self._closing:
            self._late += pcm
            del self._late[: -self._parts.policy.utterance_limit * BYTES_PER_MS]
            return
        if not self._hearing and not self._by_voice:
            self._open_message(None)
        self._ear.feed(pcm)

    def handle(self, event: UserInput) -> None:
        if not isinstance(event, Played):
            self._shut = False
        match event:
            case Prefill():
                self._take_in(event)
            case UserText(text):
                self._take_in(Prefill((ChatMessage("user", text),)))
            case Generate():
                self._generate(event)
            case Commit():
                if not self._hearing:
                    raise WrongOrder("there is no sound to close; send some before `commit`")
                self._closing = True
                self._ear.after(self._close_message)
            case Interrupt():
                self._stop()
            case Played(number, ms):
                if self._reply is not None and self._reply.number == number:
                    self._reply.played(ms)
            case _:
                pass  # pausing, stopping and the camera are not this view's

    def announce(self, text: str) -> None:
        self._unsaid.append(text)
        self._say_unasked()

    def over(self, reply: int) -> None:
        if self._reply is not None and self._reply.number == reply:
            self._reply = None
        if self._reply is None:
            self._emit(StateChanged("listening"))
        self._say_unasked()

    def _say_unasked(self) -> None:
        """A timer that rings is a reply without a question, once no other reply is being made."""
        if self._unsaid and self._reply is None and self._pending is None:
            speech = self._parts.speech(self._spec, lambda: self._conversation.memory.volume)
            self._perform(saying(self._unsaid.popleft()), speech, turn=0, said="")

    @property
    def idle(self) -> bool:
        listening = self._hearing or self._closing or self._prefilling or self._message is not None
        return not listening and self._pending is None and self._reply is None

    # ── the message ───────────────────────────────────────────────────────────────────────────

    @property
    def _by_voice(self) -> bool:
        """An answer is wanted to what is going to be said, and the end of speech closes it."""
        return self._pending is not None and self._pending.vad

    def _open_message(self, since: int | None) -> None:
        self._hearing = True
        self._heard_from = self._listening.heard_ms
        self._words = None
        self._turns += 1
        self._listening.begin(since)

    def _border(self, border: Boundary) -> None:
        if isinstance(border, Confirmed):
            self._endpoint = None
            if self._by_voice and not self._hearing:
                self._open_message(border.at)
            if self._hearing:  # nobody waits for a voice any more when `stop` came meanwhile
                self._emit(SpeechStarted(border.at))
        elif isinstance(border, Ended) and self._hearing:
            self._spoken_to = border.at
            self._clock = TurnClock(self._ear.moment(border.at))
            delay = endpoint_delay(self._words, self._spec.language, self._parts.policy.endpoint, self._spec.patience)
            self._endpoint = border.at + delay

    def _passed(self) -> None:
        if self._closing:
            return
        if self._by_voice and self._endpoint is not None and self._ear.now >= self._endpoint:
            self._closing = True
            self._close_message()
        elif (
            self._hearing or self._by_voice
        ) and self._ear.now - self._heard_from > self._parts.policy.utterance_limit:
            self._too_long()

    def _partial(self, text: str) -> None:
        self._words = text
        self._emit(TranscriptUpdate(self._turns, text, final=False, at=self._listening.heard_ms))

    def _close_message(self) -> None:
        if self._endpoint is None:  # closed by hand, perhaps in the middle of a word
            self._spoken_to = self._listening.heard_ms
            self._clock = TurnClock(aio.now())
        self._hearing = False
        self._endpoint = None
        self._ear.cut()
        self._settling += 1
        self._clock.settle = aio.now()
        self._emit(SpeechEnded(self._spoken_to))
        self._emit(StateChanged("recognising"))
        self._listening.settle(self._tasks, self._settling)

    def _settled(self, number: int, transcript: Transcript) -> None:
        self._closing = False
        self._listening.forget()
        self._clock.final = aio.now()
        self._emit(
            TranscriptUpdate(
                self._turns, transcript.text, final=True, at=self._spoken_to, confidence=transcript.confidence
            )
        )
        if transcript.text:
            self._message = _joined(self._message, transcript)
        elif self._pending is not None and not self._pending.vad:
            self._pending = None
            self._emit(Problem("asr_failed", "Nothing was understood; say it again or type it.", retryable=True))
        self._answer_if_ready()
        self._feed_late()

    def _not_understood(self, number: int, message: str) -> None:
        self._closing = False
        self._listening.forget()
        self._pending = None
        self._emit(Problem("asr_failed", message, retryable=True))
        self._emit(StateChanged("listening"))
        self._feed_late()

    def _feed_late(self) -> None:
        late, self._late = self._late, bytearray()
        if late:
            self.feed(bytes(late))

    def _too_long(self) -> None:
        if self._hearing:
            self._emit(Problem("utterance_limit", "That was long; here is an answer to that much."))
            self._shut = self._endpoint is None and not self._ear.speaking
            self._closing = True
            self._close_message()
        else:
            self._pending = None
            self._shut = True
            self._emit(Problem("utterance_limit", "Nothing was said for a minute. Press again to talk."))
            self._emit(StateChanged("listening"))

    # ── prefill ───────────────────────────────────────────────────────────────────────────────

    def _take_in(self, prefill: Prefill) -> None:
        if not prefill.sounds and not self._prefilling:
            self._emit(Prefilled(prefill.messages, prefill.replace))
            return
        # Sound must become words first; what comes after waits, so that the order of messages is kept.
        self._prefills.append(prefill)
        if not self._prefilling:
            self._prefilling = True
            aio.spawn(self._tasks, self._read_sounds(), "prefill")

    async def _read_sounds(self) -> None:
        while self._prefills:
            prefill = self._prefills.pop(0)
            words = []
            try:
                for sound in prefill.sounds:
                    words.append(await self._read(sound))
            except BackendError as error:
                self._pending = None
                self._emit(Problem("asr_failed", error.message, retryable=True))
                self._emit(StateChanged("listening"))
                continue
            *before, last = prefill.messages
            said = " ".join(part for part in (last.text, *words) if part)
            self._emit(Prefilled((*before, replace(last, text=said)), prefill.replace))
        self._prefilling = False
        self._answer_if_ready()

    async def _read(self, sound: bytes) -> str:
        if self._deaf.deaf:
            raise BackendError(self._deaf.reason, code="asr_failed")
        recognition = self._parts.recognizer.listen(self._spec.language)
        try:
            recognition.feed(sound)
            return (await recognition.finish()).text
        finally:
            recognition.cancel()

    # ── the answer ────────────────────────────────────────────────────────────────────────────

    def _generate(self, request: Generate) -> None:
        if self._reply is not None or self._pending is not None:
            raise WrongOrder("a reply is being made; `stop` it or wait for `done`")
        busy = self._hearing or self._closing or self._prefilling
        if not (busy or request.vad or self._message or self._asked()):
            raise WrongOrder("there is nothing to answer; send sound or `prefill` a user message first")
        self._pending = request
        self._heard_from = self._listening.heard_ms
        self._passed()
        self._answer_if_ready()

    def _asked(self) -> ChatMessage | None:
        """The prefilled message that waits for an answer, if the last one is the user's."""
        messages = self._conversation.history.messages()
        return messages[-1] if messages and messages[-1].role == "user" else None

    def _answer_if_ready(self) -> None:
        request = self._pending
        if request is None or self._prefilling or self._closing:
            return
        if self._hearing and self._message is None:  # a message that was closed need not wait for the next one
            return
        history = self._conversation.history.messages()
        said, pictures = "", tuple[Picture, ...]()
        if self._message is not None:
            transcript, said = self._message, self._message.text
            self._message = None
        elif (asked := self._asked()) is not None:
            transcript, pictures, history = Transcript(asked.text, confidence=1.0), asked.pictures, history[:-1]
            self._clock = TurnClock.typed(aio.now())
            self._turns += 1
        else:
            return
        self._pending = None
        self._begin(request, transcript, history, pictures, said)

    def _begin(
        self,
        request: Generate,
        transcript: Transcript,
        history: tuple[ChatMessage, ...],
        pictures: tuple[Picture, ...],
        said: str,
    ) -> None:
        memory = self._conversation.memory
        spec = replace(self._spec, voice=request.voice or self._spec.voice)
        question = Question(
            transcript,
            spec.language,
            history,
            memory,
            spec.system_prompt,
            pictures,
            request.max_new_tokens,
            request.temperature,
            skills=spec.skills,
            model=spec.model,
        )
        speech = self._parts.speech(spec, lambda: memory.volume, silent=not request.audio)
        self._emit(StateChanged("thinking"))
        self._perform(self._parts.responder.answer(question), speech, turn=self._turns, said=said)

    def _perform(self, answer: AsyncIterator[Answer], speech: Speech, *, turn: int, said: str) -> None:
        number = self._conversation.replies + 1
        reply = self._reply = Reply(number, answer, speech, self._emit, self._news)
        reply.start(self._tasks)
        self._clock.turn = turn
        reply.commit(number, turn, said)

    def _news(self, event: Event) -> None:
        if isinstance(event, FirstSound) and self._reply is not None and self._clock.turn:
            self._emit(self._clock.metrics(self._reply.stamps, aio.now()))
            self._emit(StateChanged("speaking"))

    def _stop(self) -> None:
        self._pending = None
        if self._reply is not None:
            number = self._reply.number
            self._reply.cancel()
            self._reply = None
            self._emit(Flush(number, "stopped"))

    @property
    def _tasks(self) -> asyncio.TaskGroup:
        assert self._group is not None, "run() owns the tasks and must have begun"
        return self._group


def _joined(first: Transcript | None, second: Transcript) -> Transcript:
    """Two messages that were closed before anybody asked for an answer are answered as one."""
    return second if first is None else replace(second, text=f"{first.text} {second.text}")
