"""What a client reports to have played is a claim, not a fact."""

from __future__ import annotations

import pytest

from vivavoce.conversation.inputs import Interrupt, Played, UserText
from vivavoce.conversation.outputs import ReplyAudio, ReplyDone, ReplyStarted
from vivavoce.testing.rehearsal import Rehearsal

LONG = "One two three four five six seven eight nine ten. " * 12
"""About 36 s of sound: three times as much as is made ahead of what was played."""


async def test_a_client_that_reported_once_and_never_again_hears_the_reply_to_its_end() -> None:
    async with Rehearsal(reply=LONG, reports=False) as play:
        play.session.handle(UserText("tell me all"))
        await play.quiet(1000)
        play.session.handle(Played(1, 100.0))
        await play.quiet(60_000)
        assert play.last(ReplyDone).reason == "completed"


async def test_reporting_one_reply_obliges_to_nothing_in_the_next() -> None:
    async with Rehearsal(reply=["Yes.", LONG], reports=True) as play:
        play.session.handle(UserText("tell me"))
        await play.quiet(3000)
        play.speaker.reports = False
        play.session.handle(UserText("tell me all"))
        await play.quiet(60_000)
        assert [done.reason for done in play.all(ReplyDone)] == ["completed", "completed"]


@pytest.mark.parametrize(
    "claim",
    [
        lambda n: 0.0,
        lambda n: -1e9,
        lambda n: float("nan"),
        lambda n: 5000.0 - n,
        lambda n: 1e308,
        lambda n: float("inf"),
    ],
    ids=["none", "negative", "nan", "falling", "huge", "infinite"],
)
async def test_nonsense_neither_stops_a_reply_nor_makes_more_heard_than_was_sent(claim) -> None:
    async with Rehearsal(reply=LONG, reports=False) as play:
        play.session.handle(UserText("tell me all"))
        for count in range(80):
            await play.quiet(200)
            play.session.handle(Played(1, claim(count)))
        assert play.all(ReplyAudio)[-1].offset > 14 * 16_000, "the sound goes on at its pace"
        play.session.handle(Interrupt())
        play.session.handle(Played(1, claim(100)))
        await play.quiet(1000)
        done = play.last(ReplyDone)
        assert done.reason == "stopped"
        assert 0 <= done.heard_ms <= play.sound(1) / 16
        assert LONG.startswith(done.heard_text)
        assert len(done.heard_text) < len(LONG) * 0.6


async def test_reports_of_other_replies_change_nothing() -> None:
    async with Rehearsal(reply=["Yes, of course.", LONG]) as play:
        play.session.handle(UserText("one"))
        await play.quiet(3000)
        play.session.handle(UserText("two"))
        await play.quiet(2000)
        for number in (0, 1, 3, 2**32 - 1):
            play.session.handle(Played(number, 30_000.0))
        await play.quiet(200)
        assert len(play.all(ReplyDone)) == 1
        assert len(play.all(ReplyStarted)) == 2
