from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.app.settings import Flag, Loaded, Origin, Settings, load
from vivavoce.errors import ConfigError
from vivavoce.inference.options import ScriptedAsr


def read(text: str = "", environ: dict[str, str] | None = None, *flags: Flag, folder: Path) -> Loaded:
    if text:
        (folder / "vivavoce.yaml").write_text(text)
    return load(flags, environ or {}, folder=folder)


def complaint(text: str = "", environ: dict[str, str] | None = None, *flags: Flag, folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        read(text, environ, *flags, folder=folder)
    return caught.value.message


def test_nothing_has_to_be_set(tmp_path: Path) -> None:
    loaded = read(folder=tmp_path)
    assert loaded.settings == Settings()
    assert loaded.file is None
    assert set(loaded.origins.values()) == {Origin("default")}


def test_flags_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    text = "turn:\n  patience: 1.2\n  duck_gain: 0.2\n  preempt: false\n"
    environ = {"VIVAVOCE_TURN_PATIENCE": "1.4", "VIVAVOCE_TURN_DUCK_GAIN": "0.4"}
    loaded = read(text, environ, Flag("turn.patience", "1.6", "--patience"), folder=tmp_path)
    assert loaded.settings.turn.patience == 1.6
    assert loaded.settings.turn.duck_gain == 0.4
    assert loaded.settings.turn.preempt is False
    assert loaded.settings.turn.endpoint_min_ms == 300
    assert str(loaded.origins["turn.patience"]) == "--patience"
    assert str(loaded.origins["turn.duck_gain"]) == "VIVAVOCE_TURN_DUCK_GAIN"
    assert str(loaded.origins["turn.preempt"]) == f"{tmp_path / 'vivavoce.yaml'}:4"
    assert str(loaded.origins["turn.endpoint_min_ms"]) == "default"


def test_unknown_key_is_named_with_its_line_and_the_nearest_right_one(tmp_path: Path) -> None:
    text = "server:\n  port: 9000\nturn:\n  patiense: 2\n"
    assert complaint(text, folder=tmp_path) == (
        f"{tmp_path / 'vivavoce.yaml'}:4: unknown key `turn.patiense`; did you mean `turn.patience`?"
    )


@pytest.mark.parametrize(
    ("path", "nearest"),
    [("patience", "turn.patience"), ("server.prot", "server.port"), ("tunr.patience", "turn.patience")],
)
def test_nearest_key_is_found_across_sections(path: str, nearest: str, tmp_path: Path) -> None:
    assert complaint("", {}, Flag(path, "1", "--set"), folder=tmp_path).endswith(f"did you mean `{nearest}`?")


def test_key_like_no_other_is_given_no_bad_advice(tmp_path: Path) -> None:
    assert complaint("", {}, Flag("xyzzy", "1", "--set"), folder=tmp_path) == "--set: unknown key `xyzzy`"


def test_unknown_variable_with_our_prefix_is_an_error(tmp_path: Path) -> None:
    said = complaint("", {"VIVAVOCE_TURN_PATENCE": "1"}, folder=tmp_path)
    assert "VIVAVOCE_TURN_PATENCE" in said
    assert "did you mean `VIVAVOCE_TURN_PATIENCE`?" in said
    read("", {"VIVAVOCE_TOKEN": "t", "HOME": "/"}, folder=tmp_path)


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("server.port", "70000", "--set: server.port = '70000': expected `int` <= 65535"),
        ("server.port", "many", "--set: server.port = 'many': expected `int`"),
        ("turn.patience", "0.1", "--set: turn.patience = '0.1': expected `float` >= 0.5"),
        ("turn", "1", "--set: `turn` is a section; its keys stand below it"),
        ("observe.log_level", "loud", "--set: observe.log_level = 'loud': invalid enum value 'loud'"),
    ],
)
def test_impossible_values_are_told_with_their_origin(path: str, text: str, said: str, tmp_path: Path) -> None:
    assert complaint("", {}, Flag(path, text, "--set"), folder=tmp_path) == said


def test_values_that_do_not_go_together(tmp_path: Path) -> None:
    assert "endpoint_min_ms ≤ endpoint_default_ms" in complaint("turn: {endpoint_min_ms: 900}", folder=tmp_path)


def test_a_backend_brings_its_own_options(tmp_path: Path) -> None:
    text = "asr:\n  backend: scripted\n  texts: [hello, good bye]\n  delay_ms: 5\n"
    loaded = read(text, folder=tmp_path)
    assert loaded.settings.asr == ScriptedAsr(texts=("hello", "good bye"), delay_ms=5)
    assert str(loaded.origins["asr.backend"]).endswith(":2")


def test_an_option_of_another_backend_is_an_error(tmp_path: Path) -> None:
    said = complaint("asr:\n  backend: pocketsphinx\n  model: large\n", folder=tmp_path)
    assert said.endswith(":3: `asr.model` is no option of the back-end `pocketsphinx`")


def test_an_unknown_backend_is_told_with_those_there_are(tmp_path: Path) -> None:
    said = complaint("tts: {backend: espaek}", folder=tmp_path)
    assert "is not one of auto, espeak, openai, scripted, plugin; did you mean `espeak`?" in said


def test_references_to_the_environment(tmp_path: Path) -> None:
    text = """\
server:
  port: ${PORT:-9001}
  hosts: ["${NAME}.example", plain]
llm:
  backend: openai
  model: "a-${SIZE}-model"
  api_key: ${EMPTY:-fallback}
talk:
  system_prompt: costs $$5, says ${NAME}
"""
    loaded = read(text, {"NAME": "lab", "SIZE": "big", "EMPTY": ""}, folder=tmp_path)
    assert loaded.settings.server.port == 9001
    assert loaded.settings.server.hosts == ("lab.example", "plain")
    assert loaded.settings.llm.model == "a-big-model"  # type: ignore[union-attr]
    assert loaded.settings.llm.api_key.reveal() == "fallback"  # type: ignore[union-attr]
    assert loaded.settings.talk.system_prompt == "costs $5, says lab"


def test_a_reference_to_nothing_names_variable_and_line(tmp_path: Path) -> None:
    said = complaint("openai:\n  base_url: x\n  api_key: ${LLM_KEY}\n", folder=tmp_path)
    assert said.endswith("vivavoce.yaml:3: the environment has no LLM_KEY; `${LLM_KEY:-…}` gives a default")
    assert "does not end" in complaint("openai: {api_key: '${LLM'}", folder=tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("turn:\n  patience: [1\n", ":3: "),
        ("turn: {patience: 1}\nturn: {patience: 2}\n", ":2: `turn` stands twice in the file"),
        ("turn:\n  patience: 1\n  patience: 2\n", ":3: `patience` stands twice in turn"),
        ("- a\n- b\n", ":1: the file holds no keys"),
        ("turn: 3\n", ":1: `turn` is a section"),
        ("server:\n  port: 2020-99-99\n", ":2: "),
        ("[a]: b\n", ":1: a key is a word"),
        ("server:\n  hosts: &all [*all]\n", ":2: a list holds words and numbers only"),
        ("server:\n  port: {a: 1}\n", ":2: a value is a word, a number or a list"),
        ("server:\n  port: !!int x\n", ":2: `x` cannot be understood"),
    ],
)
def test_files_that_are_no_configuration(text: str, said: str, tmp_path: Path) -> None:
    assert said in complaint(text, folder=tmp_path)


def test_an_empty_file_and_an_empty_section_set_nothing(tmp_path: Path) -> None:
    assert read("# nothing\n", folder=tmp_path).settings == Settings()
    assert read("turn:\nserver: {}\n", folder=tmp_path).settings == Settings()


def test_a_file_asked_for_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such configuration file"):
        load((), {}, file=tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="no such configuration file"):
        load((), {"VIVAVOCE_CONFIG": str(tmp_path / "none.yaml")})


def test_a_file_of_another_name(tmp_path: Path) -> None:
    file = tmp_path / "other.yaml"
    file.write_text("server: {port: 1234}")
    assert load((), {"VIVAVOCE_CONFIG": str(file)}).settings.server.port == 1234


def test_binary_and_huge_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "vivavoce.yaml").write_bytes(b"\xff\xfe\x00")
    assert complaint(folder=tmp_path).endswith("not UTF-8")
    assert complaint("#" * (300 << 10), folder=tmp_path).endswith("larger than 256 KiB")


def test_lists_in_the_environment(tmp_path: Path) -> None:
    assert read("", {"VIVAVOCE_SERVER_HOSTS": "a, b"}, folder=tmp_path).settings.server.hosts == ("a", "b")
    assert read("", {"VIVAVOCE_SERVER_HOSTS": '["a, b"]'}, folder=tmp_path).settings.server.hosts == ("a, b",)


def test_names_of_other_programs_are_read_but_the_file_wins(tmp_path: Path) -> None:
    environ = {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://there/v1", "OLLAMA_HOST": "0.0.0.0"}
    loaded = read("openai: {base_url: http://here/v1}", environ, folder=tmp_path)
    assert loaded.settings.openai.base_url == "http://here/v1"
    assert loaded.settings.openai.api_key.reveal() == "k"  # type: ignore[union-attr]
    assert loaded.settings.ollama.base_url == "http://127.0.0.1:11434"
    assert str(loaded.origins["openai.api_key"]) == "OPENAI_API_KEY"


def test_a_secret_is_never_shown(tmp_path: Path) -> None:
    loaded = read("openai: {api_key: hush-hush}", folder=tmp_path)
    assert "hush" not in repr(loaded)
    assert "7734" not in complaint("openai: {api_key: 7734}", folder=tmp_path)


@given(st.text(max_size=60), st.text(alphabet="abc.{}[]:-$ \n#'\"&*!%", max_size=60))
def test_any_text_is_settings_or_a_config_error(anything: str, nearly: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        for text in (anything, nearly):
            (Path(name) / "vivavoce.yaml").write_text(text, encoding="utf-8", newline="")
            with contextlib.suppress(ConfigError):
                load((), {}, folder=Path(name))
