"""What models read of a conversation, and how much of it is kept."""

from __future__ import annotations

from vivavoce.conversation.history import PICTURE_BYTES, History
from vivavoce.inference.ports import ChatMessage, Picture


def texts(history: History) -> list[str]:
    return [message.text for message in history.messages()]


def test_only_what_was_heard_is_there_and_a_cut_reply_ends_with_a_dash() -> None:
    history = History()
    history.open(1, "tell me all")
    assert texts(history) == ["tell me all"]
    history.hear(1, "One")
    assert texts(history) == ["tell me all", "One—"]
    history.close(1, "One two", interrupted=True)
    history.hear(1, "nothing any more")
    assert texts(history) == ["tell me all", "One two—"]


def test_messages_added_while_a_reply_sounds_come_after_it_and_lose_nothing_of_it() -> None:
    history = History()
    history.open(1, "tell me all")
    history.extend([ChatMessage("user", "and this too")])
    history.close(1, "That is all.", interrupted=False)
    history.open(2, "")
    history.close(2, "And that.", interrupted=False)
    assert texts(history) == ["tell me all", "That is all.", "and this too", "And that."]


def test_it_is_bounded_by_turns_by_messages_and_by_the_size_of_pictures() -> None:
    history = History(limit=3)
    for number in range(1, 1001):
        history.open(number, f"said {number}")
        history.extend([ChatMessage("user", "more")] * 4)
        history.close(number, f"heard {number}", interrupted=False)
    assert len(history.messages()) <= 6 + 3 * (2 + 6)
    picture = Picture("image/png", bytes(PICTURE_BYTES // 4))
    history.replace([ChatMessage("user", f"look {n}", (picture,)) for n in range(10)])
    messages = history.messages()
    assert [message.text for message in messages] == [f"look {n}" for n in range(10)]
    assert [bool(message.pictures) for message in messages] == [False] * 6 + [True] * 4
