"""Numbers in words and digits, English and Chinese: read from what people say, written as one says them.

`digits` is the first step of matching: "twenty five percent" and "25 %" meet as "25 percent", so the sentence
templates only know digits. `spellings` is its inverse for the recogniser's grammar, `words` for the voice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

# ── English ───────────────────────────────────────────────────────────────────────────────────────

_SMALL_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_SMALL = _SMALL_WORDS.split()
_TENS_WORDS = "twenty thirty forty fifty sixty seventy eighty ninety"
_TENS = _TENS_WORDS.split()
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
_VALUE = {word: n for n, word in enumerate(_SMALL)}
_TENS_VALUE = {word: 10 * n for n, word in enumerate(_TENS, start=2)}
_NUMBER_WORDS = {*_VALUE, *_TENS_VALUE, *_SCALES, "hundred"}


def _below_hundred(tokens: Sequence[str], at: int) -> tuple[int, int] | None:
    """Value and next index of "seven", "nineteen", "forty two" at `at`."""
    if at >= len(tokens):
        return None
    word = tokens[at]
    if word in _VALUE:
        return _VALUE[word], at + 1
    if word not in _TENS_VALUE:
        return None
    unit = _VALUE.get(tokens[at + 1], 0) if at + 1 < len(tokens) else 0
    return (_TENS_VALUE[word] + unit, at + 2) if 1 <= unit <= 9 else (_TENS_VALUE[word], at + 1)


def _skip_and(tokens: Sequence[str], at: int) -> int:
    return at + 1 if at < len(tokens) and tokens[at] == "and" else at


def _below_thousand(tokens: Sequence[str], at: int) -> tuple[int, int] | None:
    """Value and next index of "a hundred and five", "twelve hundred", "forty two", "250" at `at`."""
    following = tokens[at + 1] if at + 1 < len(tokens) else ""
    if tokens[at : at + 1] == ["a"] and following in {"hundred", *_SCALES}:
        value, after = 1, at + 1
    elif at < len(tokens) and tokens[at].isdecimal() and following in {"hundred", *_SCALES}:
        value, after = int(tokens[at]), at + 1
    elif found := _below_hundred(tokens, at):
        value, after = found
    else:
        return None
    if value == 0 or tokens[after : after + 1] != ["hundred"]:
        return value, after
    rest = _below_hundred(tokens, _skip_and(tokens, after + 1))
    if rest and rest[0] > 0:
        return value * 100 + rest[0], rest[1]
    return value * 100, after + 1


def _english_cardinal(tokens: Sequence[str], at: int) -> tuple[int, int] | None:
    """Value and next index of a whole cardinal at `at`: groups under a thousand, with falling scales."""
    total, after, last_scale, start = 0, at, 10**12, at
    while group := _below_thousand(tokens, start):
        scale = _SCALES.get(tokens[group[1]], 1) if group[1] < len(tokens) else 1
        if scale >= last_scale or (total and group[0] == 0):
            break
        total += group[0] * scale
        after = group[1] + (scale > 1)
        if scale == 1 or group[0] == 0:
            break
        last_scale = scale
        start = _skip_and(tokens, after)
    return (total, after) if after > at else None


def _english_digits(text: str) -> str:
    tokens = re.sub(r"(?<=[a-z])-(?=[a-z])", " ", text).split()
    out: list[str] = []
    at = 0
    while at < len(tokens):
        found = _english_cardinal(tokens, at)
        if found is None:
            out.append(tokens[at])
            at += 1
            continue
        number, at = str(found[0]), found[1]
        if tokens[at : at + 1] == ["point"]:
            decimals, after = "", at + 1
            while after < len(tokens) and _VALUE.get(tokens[after], 10) < 10:
                decimals, after = decimals + str(_VALUE[tokens[after]]), after + 1
            if decimals:
                number, at = f"{number}.{decimals}", after
        if out and out[-1] in {"minus", "negative"} and (len(out) == 1 or not out[-2][-1].isdecimal()):
            out[-1] = f"-{number}"
        else:
            out.append(number)
    return " ".join(out)


def english(number: int) -> str:
    """A whole number below 10^12 in British words: 105 → "one hundred and five"."""
    if number < 0:
        return "minus " + english(-number)
    if number < 20:
        return _SMALL[number]
    if number < 100:
        tens, unit = divmod(number, 10)
        return _TENS[tens - 2] + (f"-{_SMALL[unit]}" if unit else "")
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        return f"{_SMALL[hundreds]} hundred" + (f" and {english(rest)}" if rest else "")
    name, scale = next((n, s) for n, s in reversed(_SCALES.items()) if number >= s)
    high, rest = divmod(number, scale)
    joint = " and " if 0 < rest < 100 else " "
    return f"{english(high)} {name}" + (joint + english(rest) if rest else "")


def _english_spellings(number: int) -> tuple[str, ...]:
    plain = english(number).replace("-", " ")
    forms = [plain]
    if " and " in plain:
        forms.append(plain.replace(" and ", " "))
    forms += ["a" + form.removeprefix("one") for form in forms if form.startswith("one hundred")]
    return tuple(forms)


# ── Chinese ───────────────────────────────────────────────────────────────────────────────────────

_HAN = "零一二三四五六七八九"
_HAN_VALUE = {**{c: n for n, c in enumerate(_HAN)}, "〇": 0, "两": 2, "兩": 2}
_HAN_UNITS = {"十": 10, "百": 100, "千": 1000}
_HAN_SCALES = {"万": 10**4, "亿": 10**8}
_HAN_RUN = re.compile(r"负?[零〇一二三四五六七八九十百千万亿两兩]+(?:点[零〇一二三四五六七八九]+)?")
_NOT_A_NUMBER = re.compile(r"[点下些样起直共半切]")
"""After 一 these make another word: 一点 (a bit), 一下, 一些, 一样, 一起, 一直, 一共, 一半, 一切."""


def _han_cardinal(run: str) -> int | None:
    """The value of numerals with units (一百零五, 两千三, 一万二) or of digits (二零二六); None when malformed."""
    if all(c in _HAN_VALUE for c in run):
        return int("".join(str(_HAN_VALUE[c]) for c in run))
    total, section, digit, last = 0, 0, None, 0
    unit_limit, scale_limit = 10**4, 10**12
    for char in run:
        if char in _HAN_VALUE:
            if digit:
                return None
            digit, last = _HAN_VALUE[char], last if char not in "零〇" else 0
        elif char in _HAN_UNITS:
            unit = _HAN_UNITS[char]
            if unit >= unit_limit or (digit is None and unit != 10) or (digit == 0 and unit != 10):
                return None
            section += (digit or 1) * unit
            digit, last, unit_limit = None, unit, unit
        else:
            scale = _HAN_SCALES[char]
            section += digit or 0
            if scale >= scale_limit or section == 0:
                return None
            total += section * scale
            section, digit, last = 0, None, scale
            unit_limit, scale_limit = 10**4, scale
    # A last digit right after a unit counts the unit below: 两千三 is 2300, 一百二 is 120.
    tail = (digit or 0) * (last // 10 if last >= 100 else 1)
    return total + section + tail


def _han_digits(match: re.Match[str]) -> str:
    run = match.group()
    sign, body = ("-", run[1:]) if run.startswith("负") else ("", run)
    whole, _, decimals = body.partition("点")
    following = match.string[match.end() : match.end() + 1]
    kept = ""
    if whole.endswith("一") and not decimals and _NOT_A_NUMBER.match(following):
        whole, kept = whole[:-1], "一"
    value = _han_cardinal(whole) if whole else None
    if value is None:
        return run
    return f"{sign}{value}" + (f".{''.join(str(_HAN_VALUE[c]) for c in decimals)}" if decimals else "") + kept


def _chinese_section(number: int) -> str:
    """1–9999, without the leading 一 of 一十."""
    out, gap = "", False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // unit % 10
        if digit == 0:
            gap = bool(out)
            continue
        out += ("零" if gap else "") + _HAN[digit] + name
        gap = False
    return out


def chinese(number: int, *, counting: bool = False) -> str:
    """A whole number below 10^12: 105 → 一百零五. `counting`: before a measure word, where 2 is 两."""
    if number < 0:
        return "负" + chinese(-number, counting=counting)
    if number == 0:
        return "零"
    if counting and number == 2:
        return "两"
    out = ""
    for scale, name in ((10**8, "亿"), (10**4, "万"), (1, "")):
        section = number // scale % 10**4
        if section:
            out += ("零" if out and section < 1000 else "") + _chinese_section(section) + name
    return out.removeprefix("一") if out.startswith("一十") else out


# ── both ──────────────────────────────────────────────────────────────────────────────────────────


def digits(text: str, language: str) -> str:
    """`text` (lower-case, without sentence punctuation) with its spoken numbers in digits: 2, 2.5, -3."""
    text = re.sub(r"(?<=\d)[,，](?=\d{3}(?!\d))", "", text)
    return _HAN_RUN.sub(_han_digits, text) if language == "zh" else _english_digits(text)


def spellings(number: int, language: str) -> tuple[str, ...]:
    """Every way `number` (not negative) is said, in lower-case words; `digits` turns each back."""
    if language != "zh":
        return _english_spellings(number)
    return ("二", "两") if number == 2 else (chinese(number),)


def words(value: Fraction, language: str, *, places: int = 3) -> tuple[str, bool]:
    """`value` as one says it, rounded to `places` decimals, and whether that is exact.

    Whole numbers to 1,000 are in words, larger ones in digits: those a voice reads well and an eye better.
    """
    rounded = Fraction(round(value * 10**places), 10**places)
    sign, rounded_size = ("-" if rounded < 0 else ""), abs(rounded)
    whole, rest = divmod(rounded_size, 1)
    decimals = f"{int(rest * 10**places):0{places}d}".rstrip("0")
    if whole > 1000:
        text = f"{sign}{whole}" + (f".{decimals}" if decimals else "")
    elif language == "zh":
        text = (
            ("负" if sign else "")
            + chinese(whole)
            + ("点" if decimals else "")
            + "".join(_HAN[int(d)] for d in decimals)
        )
    else:
        text = ("minus " if sign else "") + english(whole) + (" point " if decimals else "")
        text += " ".join(_SMALL[int(d)] for d in decimals)
    return text, rounded == value
