"""How alike two strings of ARPABET phones (or words) are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

_FAMILIES = (
    ("AA", "AO", "AH", "AE", "AW", "AY"),
    ("EH", "EY", "IH", "IY"),
    ("OW", "OY", "UH", "UW"),
    ("ER", "R"),
    ("L", "W"),
    ("M", "N", "NG"),
    ("P", "T", "K"),
    ("B", "D", "G"),
    ("S", "Z", "SH", "ZH", "CH", "JH"),
    ("F", "V", "TH", "DH"),
)
_FAMILY = {phone: index for index, phones in enumerate(_FAMILIES) for phone in phones}
_VOWELS = frozenset(phone for phones in _FAMILIES[:3] for phone in phones) | {"ER"}
_VOICING = frozenset(
    frozenset(pair) for pair in (("P", "B"), ("T", "D"), ("K", "G"), ("S", "Z"), ("CH", "JH"), ("F", "V"), ("TH", "DH"))
)


def confusion(one: str, other: str) -> float:
    """What taking one phone for the other costs: 0 for the same, less than 1 for those a noisy ear mixes up."""
    if one == other:
        return 0.0
    if frozenset((one, other)) in _VOICING:
        return 0.4
    family = _FAMILY.get(one)
    if family is not None and family == _FAMILY.get(other):
        return 0.5
    return 0.7 if one in _VOWELS and other in _VOWELS else 1.0


def mismatch(one: str, other: str) -> float:
    """0 for the same word, 1 for another."""
    return float(one != other)


def likeness(one: Sequence[str], other: Sequence[str], cost: Callable[[str, str], float]) -> float:
    """1 minus the edit distance over the longer length: 1 for the same, 0 for nothing in common."""
    longest = max(len(one), len(other))
    if not longest:
        return 1.0
    row = [float(index) for index in range(len(other) + 1)]
    for count, left in enumerate(one, 1):
        diagonal, row[0] = row[0], float(count)
        for index, right in enumerate(other, 1):
            best = min(row[index] + 1, row[index - 1] + 1, diagonal + cost(left, right))
            diagonal, row[index] = row[index], best
    return 1 - row[-1] / longest
