"""What the console sets, over what files, environment and flags say."""

from __future__ import annotations

from pathlib import Path

import pytest

from vivavoce.app.settings import Loaded, load
from vivavoce.app.settings.live import Live
from vivavoce.errors import ConfigError


def loaded(tmp_path: Path, text: str = "") -> Loaded:
    file = tmp_path / "vivavoce.yaml"
    file.write_text(text)
    return load([], {"VIVAVOCE_LIMITS_SLOTS": "7"}, file=file)


def test_the_console_outranks_the_defaults_and_nothing_else(tmp_path: Path) -> None:
    live = Live(loaded(tmp_path, "turn:\n  patience: 2\n"), {"turn.patience": 1.5, "talk.voice": "ann"})
    assert live.settings.turn.patience == 2
    assert live.settings.talk.voice == "ann"
    assert live.loaded.origins["talk.voice"].kind == "console"


def test_a_change_works_at_once_where_it_can(tmp_path: Path) -> None:
    live = Live(loaded(tmp_path), {"limits.queue": 3})
    talk = live.section("talk")
    seen: list[str] = []
    live.watch(lambda settings: seen.append(settings.observe.log_level))
    live.apply({"talk.voice": "ann", "limits.queue": 9, "observe.log_level": "debug"})
    assert talk.voice == "ann"
    assert live.settings.limits.queue == 3, "built from it at the start"
    assert seen == ["debug"]
    live.apply({})
    assert talk.voice is None


def test_every_setting_is_told_with_its_origin_and_when_it_works(tmp_path: Path) -> None:
    live = Live(loaded(tmp_path, "talk:\n  voice: ben\n"), {})
    told = {one.key: one for one in live.describe({"turn.patience": 1.5})}
    patience, voice, slots = told["turn.patience"], told["talk.voice"], told["limits.slots"]
    assert (patience.value, patience.saved, patience.origin, patience.changeable) == (1.0, 1.5, "console", True)
    assert (patience.minimum, patience.maximum, patience.effect) == (0.5, 3.0, "now")
    assert (voice.value, voice.where, voice.changeable) == ("ben", f"{tmp_path / 'vivavoce.yaml'}:2", False)
    assert (slots.origin, slots.where, slots.effect) == ("environment", "VIVAVOCE_LIMITS_SLOTS", "restart")
    assert told["data.database"].effect == "fixed"
    assert told["openai.api_key"].effect == "fixed"
    assert told["observe.log_level"].choices == ["debug", "info", "warning", "error"]


def test_rows_that_do_not_fit_are_refused_by_name(tmp_path: Path) -> None:
    live = Live(loaded(tmp_path), {})
    with pytest.raises(ConfigError, match=r"turn\.patience = 9"):
        live.check({"turn.patience": 9})
    with pytest.raises(ConfigError, match="endpoint_min_ms"):
        live.check({"turn.endpoint_min_ms": 700})


def test_a_row_of_another_version_of_the_server_does_not_stop_the_start(tmp_path: Path) -> None:
    live = Live(loaded(tmp_path), {"turn.haste": 2, "talk.voice": "ann", "turn.patience": 99})
    assert live.settings.talk.voice == "ann"
    assert live.settings.turn.patience == 1.0
    assert not any(one.is_saved for one in live.describe({"turn.haste": 2}))


def test_a_back_end_can_be_chosen_with_its_options(tmp_path: Path) -> None:
    live = Live(loaded(tmp_path), {"llm.backend": "ollama"})
    assert live.settings.llm.__struct_config__.tag == "ollama"
    assert "llm.model" in {one.key for one in live.describe({})}
