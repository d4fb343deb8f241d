"""From where settings come: flags over the environment over vivavoce.yaml over what the console has set over defaults.

Every value keeps its origin, so that `vivavoce doctor` can say it and an error can point to it.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from vivavoce.app.settings import files, schema
from vivavoce.app.settings.values import Settings
from vivavoce.errors import ConfigError
from vivavoce.inference.secret import Secret

PREFIX = "VIVAVOCE_"
FILE = "vivavoce.yaml"
ASIDE = frozenset({"VIVAVOCE_CONFIG", "VIVAVOCE_TOKEN", "VIVAVOCE_KEYS"})
"""Names with our prefix that are no settings: where the file is, and what `talk --url` shows as its token."""
BORROWED = {
    "OPENAI_BASE_URL": "openai.base_url",
    "OPENAI_API_KEY": "openai.api_key",
    "OLLAMA_HOST": "ollama.base_url",
    "VIVAVOCE_KEYS": "data.keys_text",
}
"""Names that other programs set too, so that our own file wins over them."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from; `where` is file:line, the variable's name, or the flag's."""

    kind: Literal["default", "console", "file", "environment", "flag"]
    where: str = ""

    def __str__(self) -> str:
        return self.where or self.kind


DEFAULT = Origin("default")
CONSOLE = Origin("console", "the console")


@dataclass(frozen=True, slots=True)
class Flag:
    """`text` for the setting at `path`, as given on the command line by `name` (`--port`)."""

    path: str
    text: str
    name: str


@dataclass(frozen=True, slots=True)
class Given:
    """A value as it was written, and where."""

    value: object = field(repr=False)
    origin: Origin


@dataclass(frozen=True, slots=True)
class Loaded:
    """`settings`, the origin of each path, the file that was read, if any, and what was given by all sources."""

    settings: Settings
    origins: Mapping[str, Origin]
    file: Path | None
    given: Mapping[str, Given] = field(default_factory=dict)


def load(
    flags: Iterable[Flag], environ: Mapping[str, str], *, file: Path | None = None, folder: Path | None = None
) -> Loaded:
    """Settings from all sources. `file` (else VIVAVOCE_CONFIG) must exist; vivavoce.yaml in `folder` may.

    Raises ConfigError, which names the place, the key, and the nearest right key for an unknown one.
    """
    found = _file(file, environ, folder or Path())
    given: dict[str, Given] = {}
    for name, path in BORROWED.items():
        if text := environ.get(name):
            given[path] = Given(_address(text) if name == "OLLAMA_HOST" else text, Origin("environment", name))
    if found is not None:
        for entry in files.read(found, environ):
            given[_known(entry.path, entry.where)] = Given(entry.value, Origin("file", entry.where))
    variables = {PREFIX + path.upper().replace(".", "_"): path for path in schema.paths()}
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in ASIDE:
            if name not in variables:
                raise ConfigError(f"the environment's {name} is no setting{_nearest(name, [*variables, *ASIDE])}")
            given[variables[name]] = Given(environ[name], Origin("environment", name))
    for flag in flags:
        given[_known(flag.path, flag.name)] = Given(flag.text, Origin("flag", flag.name))
    return _built(given, found)


def overlaid(loaded: Loaded, values: Mapping[str, object]) -> Loaded:
    """The same with what the console has set; everything else that was given outranks it.

    Raises ConfigError, as `load` does.
    """
    given = {_known(path, str(CONSOLE)): Given(value, CONSOLE) for path, value in values.items()}
    return _built({**given, **loaded.given}, loaded.file)


def _file(file: Path | None, environ: Mapping[str, str], folder: Path) -> Path | None:
    named = file or (Path(environ["VIVAVOCE_CONFIG"]) if environ.get("VIVAVOCE_CONFIG") else None)
    if named is not None:
        if not named.is_file():
            raise ConfigError(f"{named}: there is no such configuration file")
        return named
    usual = folder / FILE
    return usual if usual.is_file() else None


def _address(text: str) -> str:
    """OLLAMA_HOST says where Ollama listens, in less than an address; one that listens everywhere is here."""
    text = text if "://" in text else f"http://{text}"
    scheme, _, rest = text.partition("://")
    host = rest.rstrip("/").replace("0.0.0.0", "127.0.0.1")
    return f"{scheme}://{host if ':' in host else host + ':11434'}"


def _known(path: str, where: str) -> str:
    known = list(schema.paths())
    if path in known:
        return path
    if any(name.startswith(f"{path}.") for name in known):
        raise ConfigError(f"{where}: `{path}` is a section; its keys stand below it")
    raise ConfigError(f"{where}: unknown key `{path}`{_nearest(path, known)}")


def _nearest(name: str, known: Iterable[str]) -> str:
    """« — did you mean …?», by the whole name, else by its last part in another section."""
    candidates = list(known)
    close = difflib.get_close_matches(name, candidates, 1, 0.7)
    if not close:
        tails = {candidate.rpartition(".")[2]: candidate for candidate in candidates}
        close = [tails[tail] for tail in difflib.get_close_matches(name.rpartition(".")[2], tails, 1, 0.75)]
    return f"; did you mean `{close[0]}`?" if close else ""


def _built(given: Mapping[str, Given], file: Path | None) -> Loaded:
    parts: dict[str, msgspec.Struct] = {}
    origins: dict[str, Origin] = {}
    for name in dict.fromkeys(section.name for section in schema.sections()):
        section = _form(name, given)
        mine = {path: one for path, one in given.items() if path.startswith(f"{name}.")}
        if section.backend:
            backend = mine.pop(f"{name}.backend", None)
            origins[f"{name}.backend"] = backend.origin if backend else DEFAULT
        values: dict[str, object] = {}
        for key in section.keys:
            one = mine.pop(key.path, None)
            origins[key.path] = one.origin if one else DEFAULT
            if one:
                values[key.path.rpartition(".")[2]] = _converted(key, one)
        for path, one in mine.items():
            raise ConfigError(f"{one.origin}: `{path}` is no option of the back-end `{section.backend}`")
        parts[name] = section.struct(**values)
    return Loaded(Settings(**parts), origins, file, given)  # type: ignore[arg-type]


def _form(name: str, given: Mapping[str, Given]) -> schema.Section:
    """The section, in the form of the chosen back-end where it has several."""
    forms = schema.forms(name)
    if not forms:
        return next(section for section in schema.sections() if section.name == name)
    chosen = given.get(f"{name}.backend")
    if chosen is None:
        return next(iter(forms.values()))
    if str(chosen.value) not in forms:
        raise ConfigError(
            f"{chosen.origin}: {name}.backend = {chosen.value!r} is not one of {', '.join(forms)}"
            f"{_nearest(str(chosen.value), forms)}"
        )
    return forms[str(chosen.value)]


def _converted(key: schema.Key, one: Given) -> Any:
    value = one.value
    if isinstance(value, str) and str(key.type).startswith("tuple"):
        value = _listed(value)
    try:
        return msgspec.convert(value, key.type, strict=False, dec_hook=_secret)
    except msgspec.ValidationError as error:
        shown = "" if Secret in getattr(key.type, "__args__", ()) else f" = {one.value!r}"
        raise ConfigError(f"{one.origin}: {key.path}{shown}: {_plain(error)}") from error


def _plain(error: msgspec.ValidationError) -> str:
    """`expected …`, without where in a value of ours and without the type that every text has."""
    text = str(error).partition(" - at")[0].removesuffix(", got `str`")
    return text[:1].lower() + text[1:]


def _secret(kind: type, value: object) -> object:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise msgspec.ValidationError(f"Expected `{'str' if kind is Secret else kind.__name__}`")


def _listed(text: str) -> object:
    """A list on one line: a JSON list, else words between commas."""
    if text.lstrip().startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return [part.strip() for part in text.split(",") if part.strip()]
