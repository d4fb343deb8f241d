"""Back-ends that other packages bring, through the entry point group `vivavoce.backends`.

    [project.entry-points."vivavoce.backends"]
    "asr.mine" = "my_package:make"

`make(options, context)` returns the port; `options` are the texts of `asr.options` (`["model=small"]`) by name.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from vivavoce.errors import ConfigError
from vivavoce.inference import options as of
from vivavoce.inference.context import Context

GROUP = "vivavoce.backends"
Chosen = of.PluginVad | of.PluginAsr | of.PluginLlm | of.PluginTts
_KINDS: dict[type, str] = {of.PluginVad: "vad", of.PluginAsr: "asr", of.PluginLlm: "llm", of.PluginTts: "tts"}


def installed(kind: str) -> Mapping[str, str]:
    """Names of the installed plug-ins of a kind, each with the package that brings it."""
    return {name: found.dist.name if found.dist else found.value for name, found in _found(kind).items()}


def build(chosen: Chosen, context: Context) -> Any:
    """Raises ConfigError when there is no such plug-in or an option is no `name=value`."""
    kind = _KINDS[type(chosen)]
    found = _found(kind)
    if chosen.name not in found:
        near = difflib.get_close_matches(chosen.name, found, 1)
        hint = f"; did you mean `{near[0]}`?" if near else f"; installed are: {', '.join(found) or 'none'}"
        raise ConfigError(f"{kind}.name = {chosen.name!r}: no installed package brings it{hint}")
    options = dict(_split(kind, text) for text in chosen.options)
    return found[chosen.name].load()(options, context)


def _found(kind: str) -> dict[str, EntryPoint]:
    prefix = f"{kind}."
    return {
        point.name.removeprefix(prefix): point for point in entry_points(group=GROUP) if point.name.startswith(prefix)
    }


def _split(kind: str, text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not (name.strip() and sign):
        raise ConfigError(f"{kind}.options: {text!r} is no `name=value`")
    return name.strip(), value.strip()
