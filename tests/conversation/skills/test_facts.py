"""Facts from the other side, and found by what is asked."""

from __future__ import annotations

import pytest

from vivavoce.conversation.skills import facts


@pytest.mark.parametrize(
    ("fact", "language", "said"),
    [
        ("my keys are in the drawer", "en", "your keys are in the drawer"),
        ("I am your friend and you are mine", "en", "you are my friend and I am yours"),
        ("I'm glad that Anna told me", "en", "you are glad that Anna told you"),
        ("Tommy has a myth", "en", "Tommy has a myth"),
        ("我的钥匙在你那里", "zh", "你的钥匙在我那里"),
    ],
)
def test_sides(fact: str, language: str, said: str) -> None:
    assert facts.from_my_side(fact, language) == said


def test_found_by_the_words_that_matter() -> None:
    known = ["my keys are in the drawer", "my car keys are with Anna", "the dentist is on Friday"]
    assert facts.about("car key", known, "en") == ["my car keys are with Anna"]
    assert facts.about("keys", known, "en") == known[:2]
    assert facts.about("the", known, "en") == []
    assert facts.about("钥匙", ["我的钥匙在抽屉里", "我的手机在车里"], "zh") == ["我的钥匙在抽屉里"]
