from __future__ import annotations

from vivavoce.app.talk.record import Mark, Record
from vivavoce.wire import base, duplex


def take(record: Record, *messages: duplex.ServerMessage, at: int = 0) -> None:
    for message in messages:
        record.take(message, at)


def test_a_turn_is_put_together_from_its_messages() -> None:
    record = Record()
    take(record, duplex.SpeechStarted(400), duplex.SpeechEnded(1200))
    take(record, base.Transcript(1, "what time", False, 900), base.Transcript(1, "what time is it", True, 1200))
    take(record, duplex.ReplyStarted(1, 1), duplex.ReplyText(1, "It is", 0), duplex.ReplyText(1, " noon.", 4000))
    record.sounded(1, 1500, 1520)
    record.sounded(1, 1520, 1540)
    take(record, duplex.ReplyDone(1, "completed", 800, "It is noon."), duplex.Metrics(1, 310, 0, ()))
    (turn,) = record.turns
    assert turn.as_json() == {
        "said": "what time is it",
        "reply": "It is noon.",
        "heard": "It is noon.",
        "reason": "completed",
        "metrics": {"heard_ms": 800, "until_heard_ms": 300, "response_ms": 310, "queue_ms": 0, "stages": []},
    }
    assert (turn.sound_from, turn.sound_until) == (1500, 1540)
    assert record.speech == [(400, 1200)]
    assert record.as_json(2.0)["seconds"] == 2.0


def test_an_announcement_is_a_turn_of_its_own() -> None:
    record = Record()
    take(record, base.Transcript(1, "set a timer", True, 0), duplex.ReplyStarted(1, 1), duplex.ReplyStarted(2, 1))
    take(record, duplex.ReplyText(2, "The timer rings.", 0), duplex.ReplyDone(2, "completed", 900, "The timer rings."))
    first, second = record.turns
    assert (first.said, first.reply) == ("set a timer", 1)
    assert (second.said, second.heard) == ("", "The timer rings.")


def test_commands_are_marks_in_their_order() -> None:
    record = Record()
    take(record, duplex.Duck(1, 0.3), at=100)
    take(record, duplex.Hold(1), at=200)
    take(record, duplex.Release(1), at=300)
    take(record, duplex.Flush(1, "interrupted"), at=400)
    assert record.marks == [
        Mark(100, "duck", 1),
        Mark(200, "hold", 1),
        Mark(300, "release", 1),
        Mark(400, "flush", 1),
    ]


def test_words_for_a_reply_that_nobody_began_are_dropped() -> None:
    record = Record()
    take(record, duplex.ReplyText(7, "ghost"), duplex.ReplyDone(7, "failed", 0, ""))
    record.sounded(7, 0, 20)
    assert record.turns == []


def test_problems_are_kept() -> None:
    record = Record()
    problem = base.Error("asr_failed", "not understood", True, False)
    take(record, problem)
    assert record.problems == [problem]
