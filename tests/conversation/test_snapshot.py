"""A session that goes on in another process, with what was said, heard and kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vivavoce.conversation.observer import Unobserved
from vivavoce.conversation.outputs import Prepared, Problem, Stopped
from vivavoce.conversation.sessions import Sessions
from vivavoce.conversation.snapshot import Snapshot, digest
from vivavoce.conversation.views import SessionSpec
from vivavoce.errors import Missing, Refused
from vivavoce.pool.local import PoolSettings
from vivavoce.testing.rehearsal import Rehearsal

MINE = SessionSpec("session-1", output_rate=16_000, owner="ann")


class Stored(Unobserved):
    """An observer of a conversation that is kept."""

    conversation = "c" * 32


class Shelf:
    """Snapshots in a dict, for two houses."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Snapshot] = {}
        self.stored: dict[tuple[str, str], Snapshot] = {}

    def keep(self, snapshot: Snapshot) -> None:
        self.kept[snapshot.spec.owner, snapshot.spec.session_id] = snapshot

    async def take(self, owner: str, session_id: str, kind: str, token: str) -> Snapshot | None:
        found = self.kept.get((owner, session_id))
        if found is None or found.token_hash != digest(token) or found.spec.kind != kind:
            return None
        return self.kept.pop((owner, session_id))

    async def recall(self, owner: str, conversation: str) -> Snapshot | None:
        return self.stored.get((owner, conversation))

    def drop(self, owner: str, session_id: str) -> None:
        self.kept.pop((owner, session_id), None)


def house(shelf: Shelf, spec: SessionSpec = MINE) -> Rehearsal:
    return Rehearsal(
        heard="set a timer for five minutes", spec=spec, resumes=shelf, observe=lambda _spec, _snapshot, _tell: Stored()
    )


async def test_a_session_goes_on_in_another_process_with_its_words_and_its_timers() -> None:
    shelf = Shelf()
    async with house(shelf) as first:
        await first.speak(1000)
        await first.quiet(6000)
        said = first.session.messages()
        assert [message.role for message in said] == ["user", "assistant"]
        token = first.last(Prepared).resume
        # The first process is gone without a word: nothing was dropped.
        kept = dict(shelf.kept)
    async with house(shelf, replace(MINE, session_id="other")) as second:
        shelf.kept.update(kept)
        session = await second.sessions.open(MINE, second, token)
        assert session.messages() == said
        assert second.last(Prepared).resumed
        assert second.last(Prepared).conversation == Stored.conversation
        assert second.last(Prepared).resume != token
        (timer,) = session.memory.timers.values()
        assert timer.seconds == 300
        await second.wait(301_000)
        assert not session.memory.timers, "it rang here"


@pytest.mark.parametrize(
    ("spec", "token"),
    [
        (MINE, "guessed"),
        (replace(MINE, owner="bob"), None),
        (replace(MINE, kind="streaming"), None),
        (replace(MINE, owner=""), None),
    ],
    ids=["wrong token", "somebody else", "another protocol", "a guest"],
)
async def test_only_its_owner_with_its_token_gets_it(spec: SessionSpec, token: str | None) -> None:
    shelf = Shelf()
    async with house(shelf) as first:
        await first.speak(1000)
        await first.quiet(6000)
        given = token or first.last(Prepared).resume
        kept = dict(shelf.kept)
    async with house(shelf, replace(MINE, session_id="other")) as second:
        shelf.kept = kept
        session = await second.sessions.open(spec, second, given)
        assert session.messages() == ()
        assert not second.last(Prepared).resumed


async def test_what_has_ended_is_dropped_and_what_restarts_is_kept() -> None:
    shelf = Shelf()
    async with house(shelf) as play:
        play.session.end(Problem("session_limit", "", fatal=True))
        await play.wait(20)
        assert not shelf.kept
        await play.open()
        assert shelf.kept
        await play.sessions.drain(0.1)
        await play.wait(20)
        assert shelf.kept, "somebody will come back for it"


async def test_a_stored_conversation_goes_on_and_somebody_elses_is_missing() -> None:
    shelf = Shelf()
    async with house(shelf) as first:
        await first.speak(1000)
        await first.quiet(6000)
        shelf.stored["ann", "c" * 32] = shelf.kept["ann", "session-1"]
        said = first.session.messages()
        later = replace(MINE, session_id="session-2", conversation="c" * 32)
        session = await first.sessions.open(later, first)
        assert session.messages() == said
        assert not first.last(Prepared).resumed
        with pytest.raises(Missing):
            await first.sessions.open(replace(later, session_id="session-3", owner="bob"), first)


async def test_what_was_taken_in_vain_is_put_back() -> None:
    shelf = Shelf()
    async with house(shelf) as first:
        await first.speak(1000)
        await first.quiet(6000)
        token = first.last(Prepared).resume
        kept = dict(shelf.kept)
    full = replace(house(shelf, replace(MINE, session_id="other")), pool=PoolSettings(slots=1, queue=0))
    async with full as second:
        shelf.kept = dict(kept)
        with pytest.raises(Refused):
            await second.sessions.open(MINE, second, token)
        assert shelf.kept == kept
        second.session.end(Stopped("stopped"))
        await second.wait(40)
        assert (await second.sessions.open(MINE, second, token)).messages()


async def test_an_id_of_somebody_else_is_simply_new() -> None:
    async with house(Shelf()) as play:
        other = await play.sessions.open(replace(MINE, owner="bob"), play, play.last(Prepared).resume)
        assert other is not play.session
        assert not play.session.over


async def test_who_is_signed_out_does_not_go_on_talking() -> None:
    async with house(Shelf(), replace(MINE, sign_in="laptop")) as play:
        phone = await play.sessions.open(replace(MINE, session_id="session-2", sign_in="phone"), play)
        play.sessions.expel("ann", "phone")
        assert phone.over
        assert not play.session.over
        assert play.last(Problem).code == "token_revoked"
        play.sessions.expel("ann")
        assert play.session.over


async def test_a_session_that_another_process_took_is_let_go_here() -> None:
    shelf = Shelf()
    async with house(shelf) as play:
        sessions: Sessions = play.sessions
        sessions.release("bob", MINE.session_id)
        assert not play.session.over
        sessions.release("ann", MINE.session_id)
        assert play.last(Problem).code == "replaced"
        assert shelf.kept, "it is the other process's now"


async def test_a_process_that_dies_while_a_reply_sounds_has_kept_the_turn_as_far_as_it_was_heard() -> None:
    shelf = Shelf()
    async with house(shelf) as first:
        await first.speak(1000)
        while not first.speaker.played > 1.5 * MINE.output_rate:
            await first.quiet(100)
        kept = shelf.kept[MINE.owner, MINE.session_id]
        assert kept.replies == 1
        assert [message.role for message in kept.messages] == ["user", "assistant"]
        heard = kept.messages[1].text.removesuffix("—")
        assert heard
        assert first.texts()[0].startswith(heard)
