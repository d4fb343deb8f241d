"""What an app may be."""

from __future__ import annotations

import pytest

from vivavoce.errors import BadInput
from vivavoce.registry.persona import Persona, checked, loaded, slug, stored


def test_what_is_kept_comes_back() -> None:
    persona = Persona(name="Kitchen", prompt="Cook.", tools=("time",), modes=("turns",), patience=1.5, model="m")
    assert loaded(stored(persona)) == persona


def test_modes_are_in_order_and_tools_once() -> None:
    tidy = checked(Persona(name="K", tools=("time", "time"), modes=("camera", "turns")), {"time"})
    assert (tidy.tools, tidy.modes) == (("time",), ("turns", "camera"))


def test_no_tools_is_not_all_tools() -> None:
    assert checked(Persona(name="K", tools=()), {"time"}).tools == ()
    assert checked(Persona(name="K"), {"time"}).tools is None


def test_an_unknown_skill_is_named() -> None:
    with pytest.raises(BadInput, match="did you mean `time`"):
        checked(Persona(name="K", tools=("tyme",)), {"time"})


@pytest.mark.parametrize(
    "body",
    [{}, {"name": ""}, {"name": "K", "patience": 9}, {"name": "K", "modes": []}, {"name": "K", "modes": ["fly"]},
     {"name": "K", "extra": 1}, {"name": "K", "prompt": "x" * 20_001}, {"name": "K", "language": "English"}],
)  # fmt: skip
def test_what_is_no_app_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        loaded(body)


@pytest.mark.parametrize("text", ["", "a", "A-b", "-a", "a-", "a b", "a/b", "..", "a" * 49, "é-a", "a\n"])
def test_an_id_is_a_plain_word(text: str) -> None:
    with pytest.raises(BadInput):
        slug(text)
