"""Which back-end does what, and its options: one struct per back-end, chosen by `backend`.

The settings read a section as the struct of its back-end, so an option of another one is an unknown key and is told;
the catalog builds the back-end from it. The text under a field is its documentation.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from vivavoce.inference.secret import Secret

Delay = Annotated[int, Meta(ge=0, le=600_000)]
Probability = Annotated[float, Meta(ge=0, le=1)]


class Backend(Struct, frozen=True, kw_only=True, tag_field="backend"):
    """Base of all option structs; its tag is the name of the back-end."""


# ── voice activity ────────────────────────────────────────────────────────────────────────────────


class VadOptions(Backend, frozen=True, kw_only=True):
    """What all of them have: where a score becomes speech."""

    on: Probability = 0.5
    """A window scored at or above this is speech."""
    off: Probability = 0.35
    """A window scored below this is silence; in between, speech goes on but does not begin."""


class AutoVad(VadOptions, frozen=True, kw_only=True, tag="auto"):
    """The best one that is installed: Silero."""


class SileroVad(VadOptions, frozen=True, kw_only=True, tag="silero"):
    """Silero through onnxruntime, many sessions in one step."""


class ScriptedVad(VadOptions, frozen=True, kw_only=True, tag="scripted"):
    """Loud is speech; for tests and benchmarks."""

    loud: Annotated[float, Meta(gt=0, le=32_768)] = 300.0
    """Level (RMS, of 32,768) from which a window is speech."""


class PluginVad(VadOptions, frozen=True, kw_only=True, tag="plugin"):
    """One that an installed package brings."""

    name: str = ""
    """Which one: the part after `vad.` of its entry point's name."""
    options: tuple[str, ...] = ()
    """Its options, each as `name=value`."""


Vad = AutoVad | SileroVad | ScriptedVad | PluginVad


# ── recognition ───────────────────────────────────────────────────────────────────────────────────


class AutoAsr(Backend, frozen=True, kw_only=True, tag="auto"):
    """The one that needs nothing: pocketsphinx, which hears English. Speech never leaves this machine unasked."""


class PocketsphinxAsr(Backend, frozen=True, kw_only=True, tag="pocketsphinx"):
    """Offline, English: the skills' commands by grammar, other speech roughly."""


class OpenAIAsr(Backend, frozen=True, kw_only=True, tag="openai"):
    """Transcription by an OpenAI-compatible server."""

    model: str = "whisper-1"
    """Name of the model there."""
    base_url: str | None = None
    """Its address, where it is not that of `openai.base_url`."""
    api_key: Secret | None = None
    """Its key; without one `openai.api_key`, which is sent to `openai.base_url` alone."""
    languages: tuple[str, ...] = ("en", "zh")
    """Languages that it is trusted with."""
    stream: bool = False
    """Whether the server tells the text while it is still working on it."""
    prompt: str = ""
    """Names and words that it should know."""


class ScriptedAsr(Backend, frozen=True, kw_only=True, tag="scripted"):
    """Understands what it was told to; for tests and benchmarks."""

    texts: tuple[str, ...] = ("what time is it",)
    """What is understood, one text per utterance, in order and round again."""
    delay_ms: Delay = 100
    """Time from the end of speech to the text."""
    word_ms: Delay = 250
    """Sound per word of the partial texts; 0 for none."""


class PluginAsr(Backend, frozen=True, kw_only=True, tag="plugin"):
    """One that an installed package brings."""

    name: str = ""
    """Which one: the part after `asr.` of its entry point's name."""
    options: tuple[str, ...] = ()
    """Its options, each as `name=value`."""


Asr = AutoAsr | PocketsphinxAsr | OpenAIAsr | ScriptedAsr | PluginAsr


# ── language models ───────────────────────────────────────────────────────────────────────────────


class AutoLlm(Backend, frozen=True, kw_only=True, tag="auto"):
    """`openai` where `openai.base_url` or `openai.api_key` is set, else an Ollama on this machine, else none."""


class NoLlm(Backend, frozen=True, kw_only=True, tag="none"):
    """The skills alone."""


class OpenAILlm(Backend, frozen=True, kw_only=True, tag="openai"):
    """Chat by an OpenAI-compatible server, with the skills as its tools."""

    model: str | None = None
    """Name of the model there; without one the first that the server lists."""
    base_url: str | None = None
    """Its address, where it is not that of `openai.base_url`."""
    api_key: Secret | None = None
    """Its key; without one `openai.api_key`, which is sent to `openai.base_url` alone."""
    tools: bool = True
    """Whether the model may call the skills."""
    vision: bool = False
    """Whether the model looks at camera frames."""
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    """How freely it answers; without one as the server likes."""
    reasoning_effort: str | None = None
    """How long it may think before it speaks (`none`, `low`, …), for models that do; thinking is silence."""


class OllamaLlm(Backend, frozen=True, kw_only=True, tag="ollama"):
    """An Ollama on this machine."""

    model: str | None = None
    """Name of the model; without one the first that Ollama lists."""


class ScriptedLlm(Backend, frozen=True, kw_only=True, tag="scripted"):
    """Answers what it was told to; for tests and benchmarks."""

    replies: tuple[str, ...] = ("You said: {text}.",)
    """Replies, one per turn, in order and round again; `{text}` is what the user said."""
    first_token_ms: Delay = 100
    """Time to the first word."""
    per_token_ms: Delay = 10
    """Time between words."""


class PluginLlm(Backend, frozen=True, kw_only=True, tag="plugin"):
    """One that an installed package brings."""

    name: str = ""
    """Which one: the part after `llm.` of its entry point's name."""
    options: tuple[str, ...] = ()
    """Its options, each as `name=value`."""


Llm = AutoLlm | NoLlm | OpenAILlm | OllamaLlm | ScriptedLlm | PluginLlm


# ── speech ────────────────────────────────────────────────────────────────────────────────────────


class AutoTts(Backend, frozen=True, kw_only=True, tag="auto"):
    """The one that needs nothing: espeak-ng."""


class EspeakTts(Backend, frozen=True, kw_only=True, tag="espeak"):
    """Offline, dozens of languages, word times and mouth shapes."""


class OpenAITts(Backend, frozen=True, kw_only=True, tag="openai"):
    """Speech by an OpenAI-compatible server."""

    model: str = "gpt-4o-mini-tts"
    """Name of the model there."""
    voices: tuple[str, ...] = ("alloy", "ash", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer")
    """Voices that it offers; the first is the default."""
    languages: tuple[str, ...] = ("en", "zh")
    """Languages that it speaks."""
    rate: Annotated[int, Meta(ge=8000, le=48_000)] = 24_000
    """Samples a second of the sound that it sends."""
    base_url: str | None = None
    """Its address, where it is not that of `openai.base_url`."""
    api_key: Secret | None = None
    """Its key; without one `openai.api_key`, which is sent to `openai.base_url` alone."""


class ScriptedTts(Backend, frozen=True, kw_only=True, tag="scripted"):
    """A tone in place of speech; for tests and benchmarks."""

    first_frame_ms: Delay = 50
    """Time to a clause's first 20 ms of sound."""
    speed: Annotated[float, Meta(gt=0, le=1000)] = 5.0
    """How many times faster than real time the rest is made."""
    clause_ms: Delay = 0
    """Length of every clause; 0: by its characters."""
    character_ms: Annotated[int, Meta(ge=1, le=10_000)] = 60
    """Sound per character."""
    tone_hz: Annotated[int, Meta(ge=0, le=8000)] = 220
    """Pitch of the tone; 0 for silence."""
    rate: Annotated[int, Meta(ge=8000, le=48_000)] = 24_000
    """Its sample rate in Hz."""


class PluginTts(Backend, frozen=True, kw_only=True, tag="plugin"):
    """One that an installed package brings."""

    name: str = ""
    """Which one: the part after `tts.` of its entry point's name."""
    options: tuple[str, ...] = ()
    """Its options, each as `name=value`."""


Tts = AutoTts | EspeakTts | OpenAITts | ScriptedTts | PluginTts
