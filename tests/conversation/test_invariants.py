"""Whatever people do, and whenever: what must hold of every conversation."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from vivavoce.conversation.inputs import Commit, Interrupt, Pause, Unpause, UserText
from vivavoce.conversation.outputs import Act, Prepared, ReplyDone, ReplyStarted
from vivavoce.testing import virtual
from vivavoce.testing.rehearsal import Rehearsal

HEARD = ["tell me all", "mhm", "no that is wrong", "set the volume to thirty percent", "", "yes", "wait"]
REPLIES = ["One two three four five six. " * 4, "All right then.", "Well, that, of course, is so; or it is not."]

acts = st.lists(
    st.one_of(
        st.tuples(st.just("speak"), st.integers(40, 1800)),
        st.tuples(st.just("quiet"), st.integers(20, 5000)),
        st.tuples(st.just("wait"), st.integers(20, 3000)),
        st.tuples(st.sampled_from(["text", "commit", "interrupt", "pause", "unpause", "drop"]), st.just(0)),
    ),
    max_size=14,
)


@settings(max_examples=80)
@given(acts, st.booleans())
def test_whatever_people_do(script: list[tuple[str, int]], reports: bool) -> None:
    virtual.run(_perform(script, reports))


async def _perform(script: list[tuple[str, int]], reports: bool) -> None:
    async with Rehearsal(heard=HEARD, reply=REPLIES, reports=reports) as play:
        for act, value in script:
            await _act(play, act, value)
        play.session.handle(Unpause())
        await play.quiet(30_000)
        _check(play)
    assert play.local.busy == 0


async def _act(play: Rehearsal, act: str, value: int) -> None:
    match act:
        case "speak":
            await play.speak(value)
        case "quiet":
            await play.quiet(value)
        case "wait":
            await play.wait(value)
        case "text":
            play.session.handle(UserText("tell me all"))
        case "commit":
            play.session.handle(Commit())
        case "interrupt":
            play.session.handle(Interrupt())
        case "pause":
            play.session.handle(Pause())
        case "unpause":
            play.session.handle(Unpause())
        case "drop":
            play.session.detach(play)
            await play.wait(400)
            await play.open(resume=play.last(Prepared).resume)


def _check(play: Rehearsal) -> None:
    assert play.speaker.stale == 0, "no sound of an old generation after its flush"
    assert play.speaker.gaps == 0, "no sample is lost"
    started = [output.reply for output in play.all(ReplyStarted)]
    done = [output.reply for output in play.all(ReplyDone)]
    assert started == list(range(1, len(started) + 1)), "numbers grow by one"
    assert sorted(done) == started, "every turn ends, once"
    for ended, text in zip(sorted(play.all(ReplyDone), key=lambda d: d.reply), play.texts(), strict=True):
        assert text.startswith(ended.heard_text) or text.strip() == ended.heard_text, "heard ≤ sent"
        assert ended.heard_ms <= play.sound(ended.reply) / 16 + 1
    assert not play.all(Act), "effects never leave the house"
    assert set(play.problems()) <= {"replaced"}
