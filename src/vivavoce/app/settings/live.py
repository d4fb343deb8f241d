"""The settings in force while the server runs: what the console changes works at once where it can.

    live = Live(loaded, await overrides.saved()[0])
    live.settings.talk.voice                 # now
    live.section("history").share_days       # read anew each time, for parts that keep their section

A key works `now` when whoever uses it reads it anew each time; at a `restart` when something was built from it; `fixed`
are those that are needed before the database can be asked, and secrets, which have no place in it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal, get_args, get_origin

import msgspec

from vivavoce.app.settings import schema
from vivavoce.app.settings.document import readable
from vivavoce.app.settings.load import CONSOLE, DEFAULT, Loaded, Origin, overlaid
from vivavoce.app.settings.values import Settings
from vivavoce.errors import ConfigError
from vivavoce.inference.secret import Secret
from vivavoce.registry.overrides import Described, Effect

log = logging.getLogger(__name__)

FIXED: Final = frozenset({"server", "data", "tls"})
NOW: Final = frozenset(
    {
        "talk.language",
        "talk.voice",
        "talk.system_prompt",
        "turn.patience",
        "history.recording_bytes",
        "history.share_days",
        "observe.log_level",
    }
)


class Live:
    """See the head of the module. It is the `Rules` of `registry.overrides`, and `apply` is what it calls."""

    def __init__(self, loaded: Loaded, saved: Mapping[str, Any]) -> None:
        """`loaded` without the console's rows. A row that does not fit any more is left out, and told in the log."""
        self._base = loaded
        self._started = _fitting(loaded, saved)
        self._loaded = overlaid(loaded, self._started)
        self._watchers: list[Callable[[Settings], None]] = []

    @property
    def loaded(self) -> Loaded:
        """In force now, with the origins."""
        return self._loaded

    @property
    def settings(self) -> Settings:
        return self._loaded.settings

    def section(self, name: str) -> Any:
        """A section whose fields are read anew each time."""
        return _Following(self, name)

    def watch(self, callback: Callable[[Settings], None]) -> None:
        """Call it with the settings after each change that works now."""
        self._watchers.append(callback)

    def apply(self, rows: Mapping[str, Any]) -> None:
        """Put the rows in force that can be now; the others stay as they were at the start."""
        kept = {key: value for key, value in self._started.items() if key not in NOW}
        new = {key: value for key, value in rows.items() if key in NOW}
        self._loaded = overlaid(self._base, _fitting(self._base, kept | new))
        for callback in self._watchers:
            callback(self.settings)

    def describe(self, rows: Mapping[str, Any]) -> list[Described]:
        """Every setting, with those of these rows saved that fit."""
        saved = _fitting(self._base, rows)
        after = overlaid(self._base, saved)
        return [
            _described(key, self._loaded, after.origins.get(key.path, DEFAULT), saved)
            for key in _keys(self._loaded.settings)
        ]

    def check(self, rows: Mapping[str, Any]) -> None:
        """Raises ConfigError when these rows do not fit."""
        overlaid(self._base, rows)


class _Following:
    def __init__(self, live: Live, name: str) -> None:
        self._live = live
        self._name = name

    def __getattr__(self, field: str) -> Any:
        return getattr(getattr(self._live.settings, self._name), field)


def effect(key: schema.Key) -> Effect:
    """When a change of this key works."""
    if key.path.partition(".")[0] in FIXED or Secret in (key.type, *get_args(key.type)):
        return "fixed"
    return "now" if key.path in NOW else "restart"


def _fitting(loaded: Loaded, rows: Mapping[str, Any]) -> dict[str, Any]:
    """Those rows that go together; a newer version of the server may know a key no more."""
    try:
        overlaid(loaded, rows)
    except ConfigError:
        kept: dict[str, Any] = {}
        for key, value in rows.items():
            try:
                overlaid(loaded, {**kept, key: value})
            except ConfigError as error:
                log.warning("a setting of the console is left out: %s", error)
            else:
                kept[key] = value
        return kept
    return dict(rows)


def _keys(settings: Settings) -> list[schema.Key]:
    """All keys of the forms in force, each back-end's choice included."""
    out: list[schema.Key] = []
    for name in dict.fromkeys(section.name for section in schema.sections()):
        forms = schema.forms(name)
        if forms:
            text = f"Which back-end: {', '.join(forms)}."
            out.append(schema.Key(f"{name}.backend", Literal[tuple(forms)], next(iter(forms)), text))
        struct = type(getattr(settings, name))
        out += next(one.keys for one in schema.sections() if one.struct is struct)
    return out


def _described(key: schema.Key, loaded: Loaded, origin: Origin, rows: Mapping[str, Any]) -> Described:
    low, high = _bounds(key.type)
    return Described(
        key=key.path,
        value=_json(_value(loaded.settings, key.path)),
        saved=rows.get(key.path),
        is_saved=key.path in rows,
        default=_json(key.default),
        type=readable(key.type),
        choices=_choices(key.type),
        minimum=low,
        maximum=high,
        text=key.text,
        origin=origin.kind,
        where="" if origin in (DEFAULT, CONSOLE) else origin.where,
        effect=effect(key),
    )


def _value(settings: Settings, path: str) -> object:
    section, _, field = path.partition(".")
    struct: msgspec.Struct = getattr(settings, section)
    return struct.__struct_config__.tag if field == "backend" else getattr(struct, field)


def _json(value: object) -> Any:
    """Secrets show as such."""
    if isinstance(value, Secret):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _choices(kind: Any) -> list[str] | None:
    return [str(one) for one in get_args(kind)] if get_origin(kind) is Literal else None


def _bounds(kind: Any) -> tuple[float | None, float | None]:
    """The least and the greatest number; bounds that are not met themselves are left to the check."""
    for part in (kind, *get_args(kind)):
        if get_origin(part) is Annotated:
            meta = next((one for one in get_args(part) if isinstance(one, msgspec.Meta)), None)
            if meta is not None:
                return _float(meta.ge), _float(meta.le)
    return None, None


def _float(bound: float | None) -> float | None:
    return None if bound is None else float(bound)
