"""Reads vivavoce.yaml: keys with their lines, and `${NAME}` from the environment in the values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from vivavoce.errors import ConfigError

LARGEST = 256 << 10
"""Bytes of a configuration file; a larger one is a mistake."""

_REFERENCE = re.compile(r"\$(?:\$|\{(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<fallback>[^}]*))?\})?)")


@dataclass(frozen=True, slots=True)
class Entry:
    """`section.key` as written at `where` (file:line)."""

    path: str
    value: object
    where: str


def read(file: Path, environ: Mapping[str, str]) -> Iterator[Entry]:
    """All entries of the file. Raises ConfigError that names file and line."""
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror or 'cannot be read'}") from error
    if len(raw) > LARGEST:
        raise ConfigError(f"{file}: larger than {LARGEST >> 10} KiB")
    try:
        loader = yaml.SafeLoader(raw.decode())
        root = loader.get_single_node()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: not UTF-8") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{file}:{line}: {error.problem or 'not YAML'}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{file}: not YAML") from error
    if root is not None:
        yield from _Reader(file, loader, environ).entries(root)


class _Reader:
    def __init__(self, file: Path, loader: yaml.SafeLoader, environ: Mapping[str, str]) -> None:
        self._file = file
        self._loader = loader
        self._environ = environ

    def entries(self, root: yaml.Node) -> Iterator[Entry]:
        for section, body in self._pairs(root, "the file"):
            if isinstance(body, yaml.ScalarNode) and body.tag.endswith(":null"):
                continue
            if not isinstance(body, yaml.MappingNode):
                yield Entry(section, self._value(body), self._where(body))
                continue
            for key, node in self._pairs(body, section):
                yield Entry(f"{section}.{key}", self._value(node), self._where(node))

    def _pairs(self, node: yaml.Node, what: str) -> Iterator[tuple[str, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            raise ConfigError(f"{self._where(node)}: {what} holds no keys")
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise ConfigError(f"{self._where(key)}: a key is a word")
            if key.value in seen:
                raise ConfigError(f"{self._where(key)}: `{key.value}` stands twice in {what}")
            seen.add(key.value)
            yield key.value, value

    def _value(self, node: yaml.Node) -> object:
        """Scalars and lists of them; a value with a reference is text, and becomes a number where one is wanted."""
        if isinstance(node, yaml.SequenceNode):
            if any(not isinstance(item, yaml.ScalarNode) for item in node.value):
                raise ConfigError(f"{self._where(node)}: a list holds words and numbers only")
            return [self._value(item) for item in node.value]
        if not isinstance(node, yaml.ScalarNode):
            raise ConfigError(f"{self._where(node)}: a value is a word, a number or a list")
        if "$" in node.value:
            return self._filled(node)
        try:
            return self._loader.construct_object(node, deep=True)
        except (yaml.YAMLError, ValueError, KeyError, AttributeError) as error:
            # PyYAML lets the errors of int(), date() and its own tables through.
            raise ConfigError(f"{self._where(node)}: `{node.value}` cannot be understood") from error

    def _filled(self, node: yaml.ScalarNode) -> str:
        def fill(match: re.Match[str]) -> str:
            if match[0] == "$$":
                return "$"
            name, fallback = match["name"], match["fallback"]
            if name is None:
                raise ConfigError(f"{self._where(node)}: `${{` begins a reference that does not end")
            # As in a shell, an empty variable counts as none where there is something to fall back on.
            text = self._environ.get(name)
            if text is None or (not text and fallback is not None):
                text = fallback
            if text is None:
                raise ConfigError(
                    f"{self._where(node)}: the environment has no {name}; `${{{name}:-…}}` gives a default"
                )
            return text

        return _REFERENCE.sub(fill, node.value)

    def _where(self, node: yaml.Node) -> str:
        return f"{self._file}:{node.start_mark.line + 1}"
