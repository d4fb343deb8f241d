"""What is in force and from where, what is in use, what is missing and what each would add. Data; no printing."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from vivavoce import __version__
from vivavoce.app import players
from vivavoce.app.build import context, crowd, listed
from vivavoce.app.settings import Loaded, Settings
from vivavoce.channels.page import FOLDER
from vivavoce.conversation.skills import Skills
from vivavoce.errors import VivavoceError
from vivavoce.inference import catalog
from vivavoce.inference.context import Context
from vivavoce.inference.discover import Address, probe
from vivavoce.inference.options import Backend
from vivavoce.inference.ports import LanguageModel, Recognizer, Synthesizer, Vad
from vivavoce.inference.secret import Secret

KINDS: Mapping[str, str] = {
    "vad": "hears that somebody speaks",
    "asr": "understands speech",
    "llm": "converses",
    "tts": "speaks",
}


@dataclass(frozen=True, slots=True)
class Setting:
    path: str
    value: object
    origin: str


@dataclass(frozen=True, slots=True)
class InUse:
    """A back-end in force: what it is here, or why it cannot be used."""

    kind: str
    name: str
    detail: str
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """Something that is not here, what it would add, and how it comes."""

    missing: str
    adds: str
    how: str


@dataclass(frozen=True, slots=True)
class Report:
    version: str
    python: str
    system: str
    file: str | None
    settings: tuple[Setting, ...]
    in_use: tuple[InUse, ...]
    advice: tuple[Advice, ...]

    @property
    def well(self) -> bool:
        """Everything that is in force can be used."""
        return not any(one.problem for one in self.in_use)

    def as_json(self) -> dict[str, Any]:
        """Secrets print as such here too."""
        settings = {one.path: {"value": _shown(one.value), "from": one.origin} for one in self.settings}
        out: dict[str, Any] = msgspec.to_builtins(
            {"version": self.version, "python": self.python, "system": self.system}
        )
        return {
            **out,
            "file": self.file,
            "settings": settings,
            "in_use": [msgspec.to_builtins(one) for one in self.in_use],
            "missing": [msgspec.to_builtins(one) for one in self.advice],
        }


async def examine(loaded: Loaded) -> Report:
    """Load every back-end in force, and look around. Takes as long as a start of the server."""
    skills = Skills.load()
    grammars = tuple(skills.grammar(language) for language in skills.languages)
    async with aclosing(await context(loaded.settings, grammars)) as shared:
        in_use = [await _in_use(kind, loaded.settings, shared) for kind in KINDS]
    return _report(loaded, in_use)


def running(
    loaded: Loaded, vad: Vad, recognizer: Recognizer, model: LanguageModel | None, synthesizer: Synthesizer
) -> Report:
    """The same of a server that has loaded its back-ends."""
    built: dict[str, Any] = {"vad": vad, "asr": recognizer, "llm": model, "tts": synthesizer}
    names = {kind: "none" if one is None else one.capabilities.name for kind, one in built.items()}
    return _report(loaded, [_described(kind, names[kind], one) for kind, one in built.items()])


def _report(loaded: Loaded, in_use: list[InUse]) -> Report:
    return Report(
        version=__version__,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        file=str(loaded.file) if loaded.file else None,
        settings=tuple(settings_of(loaded)),
        in_use=tuple(in_use),
        advice=tuple(_advice(loaded.settings, in_use)),
    )


def settings_of(loaded: Loaded) -> Iterator[Setting]:
    """Every setting in force, in the order of the sections."""
    for path, origin in loaded.origins.items():
        section, _, key = path.partition(".")
        struct = getattr(loaded.settings, section)
        value = struct.__struct_config__.tag if key == "backend" else getattr(struct, key)
        yield Setting(path, value, str(origin))


def _shown(value: object) -> object:
    return str(value) if isinstance(value, Secret) else list(value) if isinstance(value, tuple) else value


# ── what is in use ────────────────────────────────────────────────────────────────────────────────

_BUILD: Mapping[str, Callable[[Any, Context], Any]] = {
    "vad": catalog.build_vad,
    "asr": catalog.build_asr,
    "llm": catalog.build_llm,
    "tts": catalog.build_tts,
}


async def _in_use(kind: str, settings: Settings, shared: Context) -> InUse:
    options: Backend = getattr(settings, kind)
    name = str(catalog.resolve(options, shared).__struct_config__.tag)
    try:
        built = await asyncio.to_thread(_BUILD[kind], options, shared)
        await shared.ready()
    except VivavoceError as error:
        return InUse(kind, name, "", error.message)
    described = _described(kind, name, built)
    if built is None:
        return described
    return replace(described, problem=await _unreachable(kind, catalog.resolve(options, shared), shared))


def _described(kind: str, name: str, built: Any) -> InUse:
    if built is None:
        return InUse(kind, name, "the skills answer alone")
    able = built.capabilities
    parts = [able.name]
    if kind == "asr":
        parts.append(f"hears {listed(able.languages)}")
        if able.conversations:
            parts.append(crowd(able.conversations))
    if kind == "tts":
        parts.append(f"speaks {listed(list(dict.fromkeys(voice.language for voice in able.voices)))}")
    host = getattr(able, "sends_to", None)
    if host:
        parts.append(f"sends to {host}")
    return InUse(kind, name, "; ".join(parts))


async def _unreachable(kind: str, options: Backend, shared: Context) -> str | None:
    """Why a server in force does not answer. One that has no list of models may still be well."""
    if options.__struct_config__.tag != "openai":
        return None
    address: Address = shared.address(kind, getattr(options, "base_url", None), getattr(options, "api_key", None))
    if await probe(address) is None:
        return f"{address.base_url} does not answer, or refuses the key"
    return None


# ── what is missing ───────────────────────────────────────────────────────────────────────────────


def _advice(settings: Settings, in_use: Iterable[InUse]) -> Iterator[Advice]:
    used = {one.kind: one for one in in_use}
    if not (FOLDER / "index.html").exists():
        yield Advice("the page", "talking in a browser", "script/console builds it; script/serve does so by itself")
    if used["llm"].name == "none":
        yield Advice(
            "a language model",
            "conversation beyond the skills, which become its tools",
            "run Ollama here, or set openai.base_url and openai.api_key (OPENAI_BASE_URL, OPENAI_API_KEY)",
        )
    if used["asr"].name == "pocketsphinx":
        yield Advice(
            "a recognition model",
            "free speech, and spoken Chinese; today only English commands are understood well (typing works in both)",
            "asr.backend: openai with any server that transcribes, such as a local Whisper",
        )
    if used["tts"].name == "espeak":
        yield Advice(
            "a speech model",
            "a natural voice instead of espeak-ng's",
            "tts.backend: openai with any server that speaks",
        )
    if players.find() is None:
        yield Advice("a program that plays sound", "`vivavoce say` without --out", f"one of {players.names()}")
