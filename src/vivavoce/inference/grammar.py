"""A closed grammar for a recogniser: the sentences of the skills, as JSGF.

Made from the skills' templates and handed to back-ends that can use it; a value, so that neither side knows the other.
"""

from __future__ import annotations

from dataclasses import dataclass

from vivavoce.inference.ports import Language


@dataclass(frozen=True, slots=True)
class Grammar:
    """`jsgf` is a whole JSGF document with one public rule; its words are lower-case and spelt out."""

    language: Language
    jsgf: str
