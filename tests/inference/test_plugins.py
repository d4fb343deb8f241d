"""A back-end from another package, installed for real: a folder with its entry points on the path."""

import pytest

from vivavoce.errors import BackendUnavailable, ConfigError
from vivavoce.inference import catalog, plugins
from vivavoce.inference.context import Context
from vivavoce.inference.options import PluginTts
from vivavoce.testing import conformance


@pytest.fixture(autouse=True)
def package(tmp_path, monkeypatch):
    """A package with one voice."""
    (tmp_path / "some_voice.py").write_text(
        "from vivavoce.testing.fakes import FakeSynthesizer\n"
        "def make(options, context):\n"
        "    return FakeSynthesizer(rate=int(options['rate']))\n"
    )
    info = tmp_path / "some_voice-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: some-voice\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[vivavoce.backends]\ntts.whistle = some_voice:make\ntts.broken = no_such_module:make\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))


async def test_it_is_built_like_any_other_and_keeps_the_contract():
    options = PluginTts(name="whistle", options=("rate = 8000",))
    await conformance.check_synthesizer(lambda: catalog.build_tts(options, Context()))
    assert catalog.build_tts(options, Context()).capabilities.rate == 8000


def test_it_is_listed_with_the_package_that_brings_it():
    assert plugins.installed("tts") == {"whistle": "some-voice", "broken": "some-voice"}
    assert plugins.installed("asr") == {}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (PluginTts(name="wistle"), "did you mean `whistle`"),
        (PluginTts(name="choir"), "installed are: whistle, broken"),
        (PluginTts(name="whistle", options=("rate",)), "'rate' is no `name=value`"),
    ],
)
def test_a_mistake_is_told_with_what_would_be_right(options, message):
    with pytest.raises(ConfigError, match=message):
        catalog.build_tts(options, Context())


def test_one_that_does_not_load_is_unavailable():
    with pytest.raises(BackendUnavailable, match=r"tts\.backend = plugin needs a package that is not installed"):
        catalog.build_tts(PluginTts(name="broken"), Context())
