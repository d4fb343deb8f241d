"""What becomes of a session: turns with what was said, heard and not heard, where and how long it took."""

from __future__ import annotations

from dataclasses import replace

from archive.desk import ANN, Desk
from vivavoce.archive.observer import ConversationObserver
from vivavoce.archive.rows import TurnRow
from vivavoce.conversation.inputs import Commit, Generate, Prefill, UserText
from vivavoce.conversation.outputs import Problem, RecordingChanged, Stopped
from vivavoce.conversation.views import SessionSpec
from vivavoce.errors import BackendError
from vivavoce.inference.ports import ChatMessage
from vivavoce.testing.fakes import FakeLanguageModel
from vivavoce.testing.rehearsal import Rehearsal

LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
MINE = SessionSpec("session-1", output_rate=16_000, owner=ANN, app="kitchen")


def watched(desk: Desk, **wishes: object) -> tuple[Rehearsal, list[ConversationObserver]]:
    seen: list[ConversationObserver] = []

    def observe(spec: SessionSpec, _snapshot: object, tell: object) -> ConversationObserver:
        seen.append(desk.observer(spec))
        return seen[-1]

    return Rehearsal(spec=MINE, observe=observe, **wishes), seen  # type: ignore[arg-type]


async def test_a_turn_from_the_first_word_to_the_last() -> None:
    desk = Desk()
    play, _ = watched(desk, reply=LONG)
    async with play:
        await play.quiet(1000)
        await play.speak(1000)
        await play.quiet(500)
        (begun,) = desk.turns()
        assert (begun.state, begun.said, begun.heard, begun.reply) == ("open", "what is this", "", 1)
        await play.quiet(12_000)
    (turn,) = desk.turns()
    assert (turn.state, turn.reason) == ("done", "completed")
    assert (turn.said, turn.heard, turn.unheard, turn.typed) == ("what is this", LONG, "", False)
    assert turn.said_from_ms is not None
    assert turn.said_to_ms is not None
    assert turn.heard_from_ms is not None
    assert turn.heard_to_ms is not None
    assert abs(turn.said_from_ms - 1000) <= 100
    assert abs(turn.said_to_ms - 2000) <= 200
    assert turn.said_to_ms < turn.heard_from_ms < turn.heard_to_ms
    assert turn.response_ms is not None
    assert abs(turn.heard_from_ms - turn.said_to_ms - turn.response_ms) <= 100
    stages = {stage["name"]: stage for stage in turn.stages["stages"]}
    assert {"endpoint", "asr", "llm", "tts", "send"} == set(stages)
    assert stages["asr"]["backend"] == "fake"
    assert (stages["asr"]["input"], stages["asr"]["output"]) == ("sound", "said")
    assert (turn.owner_id, turn.app_id, turn.language) == (ANN, "kitchen", "en")


async def test_each_word_has_its_place() -> None:
    desk = Desk()
    play, _ = watched(desk, reply=LONG)
    async with play:
        await play.speak(1000)
        await play.quiet(12_000)
    (turn,) = desk.turns()
    words = turn.stages["words"]
    assert "".join(LONG[start:stop] for start, stop, _ in words) == LONG
    times = [at for _, _, at in words]
    assert times == sorted(times)
    assert turn.heard_from_ms is not None
    assert turn.heard_to_ms is not None
    assert times[0] >= turn.heard_from_ms
    assert times[-1] <= turn.heard_to_ms


async def test_progress_is_what_was_heard_so_far() -> None:
    desk = Desk()
    play, _ = watched(desk, reply=LONG)
    async with play:
        await play.speak(1000)
        await play.quiet(1500)
        desk.turns()
        heard = []
        for _ in range(3):
            await play.quiet(1000)
            heard += [turn.heard for turn in desk.turns() if turn.state == "open"]
    assert len(heard) == 3
    assert all(LONG.startswith(words) for words in heard)
    assert heard == sorted(heard, key=len)
    assert heard[-1]


async def test_a_reply_that_was_cut_keeps_what_was_not_heard_apart() -> None:
    desk = Desk()
    play, seen = watched(desk, reply=LONG)
    async with play:
        await play.speak(1000)
        await play.quiet(3000)
        await play.speak(2000)
        await play.quiet(9000)
    turn, after = sorted(desk.turns(), key=lambda turn: turn.reply)
    assert (turn.state, turn.reason) == ("done", "interrupted")
    assert 0 < len(turn.heard) < len(LONG)
    assert LONG.startswith(turn.heard + turn.unheard)
    assert after.reply == turn.reply + 1
    assert after.said_from_ms is not None
    assert abs(after.said_from_ms - 4000) <= 200
    assert seen[0].draft.cuts == 1
    assert seen[0].draft.turns == 2


async def test_a_cough_is_no_beginning_of_what_is_said_later() -> None:
    desk = Desk()
    play, _ = watched(desk, heard=["", "what is this"], reply="Well.")
    async with play:
        await play.speak(1000)
        await play.quiet(5000)
        await play.speak(1000)
        await play.quiet(5000)
    (turn,) = desk.turns()
    assert turn.said_from_ms is not None
    assert abs(turn.said_from_ms - 6000) <= 100


async def test_what_was_typed_has_no_place_in_the_sound() -> None:
    desk = Desk()
    play, _ = watched(desk, reply="Well.")
    async with play:
        await play.quiet(1000)
        play.session.handle(UserText("what  is\nthat"))
        await play.quiet(5000)
    (turn,) = desk.turns()
    assert turn.typed
    assert turn.said_from_ms is None
    assert turn.said_to_ms is None
    assert turn.heard == "Well."


async def test_the_title_is_the_first_words() -> None:
    desk = Desk()
    play, seen = watched(desk, heard=[" ".join(["word"] * 40), "something else"], reply="Well.")
    async with play:
        await play.speak(1000)
        await play.quiet(6000)
        await play.speak(1000)
        await play.quiet(6000)
    assert seen[0].draft.title == " ".join(["word"] * 16) + "…"
    assert len(seen[0].draft.title) <= 81


async def test_a_model_that_fails_is_an_error_of_its_stage() -> None:
    desk = Desk()
    play, _ = watched(desk, model=FakeLanguageModel(error=BackendError("away", code="llm_failed")))
    async with play:
        await play.speak(1000)
        await play.quiet(8000)
    (turn,) = desk.turns()
    assert turn.state == "failed"
    (llm,) = (stage for stage in turn.stages["stages"] if stage["name"] == "llm")
    assert llm["error"] == "llm_failed"


async def test_a_session_that_ends_in_a_reply_leaves_no_turn_open() -> None:
    desk = Desk()
    play, seen = watched(desk, reply=LONG)
    async with play:
        await play.speak(1000)
        await play.quiet(3000)
        play.session.end(Stopped("stopped"))
    (turn,) = desk.turns()
    assert turn.state == "done"
    assert turn.reason == "stopped"
    assert 0 < len(turn.heard) < len(LONG)
    assert seen[0].draft.state == "closed"
    assert seen[0].draft.end_reason == "stopped"
    assert desk.over == seen


async def test_a_session_that_goes_on_elsewhere_does_not_end_its_conversation() -> None:
    for code, left in (("restarting", False), ("replaced", True)):
        desk = Desk()
        play, seen = watched(desk, reply=LONG)
        async with play:
            await play.speak(1000)
            await play.quiet(3000)
            desk.journal.take()
            if left:
                seen[0].leave()
            play.session.end(Problem(code, "", fatal=True))
        assert seen[0].draft.state == "open"
        batch, _ = desk.journal.take()
        assert [turn.state for turn in batch.turns] == ["done"]
        assert bool(batch.conversations) is not left, "the other process says how it stands"


async def test_a_session_whose_id_a_new_one_took_is_over() -> None:
    desk = Desk()
    play, seen = watched(desk, reply="Well.")
    async with play:
        await play.speak(1000)
        await play.quiet(6000)
        play.session.end(Problem("replaced", "", fatal=True))
    assert (seen[0].draft.state, seen[0].draft.end_reason) == ("closed", "replaced")


async def test_of_a_session_without_a_word_there_is_nothing() -> None:
    desk = Desk()
    play, _ = watched(desk)
    async with play:
        await play.quiet(5000)
    batch, _ = desk.journal.take()
    assert not batch


async def test_turn_by_turn() -> None:
    desk = Desk()
    play, seen = watched(desk, reply="Well.")
    play.spec = replace(MINE, kind="streaming")
    async with play:
        session = await play.open()
        await play.wait(1000)
        await play.speak(1000)
        session.handle(Commit())
        session.handle(Generate())
        await play.wait(4000)
        session.handle(Prefill((ChatMessage("user", "and this"),)))
        session.handle(Generate())
        await play.wait(4000)
    spoken, typed = (one for one in _last(desk.turns()))
    assert (spoken.said, spoken.typed, spoken.heard) == ("what is this", False, "Well.")
    assert (typed.said, typed.typed, typed.heard) == ("and this", True, "Well.")
    assert spoken.said_from_ms is not None
    assert spoken.said_to_ms is not None
    assert spoken.heard_from_ms is not None
    assert abs(spoken.said_from_ms - 1000) <= 150
    assert abs(spoken.said_to_ms - 2000) <= 50
    assert spoken.heard_from_ms >= spoken.said_to_ms
    assert typed.said_from_ms is None
    assert seen[0].draft.turns == 2


async def test_a_conversation_that_goes_on_goes_on_in_time() -> None:
    desk = Desk()
    seen = []

    def observe(spec: SessionSpec, _snapshot: object, _tell: object) -> ConversationObserver:
        seen.append(desk.observer(spec, position=100 * 16_000))
        return seen[-1]

    async with Rehearsal(spec=MINE, reply="Well.", observe=observe) as play:
        await play.quiet(1000)
        await play.speak(1000)
        await play.quiet(5000)
    (turn,) = desk.turns()
    assert turn.said_from_ms is not None
    assert abs(turn.said_from_ms - 101_000) <= 100


async def test_the_client_is_told_of_recording_once_it_is_prepared() -> None:
    desk = Desk()
    play, seen = watched(desk)
    async with play:
        assert desk.told == [], "`prepared` says how it stands"
        seen[0].record("on")
        seen[0].record("on")
        seen[0].record("paused", "disk_full")
        seen[0].record("off")
    assert desk.told == [RecordingChanged("on"), RecordingChanged("paused", "disk_full"), RecordingChanged("off")]


def _last(turns: list[TurnRow]) -> list[TurnRow]:
    return sorted(turns, key=lambda turn: turn.reply)
