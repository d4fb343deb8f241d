"""Clauses: cutting a reply into pieces to speak while it is still being written.

The first piece leaves as early as it can be spoken well, at a comma if need be, because everybody waits for it; later
ones are whole sentences, because they sound better and nobody waits. A sign that ends a piece ends it at once, without
a look at the next token: the other way costs a token's time before the first sound. Only where the sign is truly
ambiguous (some abbreviations, a number, an open quotation) does it wait for the next character.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal

from vivavoce.inference.ports import Language

FIRST_MIN: Final = 4
"""Words before the first piece may end at a comma: fewer sound chopped, and buy less than they cost."""
LATER_MIN: Final = 2
"""Words of a later piece: «Yes.» is spoken with the sentence after it."""
MOST: Final = 240
"""Width of the longest piece in Latin letters, a wide character counting three: 240 letters or 80 汉字, 15–20 s."""
_PAGE: Final = 4 * MOST

_HAN: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Scripts without spaces between words."""
_WIDE: Final = _HAN + "\u3000-\u303f\uac00-\ud7af\uff00-\uffef"
_HARD: Final = ".!?;。！？；…\n"
"""Signs that end a sentence."""
_SOFT: Final = ",:—–，、："
"""Signs at which the first piece may end."""

_CLOSING: Final = "”’»›)]}）」』》】"
_RUN: Final = re.compile(f"(?:[{_HARD}{_SOFT}]+[{re.escape(_CLOSING)}]*)+")
"""Signs, with the quotes and brackets that close after them."""
_QUOTES: Final = (("“", "”"), ("«", "»"), ("(", ")"), ("（", "）"), ("「", "」"), ("『", "』"), ("《", "》"))

_LAST_WORD: Final = re.compile(r"[^\W_]+(?:[.'’-][^\W_]+)*$")
_ACRONYM: Final = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]$")
_LIST_MARK: Final = re.compile(r"(?:^|\n)\s*(?:\d{1,3}|[^\W\d_])$")
_WORD: Final = re.compile(rf"[^\W_{_HAN}]+(?:['’.-][^\W_{_HAN}]+)*")
_IDEOGRAPH: Final = re.compile(f"[{_HAN}]")
_LATIN_LETTER: Final = re.compile(rf"[^\W_{_HAN}]")
_PAUSE: Final = re.compile(rf"[,;:—–](?=[\s{_WIDE}])|[，、：；]")


# ── abbreviations ─────────────────────────────────────────────────────────────────────────────────

_Kind = Literal["never", "number", "maybe"]


def _entries(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NEVER: Final[Mapping[Language, frozenset[str]]] = {
    "en": _entries(
        "mr mrs ms dr prof st sr jr rev hon gen col capt lt sgt gov sen rep messrs mt ft vs figs pp eds approx dept "
        "univ cf viz ca e.g i.e"
    ),
    "de": _entries("hr fr dr prof bzw ca evtl ggf inkl nr str vgl z.b d.h u.a s.o s.u"),
    "fr": _entries("m mm mme mlle dr pr st ste env p.ex c.-à-d"),
    "es": _entries("sr sra srta dr dra ud uds núm pág p.ej ee.uu"),
}
"""They stand before what they belong to, so no sentence ends with their point."""
_MAYBE: Final = _entries("etc inc ltd co corp bros ave blvd rd al jan feb mar apr jun jul aug sep sept oct nov dec usw")
"""With these a sentence ends where the next word begins one."""
_NUMBERED: Final = _entries("no nos vol ch sec p art fig")
"""«No. 5», but «No. Not today.»: what follows tells."""


class ClauseSplitter:
    """Splits one reply. The pieces, in order, are exactly the text that was pushed.

    `first_min` and `later_min` count words; a 汉字 counts as two thirds of one. A piece begins with the space
    before its first word. Ask `speakable` before synthesising the last one.
    """

    def __init__(self, language: Language = "en", *, first_min: int = FIRST_MIN, later_min: int = LATER_MIN) -> None:
        # English names and titles turn up in every language.
        self._never = _NEVER["en"] | _NEVER.get(language.split("-")[0].casefold(), frozenset())
        self._first_min = first_min
        self._later_min = later_min
        self._first = True
        self._text = ""
        self._seen = 0
        """Signs before this were looked at and end no piece."""

    def push(self, delta: str) -> list[str]:
        """More text; the pieces that are whole now."""
        pieces: list[str] = []
        # Looking ahead and behind costs the length of what is held, so a book at once is taken page by page.
        for at in range(0, len(delta), _PAGE):
            self._text += delta[at : at + _PAGE]
            while stop := self._border() or self._bound():
                pieces.append(self._text[:stop])
                self._text = self._text[stop:]
                self._seen = 0
                self._first = False
        return pieces

    def flush(self) -> str:
        """The rest, at the end of the text; maybe nothing. The splitter is as new afterwards."""
        rest, self._text, self._seen, self._first = self._text, "", 0, True
        return rest

    def _border(self) -> int:
        """Where the first piece ends; 0 while that is not known."""
        while run := _RUN.search(self._text, self._seen, MOST + 1):
            start, stop = run.start(), self._with_straight_quote(run.end())
            decision = self._decide(self._text[:start], self._text[start:stop], self._text[stop:])
            if decision == "cut":
                return stop if _width(self._text[:stop]) <= MOST else 0
            if decision == "wait":
                return 0
            self._seen = stop
        return 0

    def _with_straight_quote(self, stop: int) -> int:
        """A straight quote right after a sign closes, unless none is open and the sign is a comma («he said,"no"»)."""
        text = self._text
        if text[stop : stop + 1] in ('"', "'") and (text[stop - 1] in _HARD[:-1] or text[:stop].count(text[stop]) % 2):
            return stop + 1
        return stop

    def _decide(self, before: str, signs: str, after: str) -> Literal["cut", "wait", "pass"]:
        """Do `signs` end the piece? `after` is all that is known of what follows."""
        if not self._enough(before, signs):
            return "pass"
        if "\n" in signs:
            return "cut"
        if signs[-1] in ".,:–":
            # «3.5», «1,000», «10:30», «example.com»
            if _LATIN_LETTER.match(after):
                return "pass"
            if not after and before[-1].isdigit():
                return "wait"
        if signs == "." and (kind := self._abbreviation(before)):
            return _after_abbreviation(kind, after.lstrip())
        return "wait" if not after and _open(before + signs) else "cut"

    def _enough(self, before: str, signs: str) -> bool:
        words = _words(before)
        if not words or (signs == "." and _LIST_MARK.search(before)):
            return False
        hard = any(sign in _HARD for sign in signs)
        if self._first:
            return hard or words >= self._first_min
        return hard and words >= self._later_min

    def _abbreviation(self, before: str) -> _Kind | None:
        """What kind of abbreviation the text ends with, if any."""
        found = _LAST_WORD.search(before)
        if found is None:
            return None
        word = found.group()
        folded = word.casefold()
        if folded in _NUMBERED:
            return "number"
        if folded in self._never or (len(word) == 1 and word.isalpha() and word != "I" and word.isascii()):
            return "never"
        return "maybe" if folded in _MAYBE or _ACRONYM.match(word) else None

    def _bound(self) -> int:
        """Where text that goes on too long is cut: at a comma, else at a word's end, else anywhere. 0: it is not."""
        if len(self._text) <= MOST // 3:
            return 0
        most = _fitting(self._text)
        if most == len(self._text):
            return 0
        head = self._text[:most]
        pauses = [pause.end() for pause in _PAUSE.finditer(self._text, 0, most)]
        if pauses and pauses[-1] > most // 2:
            return pauses[-1]
        space = head.rfind(" ")
        if head[: max(space, 0)].strip():
            return space
        stop = most
        while stop and _LATIN_LETTER.match(self._text, stop - 1) and _LATIN_LETTER.match(self._text, stop):
            stop -= 1
        return stop or most


def speakable(text: str) -> bool:
    """Whether there is anything in `text` to say."""
    return any(character.isalnum() for character in text)


def _after_abbreviation(kind: _Kind, following: str) -> Literal["cut", "wait", "pass"]:
    if kind == "never":
        return "pass"
    if not following:
        return "wait"
    goes_on = following[0].isdigit() or (kind == "maybe" and not following[0].isupper())
    return "pass" if goes_on else "cut"


def _words(text: str) -> float:
    return len(_WORD.findall(text)) + len(_IDEOGRAPH.findall(text)) * 2 / 3


def _open(text: str) -> bool:
    """A quotation or bracket is open, so that what closes it may follow."""
    return bool(text.count('"') % 2) or any(text.count(left) > text.count(right) for left, right in _QUOTES)


def _weight(character: str) -> int:
    return 3 if character >= "\u3000" else 1


def _width(text: str) -> int:
    return len(text) if text.isascii() else sum(map(_weight, text))


def _fitting(text: str) -> int:
    """How many characters of `text` make a piece of at most MOST."""
    width = 0
    for count, character in enumerate(text[: MOST + 1]):
        width += _weight(character)
        if width > MOST:
            return count
    return len(text)
