from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from vivavoce.app.doctor import Report, examine, settings_of
from vivavoce.app.settings import Flag, load


def examined(*assignments: str, environ: dict[str, str] | None = None, folder: Path | None = None) -> Report:
    flags = [Flag(path, text, "--set") for path, _, text in (one.partition("=") for one in assignments)]
    scripted = [Flag(f"{kind}.backend", "scripted", "test") for kind in ("vad", "asr", "llm", "tts")]
    named = {flag.path for flag in flags}
    flags += [flag for flag in scripted if flag.path not in named]
    return asyncio.run(examine(load(flags, environ or {}, folder=folder)))


def test_every_setting_is_told_with_its_origin(tmp_path: Path) -> None:
    (tmp_path / "vivavoce.yaml").write_text("turn:\n  patience: 1.5\n")
    report = examined("server.port=9000", environ={"VIVAVOCE_TURN_PREEMPT": "false"}, folder=tmp_path)
    told = {one.path: (one.value, one.origin) for one in report.settings}
    assert told["turn.patience"] == (1.5, f"{tmp_path}/vivavoce.yaml:2")
    assert told["server.port"] == (9000, "--set")
    assert told["turn.preempt"] == (False, "VIVAVOCE_TURN_PREEMPT")
    assert told["turn.duck_gain"] == (0.3, "default")
    assert told["asr.backend"] == ("scripted", "test")
    assert report.file == f"{tmp_path}/vivavoce.yaml"


def test_what_is_in_use_is_loaded_and_told() -> None:
    report = examined("llm.backend=none")
    assert [(one.kind, one.name, one.problem) for one in report.in_use] == [
        ("vad", "scripted", None),
        ("asr", "scripted", None),
        ("llm", "none", None),
        ("tts", "scripted", None),
    ]
    assert report.in_use[1].detail == "scripted; hears en, zh"
    assert report.well


@pytest.mark.journey
def test_how_many_people_the_offline_recogniser_understands_is_measured() -> None:
    detail = examined("asr.backend=pocketsphinx").in_use[1].detail
    assert re.fullmatch(r"pocketsphinx; hears en; understands about \d+ (person|people) at a time", detail)


def test_what_cannot_be_used_is_a_problem_with_its_reason() -> None:
    report = examined("asr.backend=openai")
    (recognition,) = [one for one in report.in_use if one.kind == "asr"]
    assert recognition.problem is not None
    assert "openai.base_url" in recognition.problem
    assert not report.well


def test_a_server_that_does_not_answer_is_a_problem() -> None:
    report = examined("llm.backend=openai", "llm.base_url=http://127.0.0.1:9/v1")
    (model,) = [one for one in report.in_use if one.kind == "llm"]
    assert model.problem == "http://127.0.0.1:9/v1 does not answer, or refuses the key"


def test_what_is_missing_is_told_with_what_it_would_add() -> None:
    advised = {advice.missing: advice for advice in examined("llm.backend=none").advice}
    assert "OPENAI_BASE_URL" in advised["a language model"].how
    assert "a speech model" not in advised
    advised = {advice.missing: advice for advice in examined("tts.backend=espeak").advice}
    assert "natural voice" in advised["a speech model"].adds
    assert "a language model" not in advised


@pytest.mark.parametrize("environ", [{"OPENAI_API_KEY": "hush-hush-7734"}])
def test_no_secret_is_told(environ: dict[str, str]) -> None:
    loaded = load([], environ)
    key = next(one for one in settings_of(loaded) if one.path == "openai.api_key")
    assert key.origin == "OPENAI_API_KEY"
    report = examined(environ=environ)
    assert "7734" not in json.dumps(report.as_json())
    assert report.as_json()["settings"]["openai.api_key"] == {"value": "<secret>", "from": "OPENAI_API_KEY"}
