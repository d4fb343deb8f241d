from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.conversation.clauses import MOST, ClauseSplitter, speakable


def split(text: str, language: str = "en") -> list[str]:
    """The pieces of a text that comes a character at a time, the rest last."""
    splitter = ClauseSplitter(language)
    pieces = [piece for character in text for piece in splitter.push(character)]
    return [*pieces, rest] if (rest := splitter.flush()) else pieces


def test_a_sentence_leaves_with_its_point_without_waiting_for_the_next_token() -> None:
    splitter = ClauseSplitter()
    assert splitter.push("It is") == []
    assert splitter.push(" noon.") == ["It is noon."]
    assert splitter.push(" You should eat") == []
    assert splitter.push(" now!") == [" You should eat now!"]
    assert splitter.flush() == ""


def test_a_chinese_sentence_leaves_as_early() -> None:
    splitter = ClauseSplitter("zh")
    assert splitter.push("现在是中午") == []
    assert splitter.push("。") == ["现在是中午。"]


def test_only_the_first_piece_ends_at_a_comma() -> None:
    assert split("If you ask me today, I would wait, and then go. But not now, or ever.") == [
        "If you ask me today,",
        " I would wait, and then go.",
        " But not now, or ever.",
    ]


def test_a_comma_after_few_words_does_not_end_the_first_piece() -> None:
    assert split("Well, yes, it is.") == ["Well, yes, it is."]
    assert split("好的，我马上就给你查一查，请等一下。", "zh") == ["好的，我马上就给你查一查，", "请等一下。"]


def test_a_short_later_sentence_goes_with_the_next() -> None:
    assert split("That is right. Yes. It works well.") == ["That is right.", " Yes. It works well."]


@pytest.mark.parametrize(
    "text",
    [
        "Ask Dr. Smith about Mr. Jones.",
        "Use a tool, e.g. a hammer.",
        "It costs 3.50 dollars.",
        "It was 1,000,000 of them.",
        "The train leaves at 10:30 today.",
        "He lives in the U.S. near the coast.",
        "J. R. R. Tolkien wrote it.",
        "Take No. 5 from the shelf.",
        "It opens at 5 p.m. every day.",
        "Apples, pears etc. are fruit.",
        "1. Open the door",
        "Pages 3–5 are missing",
    ],
)
def test_a_sign_inside_a_word_number_or_abbreviation_ends_nothing(text: str) -> None:
    assert split(text) == [text]


def test_an_abbreviation_may_end_a_sentence() -> None:
    assert split("No. I will not go.") == ["No.", " I will not go."]
    assert split("It is 5 p.m. You should go.") == ["It is 5 p.m.", " You should go."]
    assert split("It is in the U.S. Take a map.") == ["It is in the U.S.", " Take a map."]


def test_a_number_at_the_end_of_a_sentence_waits_for_one_character() -> None:
    splitter = ClauseSplitter()
    assert splitter.push("The answer is 42.") == []
    assert splitter.push(" ") == ["The answer is 42."]


def test_what_is_known_to_follow_is_looked_at() -> None:
    splitter = ClauseSplitter()
    assert splitter.push("Go to example.com now!") == ["Go to example.com now!"]
    assert ClauseSplitter().push("Really?! I see...") == ["Really?!", " I see..."]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ('She said "Go home." Then she left.', ['She said "Go home."', " Then she left."]),
        ("She said “Go home.” Then she left.", ["She said “Go home.”", " Then she left."]),
        ("他说：“快走。”然后他走了。", ["他说：“快走。”", "然后他走了。"]),
        ("It works (I hope.) Let us see.", ["It works (I hope.)", " Let us see."]),
        ('他昨天晚上对我们说,"好的"就走了。', ["他昨天晚上对我们说,", '"好的"就走了。']),
    ],
)
def test_what_closes_goes_with_what_it_closes(text: str, pieces: list[str]) -> None:
    assert split(text) == pieces


def test_lines_are_pieces() -> None:
    assert split("Two things\n\n- the first one\n- the second one\n") == [
        "Two things\n",
        "\n- the first one\n",
        "- the second one\n",
    ]


def test_scripts_may_be_mixed() -> None:
    assert split("请打开 Python 3.11 的文档。 It is online. 好的，再见。", "zh") == [
        "请打开 Python 3.11 的文档。",
        " It is online.",
        " 好的，再见。",
    ]


def test_other_languages_have_their_own_abbreviations() -> None:
    assert split("Nimm z.B. Äpfel oder ggf. Birnen.", "de") == ["Nimm z.B. Äpfel oder ggf. Birnen."]


def test_text_without_signs_is_cut_at_a_words_end() -> None:
    pieces = split("word " * 100)
    assert all(len(piece) <= MOST for piece in pieces)
    assert all(piece.strip().split() == ["word"] * len(piece.split()) for piece in pieces)
    assert len(pieces) == 3


def test_a_very_long_sentence_is_cut_at_a_comma_where_there_is_one() -> None:
    head = "Yes. " + "a" * 20 + " word" * 30 + ","
    assert split(head + " word" * 40)[1] == head[4:]


def test_chinese_without_signs_is_cut_at_eighty_characters() -> None:
    assert [len(piece) for piece in split("汉" * 200, "zh")] == [80, 80, 40]


def test_a_word_longer_than_a_piece_is_cut_anywhere() -> None:
    assert [len(piece) for piece in split("a" * 500)] == [240, 240, 20]


def test_a_book_at_once_is_split_like_a_letter() -> None:
    book = "There was a house. It had a garden, and nobody lived there. " * 2_000
    pieces = ClauseSplitter().push(book)
    assert len(pieces) == 4_000
    assert "".join(pieces) + " " == book


def test_flush_makes_the_splitter_new() -> None:
    splitter = ClauseSplitter()
    splitter.push("A first sentence. The rest")
    assert splitter.flush() == " The rest"
    assert splitter.push("Once more we say, yes") == ["Once more we say,"]


def test_signs_alone_are_nothing_to_say() -> None:
    assert split("...!? — Hello there.") == ["...!? — Hello there."]
    assert not speakable(" ...!? — \n")
    assert speakable(" 好")


pieces_of_text = st.lists(
    st.sampled_from(
        [
            "Hello",
            " ",
            "world",
            ".",
            ",",
            "!",
            "3",
            "Mr.",
            "e.g.",
            "“",
            "”",
            '"',
            "'",
            "\n",
            "你好",
            "。",
            "，",
            "…",
            "—",
            "U.S.",
            "I",
            ")",
            "(",
            ":",
        ]
    )
    | st.text(max_size=5),
    max_size=60,
)


@given(pieces_of_text, st.sampled_from(["en", "zh", "de", "xx"]))
def test_the_pieces_are_exactly_the_text(deltas: list[str], language: str) -> None:
    splitter = ClauseSplitter(language)
    out = [piece for delta in deltas for piece in splitter.push(delta)]
    assert all(out)
    assert "".join(out) + splitter.flush() == "".join(deltas)


@given(pieces_of_text)
def test_no_word_is_cut_and_no_piece_is_too_long(deltas: list[str]) -> None:
    splitter = ClauseSplitter()
    out = [piece for delta in deltas for piece in splitter.push(delta)]
    out.append(splitter.flush())
    latin = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    for one, other in pairwise(out):
        assert len(one) <= MOST
        if len(one) < MOST // 3:
            assert not (one[-1] in latin and other[:1] and other[0] in latin)


@given(st.text(min_size=1, max_size=2000))
def test_nothing_is_kept_back_for_ever(text: str) -> None:
    splitter = ClauseSplitter()
    splitter.push(text)
    assert len(splitter.flush()) <= MOST
