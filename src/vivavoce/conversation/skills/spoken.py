"""Times, dates and durations as one says them, in English and Chinese."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from vivavoce.conversation.skills.numbers import chinese, english

_WEEKDAYS = {
    "en": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    "zh": [f"星期{day}" for day in "一二三四五六日"],
}
_MONTH_NAMES = "January February March April May June July August September October November December"
_MONTHS = _MONTH_NAMES.split()
_DAYS = {
    "en": {-1: "Yesterday", 0: "Today", 1: "Tomorrow", 2: "The day after tomorrow"},
    "zh": {-1: "昨天", 0: "今天", 1: "明天", 2: "后天"},
}


def time(moment: datetime, language: str) -> str:
    """ "twenty-five past three", "nine minutes to four"; 下午三点零五分."""
    return _chinese_time(moment) if language == "zh" else _english_time(moment)


def _english_time(moment: datetime) -> str:
    hour, minute = moment.hour, moment.minute
    if minute > 30:
        hour, minute, side = hour + 1, 60 - minute, "to"
    else:
        side = "past"
    name = english((hour - 1) % 12 + 1)
    if minute == 0:
        return f"{name} o'clock"
    if minute == 15:
        return f"a quarter {side} {name}"
    if minute == 30:
        return f"half past {name}"
    unit = "" if minute % 5 == 0 else " minute" if minute == 1 else " minutes"
    return f"{english(minute)}{unit} {side} {name}"


def _chinese_time(moment: datetime) -> str:
    hour, minute = moment.hour, moment.minute
    part = next(
        name
        for end, name in ((5, "凌晨"), (8, "早上"), (12, "上午"), (13, "中午"), (18, "下午"), (24, "晚上"))
        if hour < end
    )
    text = f"{part}{chinese((hour - 1) % 12 + 1 if hour else 0, counting=True)}点"
    if minute == 0:
        return text + "整"
    if minute == 30:
        return text + "半"
    return text + ("零" if minute < 10 else "") + chinese(minute) + "分"


def weekday(day: date, language: str) -> str:
    """ "Thursday"; 星期四."""
    return _WEEKDAYS[language][day.weekday()]


def month(day: date, language: str) -> str:
    """ "November"; 十一月."""
    return f"{chinese(day.month)}月" if language == "zh" else _MONTHS[day.month - 1]


def year(day: date, language: str) -> str:
    """ "2026", which voices read well; 二零二六, digit by digit."""
    return "".join(chinese(int(digit)) for digit in str(day.year)) if language == "zh" else str(day.year)


def ordinal(number: int) -> str:
    """ "26th": every voice reads it as "twenty-sixth", and a page shows it well."""
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def day_name(offset: int, language: str) -> str:
    """ "Tomorrow" for 1; known from -1 to 2."""
    return _DAYS[language][offset]


def joined(parts: Sequence[str], language: str) -> str:
    """A list as one says it: "a, b and c"; a、b和c."""
    comma, last = ("、", "和") if language == "zh" else (", ", " and ")
    return last.join([comma.join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def duration(seconds: int, language: str) -> str:
    """ "one hour and thirty minutes"; 一小时三十分钟. Every part that is not zero is said."""
    hours, rest = divmod(max(0, seconds), 3600)
    counts = (hours, rest // 60, rest % 60)
    if language == "zh":
        units = ("小时", "分钟", "秒")
        parts = [f"{chinese(n, counting=True)}{unit}" for n, unit in zip(counts, units, strict=True) if n]
        return "".join(parts) or "零秒"
    names = ("hour", "minute", "second")
    parts = [f"{english(n)} {name}{'s' if n != 1 else ''}" for n, name in zip(counts, names, strict=True) if n]
    return joined(parts, language) or "no time"
