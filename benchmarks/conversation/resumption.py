"""False interruptions: a reply is held while somebody says «mhm», and released. Is every sample heard, once?

Virtual time: the reply recited without an interruption is the reference, and each of many conversations, held at
random moments over lines of random delay, must end with the very same bytes.
"""

from __future__ import annotations

import asyncio
import random

from benchmarks.conversation.listener import Ledger, Line, Listener
from benchmarks.conversation.recital import Recital, rendered
from benchmarks.conversation.result import Check, Options, Result
from vivavoce.conversation.inputs import UserText
from vivavoce.conversation.outputs import Hold, Release, ReplyDone
from vivavoce.conversation.views import SessionSpec
from vivavoce.inference.backends.espeak import EspeakSynthesizer
from vivavoce.testing import virtual
from vivavoce.testing.rehearsal import Rehearsal

REPLY = (
    "The tide comes in twice a day, and each time it carries something new to the beach. "
    "After a storm there are shells, pieces of green glass, and sometimes a rope from a far harbour."
)
RATE = 24_000
CONVERSATIONS = 150
HOLDS = 3


def measure(options: Options) -> Result:
    """Holds over many conversations; the sum of lost and doubled samples."""
    recital = asyncio.run(_recital())
    chance = random.Random(options.seed)
    reference = virtual.run(_converse(recital, [], Line(), reports=True))[0].sound[1]
    holds = lost = doubled = different = 0
    for number in range(options.times(CONVERSATIONS)):
        moments = [chance.randrange(0, 2500, 10) for _ in range(HOLDS)]
        line = Line(chance.uniform(0, 0.15), chance.uniform(0, 0.2))
        ledger, held = virtual.run(_converse(recital, moments, line, reports=number % 2 == 0))
        holds += held
        lost += ledger.lost
        doubled += ledger.doubled
        different += ledger.sound[1] != reference
    figures = {
        "conversations": options.times(CONVERSATIONS),
        "holds": holds,
        "samples_lost": lost,
        "samples_doubled": doubled,
        "conversations_with_other_sound": different,
    }
    return Result(
        [
            Check(f"samples lost over {holds} holds", str(lost), "0", lost == 0),
            Check("samples doubled", str(doubled), "0", doubled == 0),
            Check("replies that did not sound as without a hold", str(different), "0", different == 0),
        ],
        figures,
    )


async def _recital() -> Recital:
    synthesizer = EspeakSynthesizer()
    try:
        return await rendered(synthesizer, REPLY, "en")
    finally:
        synthesizer.close()


async def _converse(recital: Recital, moments: list[int], line: Line, *, reports: bool) -> tuple[Ledger, int]:
    """What came of a reply with a «mhm» after each of `moments`, and how often it was held.

    Moments are ms since the one before. Ends when the reply has been played.
    """
    spec = SessionSpec("resumption", output_rate=RATE)
    async with Rehearsal(heard="mhm", reply=REPLY, synthesizer=recital, spec=spec) as play:
        listener = Listener(RATE, line, reports=reports)
        listener.session, play.speaker = play.session, listener
        play.session.handle(UserText("tell me about the sea"))
        while not listener.received:
            await play.quiet(20)
        for moment in moments:
            await play.quiet(moment)
            await play.speak(160 + moment % 400)
            await play.quiet(600)
        while not play.all(ReplyDone):
            await play.quiet(200)
        await play.quiet(1000)
        assert len(play.all(Release)) == len(play.all(Hold)), "what was held was released"
        # What came and never left the loudspeaker is lost as well.
        listener.ledger.lost += listener.received - round(listener.played)
        return listener.ledger, len(play.all(Hold))
