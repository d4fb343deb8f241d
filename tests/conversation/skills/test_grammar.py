"""The grammar of the recogniser says nothing that the skills do not understand, in words that it can know."""

from __future__ import annotations

import random
from pathlib import Path

import pocketsphinx
import pytest
from hassil.recognize import recognize_all
from hypothesis import given
from hypothesis import strategies as st

from conversation.skills.jsgf import Jsgf
from vivavoce.conversation.skills import Intent, Skills, numbers
from vivavoce.conversation.skills.definition import load, parse
from vivavoce.conversation.skills.grammar import grammar
from vivavoce.errors import ConfigError

SKILLS = Skills.load()
GRAMMARS = {language: Jsgf(SKILLS.grammar(language).jsgf) for language in SKILLS.languages}
PLACES = [(language, rule) for language in GRAMMARS for rule in GRAMMARS[language].rules]
INTENTS = [(language, rule) for language, rule in PLACES if rule.removesuffix("_free") in load(language).skills]


def match(sentence: str, language: str) -> Intent | None:
    return SKILLS.match(sentence if language == "en" else sentence.replace(" ", ""), language)


@pytest.mark.parametrize(("language", "rule"), INTENTS)
def test_each_sentence_means_its_own_intent(language: str, rule: str) -> None:
    dice = random.Random(rule)
    for _ in range(60):
        sentence = GRAMMARS[language].sentence(dice, rule)
        intent = match(sentence, language)
        assert intent is not None, sentence
        assert (intent.name, intent.free) == (rule.removesuffix("_free"), rule.endswith("_free")), sentence


@pytest.mark.parametrize(("language", "rule"), INTENTS)
def test_no_sentence_has_two_meanings(language: str, rule: str) -> None:
    definition, dice = load(language), random.Random(rule)
    intents = definition.free if rule.endswith("_free") else definition.closed
    for _ in range(60):
        sentence = GRAMMARS[language].sentence(dice, rule)
        said = sentence if definition.spaced else sentence.replace(" ", "")
        text = said if rule.endswith("_free") else numbers.digits(said, language)
        names = {result.intent.name for result in recognize_all(text, intents)}
        assert names == {rule.removesuffix("_free")}, sentence


@given(st.randoms(use_true_random=False), st.sampled_from(["en", "zh"]))
def test_each_sentence_is_understood_with_politeness_around_it(dice: random.Random, language: str) -> None:
    sentence = GRAMMARS[language].sentence(dice)
    assert match(sentence, language) is not None, sentence


@given(st.integers(1, 24), st.integers(1, 59), st.integers(1, 59))
def test_durations_are_read_as_they_are_said(hours: int, minutes: int, seconds: int) -> None:
    said = [numbers.english(n) for n in (hours, minutes, seconds)]
    intent = SKILLS.match(f"set a timer for {said[0]} hours and {said[1]} minutes", "en")
    assert intent is not None
    assert intent.slots == {"hours": hours, "minutes": minutes}
    intent = SKILLS.match(f"wake me in {said[1]} minutes {said[2]} seconds", "en")
    assert intent is not None
    assert intent.slots == {"minutes": minutes, "seconds": seconds}


@pytest.mark.parametrize("language", GRAMMARS)
def test_every_rule_is_there_and_used(language: str) -> None:
    jsgf = GRAMMARS[language]
    assert jsgf.references() | {jsgf.public} == jsgf.rules.keys()


def test_the_recogniser_knows_every_word() -> None:
    dictionary = Path(pocketsphinx.__file__).parent / "model/en-us/cmudict-en-us.dict"
    known = {line.split(" ", 1)[0] for line in dictionary.read_text("utf-8").splitlines()}
    assert GRAMMARS["en"].words() - known == set()


def test_the_network_stays_small() -> None:
    """The time of a grammar pass goes with the words of the network: 8,200 took 0.25 × real time, 2,000 take 0.1."""
    assert GRAMMARS["en"].size("sentence") < 2_300


def _definition(sentence: str, **changes: object) -> dict[str, object]:
    return {
        "language": "en",
        "polite": {"before": ["please"], "after": ["please"], "after_free": ["please"]},
        "signs": {},
        "percent_sign": "{} percent",
        "showcase": [],
        "lists": {"count": {"range": {"from": 0, "to": 3}}, "what": {"wildcard": True}},
        "expansion_rules": {},
        "slots": {},
        "intents": {"test": {"data": [{"sentences": [sentence]}], "say": ["Yes."]}},
        **changes,
    }


def test_numbers_are_spelt_out_with_their_ends_shared() -> None:
    jsgf = Jsgf(grammar(parse(_definition("count {count}"))).jsgf)
    assert {jsgf.sentence(random.Random(n), "number_0_3") for n in range(50)} == {"zero", "one", "two", "three"}


def test_free_words_that_cannot_be_listed_are_left_out() -> None:
    jsgf = Jsgf(
        grammar(
            parse(
                _definition(
                    "(say|play) it",
                    intents={
                        "test": {"data": [{"sentences": ["play it", "play {what}"]}], "say": ["Yes."]},
                    },
                )
            )
        ).jsgf
    )
    assert jsgf.words() == {"please", "play", "it"}


@pytest.mark.parametrize("sentence", ["count hour[s]", "count (one;two)"])
def test_what_jsgf_cannot_say_is_refused(sentence: str) -> None:
    with pytest.raises(ConfigError):
        grammar(parse(_definition(sentence)))
