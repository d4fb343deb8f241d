"""The registry: whose session it is, and how many there may be."""

from __future__ import annotations

import pytest

from vivavoce.conversation.outputs import Prepared
from vivavoce.conversation.sessions import Sessions
from vivavoce.conversation.views import SessionSpec
from vivavoce.errors import Refused
from vivavoce.testing.rehearsal import Rehearsal


async def test_a_lost_session_is_another_ones_only_with_its_token_or_as_a_new_one() -> None:
    async with Rehearsal() as play:
        first = play.session
        first.detach(play)
        second = await play.open()
        assert second is not first
        assert first.over
        assert not play.last(Prepared).resumed
        await play.wait(40)
        assert len(play.sessions) == play.local.busy == 1


async def test_a_token_of_one_protocol_opens_no_session_of_another() -> None:
    async with Rehearsal() as play:
        turns = SessionSpec(play.spec.session_id, kind="streaming")
        with pytest.raises(Refused) as refused:
            await play.sessions.open(turns, play, play.last(Prepared).resume)
        assert refused.value.code == "session_in_use"


async def test_a_token_is_for_one_use() -> None:
    async with Rehearsal() as play:
        token = play.last(Prepared).resume
        await play.open(resume=token)
        with pytest.raises(Refused):
            await play.sessions.open(play.spec, play, token)


async def test_connections_opened_and_dropped_by_the_thousand_come_to_a_limit() -> None:
    async with (
        Rehearsal(spec=SessionSpec("turns", kind="streaming")) as play,
        Sessions(play.house(), most=50) as sessions,
    ):
        for number in range(50):
            session = await sessions.open(play.other(f"s{number}"), play)
            session.detach(play)
        with pytest.raises(Refused) as refused:
            await sessions.open(play.other("one-more"), play)
        assert refused.value.code == "overloaded"
        assert refused.value.retry_after_s
        await play.wait(62_000)
        await sessions.open(play.other("later"), play)
