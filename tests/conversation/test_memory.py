"""Nothing grows: not with turns, not with sessions; and a conversation is not fat."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections import Counter

from vivavoce.conversation.engine import SessionLimits
from vivavoce.conversation.inputs import Generate, Prefill, Stop, UserText
from vivavoce.conversation.outputs import Output, ReplyDone
from vivavoce.conversation.views import SessionSpec
from vivavoce.inference.backends.scripted import ScriptedModel, ScriptedRecognizer, ScriptedSynthesizer
from vivavoce.inference.ports import ChatMessage
from vivavoce.pool.local import PoolSettings
from vivavoce.testing.rehearsal import LOUD, QUIET, Rehearsal

BOUND = 512 << 10
"""Bytes of one conversation."""


def things() -> Counter[str]:
    """Objects of our own and the loop's, by type."""
    gc.collect()
    ours = ("vivavoce", "asyncio", "_asyncio", "numpy", "soxr")
    names = (f"{type(thing).__module__}.{type(thing).__qualname__}" for thing in gc.get_objects())
    return Counter(name for name in names if name.startswith(ours))


class Forgetful:
    """A client that keeps nothing of what it is told."""

    def __init__(self) -> None:
        self.done = 0

    def send(self, output: Output) -> None:
        self.done += isinstance(output, ReplyDone)


def quick() -> Rehearsal:
    return Rehearsal(
        recognizer=ScriptedRecognizer("what is this", delay_s=0.02, word_s=0.1),
        model=ScriptedModel("This is a short reply to you.", first_token_s=0.02, per_token_s=0.0),
        synthesizer=ScriptedSynthesizer(rate=24_000, clause_s=0.3, first_frame_s=0.02),
        pool=PoolSettings(slots=2000),
        limits=SessionLimits(idle_s=10 * 3600),
    )


async def test_a_thousand_turns_in_one_session_leave_no_more_than_forty() -> None:
    async with quick() as play:
        client = Forgetful()
        session = await play.sessions.open(play.other("many"), client)
        counts: list[Counter[str]] = []
        for turn in range(1000):
            session.handle(UserText("what is this"))
            await asyncio.sleep(1.0)
            if turn == 199:
                counts.append(things())
            if turn == 799:
                counts.append(things())
                tracemalloc.start()
        grown = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert client.done == 1000
        assert counts[1] - counts[0] == Counter()
        assert grown < 128 << 10, "what two hundred turns leave, the forty last ones among it"
        assert len(session.messages()) == 80


async def test_a_thousand_sessions_opened_and_closed_leave_nothing() -> None:
    async with quick() as play:

        async def visit(number: int) -> None:
            spec = SessionSpec(f"visitor-{number}", kind="streaming" if number % 3 == 0 else "duplex")
            client = Forgetful()
            session = await play.sessions.open(spec, client)
            if spec.kind == "streaming":
                session.handle(Prefill((ChatMessage("user", "what is this"),)))
                session.handle(Generate())
                await asyncio.sleep(1.0)
            else:
                for _ in range(30):
                    session.audio(LOUD)
                    await asyncio.sleep(0.01)
                for _ in range(60):
                    session.audio(QUIET)
                    await asyncio.sleep(0.01)
            match number % 4:
                case 0:
                    session.handle(Stop())
                case 1:
                    session.detach(client)
                case 2:
                    session.handle(UserText("set a timer for ten minutes"))
                    session.detach(client)
                case _:
                    session.handle(UserText("tell me more"))
                    session.handle(Stop())

        async def crowd(first: int, size: int) -> None:
            async with asyncio.TaskGroup() as group:
                for number in range(first, first + size):
                    group.create_task(visit(number))
            await asyncio.sleep(700.0)  # the loop keeps cancelled timers until their time
            assert len(play.sessions) == 1, "our own"

        await crowd(0, 100)
        before, tasks = things(), len(asyncio.all_tasks())
        for start in range(100, 1100, 250):
            await crowd(start, 250)
        after = things()
        assert len(asyncio.all_tasks()) == tasks
        assert play.local.busy == 1
        assert after - before == Counter()


async def test_a_conversation_in_the_middle_of_a_reply_is_within_its_bound() -> None:
    async with quick() as play:
        count = 100
        tracemalloc.start()
        empty = tracemalloc.get_traced_memory()[0]
        sessions = [await play.sessions.open(play.other(f"s{n}"), Forgetful()) for n in range(count)]
        opened = (tracemalloc.get_traced_memory()[0] - empty) / count
        for session in sessions:
            for _ in range(100):
                session.audio(LOUD)
        await asyncio.sleep(1.0)
        speaking = (tracemalloc.get_traced_memory()[0] - empty) / count
        for session in sessions:
            for _ in range(50):
                session.audio(QUIET)
        await asyncio.sleep(0.4)
        answered = (tracemalloc.get_traced_memory()[0] - empty) / count
        tracemalloc.stop()
        assert opened < 48 << 10
        assert 64_000 < speaking < BOUND, "two seconds of speech are kept"
        assert answered < BOUND
