"""Endpointing: how long a silence must last before the user's turn is over, judged by the words so far.

A fixed delay is always wrong: too long after «what time is it», too short after «set a timer for». The words say
which: a partial transcript that reads like a finished command or sentence needs a short silence, one that hangs in
the air («and», «the», «um», 因为, 然后) a long one, all others the time between. The rules are tables of patterns,
first match wins, so that a language is added by adding its table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from vivavoce.errors import ConfigError
from vivavoce.inference.ports import Language

Completeness = Literal["complete", "hanging", "open"]

PATIENCE: Final = (0.5, 3.0)
"""Bounds of the factor that a person, a device or an app may ask for."""


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """Silence in ms that ends a turn; all are scaled by the person's patience, and `max_ms` bounds the result."""

    min_ms: int = 300
    """After words that are complete, and where the recogniser gives no words before the end."""
    default_ms: int = 600
    hanging_ms: int = 1200
    max_ms: int = 2500

    def __post_init__(self) -> None:
        if not 0 < self.min_ms <= self.default_ms <= self.hanging_ms <= self.max_ms:
            raise ConfigError(
                "endpointing: 0 < min_ms ≤ default_ms ≤ hanging_ms ≤ max_ms does not hold for "
                f"{self.min_ms}, {self.default_ms}, {self.hanging_ms}, {self.max_ms}"
            )


def endpoint_delay(partial: str | None, language: Language, settings: EndpointSettings, patience: float = 1.0) -> int:
    """Silence in ms after which the turn is over.

    `partial` is the text so far, "" when no word is known yet, None when the recogniser tells nothing before
    the end (waiting longer would then make nobody wiser). A `patience` outside `PATIENCE` is brought inside.
    """
    low, high = PATIENCE
    factor = min(high, max(low, patience))
    if partial is None:
        base = settings.min_ms
    else:
        verdict = completeness(partial, language)
        if verdict == "complete":
            base = settings.min_ms
        elif verdict == "hanging":
            base = settings.hanging_ms
        else:
            base = settings.default_ms
    return min(settings.max_ms, round(base * factor))


def completeness(partial: str, language: Language) -> Completeness:
    """How the words so far read. A language without a table is judged by its punctuation alone."""
    text = partial.strip().casefold()
    if not text:
        return "open"
    if text.endswith(_TRAILING_OFF):
        return "hanging"
    bare = text.rstrip(_CLOSING)
    if len(bare) > _LOOKED_AT:
        # The end decides. The mark keeps patterns for whole sentences from matching the middle of one.
        bare = "… " + bare[-_LOOKED_AT:]
    if language.startswith("zh"):
        bare = re.sub(r"\s+", "", bare)  # some recognisers part the words
    for pattern, verdict in _RULES.get(language.split("-")[0].casefold(), ()):
        if pattern.search(bare):
            # A recogniser that punctuates knew the whole sentence; it outweighs a guess that more could come.
            return "complete" if verdict == "open" and _terminated(text) else verdict
    return "complete" if _terminated(text) else "open"


def _terminated(text: str) -> bool:
    return text.rstrip(_QUOTES).endswith(_TERMINAL)


_LOOKED_AT: Final = 200
_QUOTES: Final = "\"'”’»)）」』"
_TERMINAL: Final = (".", "!", "?", "。", "！", "？")
_TRAILING_OFF: Final = (",", "，", "、", ":", "：", "-", "–", "—", "...", "…")
_CLOSING: Final = _QUOTES + ".!?。！？ "


# ── the tables ────────────────────────────────────────────────────────────────────────────────────
# Patterns see folded text without its final punctuation. They are searched in order; the first that is found decides.

_Rule = tuple[re.Pattern[str], Completeness]


def _table(*rules: tuple[Completeness, str], **lists: str) -> tuple[_Rule, ...]:
    """Compile rules in which `<name>` stands for any entry of the comma-separated list of that name."""
    choices = {
        name: "(?:" + "|".join(sorted((entry.strip() for entry in text.split(",")), key=len, reverse=True)) + ")"
        for name, text in lists.items()
    }

    def compiled(pattern: str) -> re.Pattern[str]:
        for name, choice in choices.items():
            pattern = pattern.replace(f"<{name}>", choice)
        return re.compile(pattern)

    return tuple((compiled(pattern), verdict) for verdict, pattern in rules)


_ENGLISH: Final = _table(
    # «turn it on» ends in a preposition and is whole all the same.
    ("complete", r"^(?:please )?<particle_verb> (?:\S+ )+(?:on|off|up|down|in)$"),
    ("complete", r"^(?:please )?<particle_verb> (?:up|down)$"),
    ("complete", r"^<alone>(?: please)?$"),
    # «what is the weather like», but also «what is the best way for …»: nobody can know yet.
    ("open", r"^<question>(?: \S+){2,} (?:like|for|from|about|with|to|on|at)$"),
    ("hanging", r"(?:^|\s)<filler>$"),
    ("hanging", r"(?:^|\s)<conjunction>$"),
    ("hanging", r"(?:^|\s)<preposition>$"),
    ("hanging", r"(?:^|\s)<determiner>$"),
    ("hanging", r"(?:^|\s)<auxiliary>$"),
    ("hanging", r"^(?:please )?<opening>$"),
    # Digits are read out in groups («five five five …»), and a number for a timer still lacks its unit.
    ("hanging", r"(?:^|\s)<digit>(?: <digit>)+$"),
    ("hanging", r"\b(?:timer|alarm) for (?:<digit>|<number>)(?: (?:<digit>|<number>))*$"),
    ("complete", r"^<question>(?: \S+){3,}$"),
    ("complete", r"^<question>(?: \S+)* <question_end>$"),
    ("complete", r"^(?:please )?<asking> \S+(?: \S+)+ <question_end>$"),
    ("complete", r"(?:^|\s)<closing>$"),
    ("complete", r"\b(?:volume|sound|timer|alarm|reminder)\b.* <unit>$"),
    ("complete", r"^(?:volume|sound) (?:up|down|on|off)$"),
    ("complete", r"^(?:please )?<command> (?:the |my |all )?(?:\S+ )?<thing>$"),
    particle_verb="turn, switch, put, bring, set",
    alone="stop, cancel, yes, no, yeah, okay, ok, sure, right, thanks, thank you, thank you very much, help, repeat, "
    "again, louder, quieter, softer, hello, hi, hey, good morning, good evening, good night, goodbye, bye, mute, "
    "never mind, go on, continue, go ahead, that's all, that is all, that's it, how are you, who are you, what's up, "
    "stop it, be quiet, shut up, say that again, repeat that, say it again, what time is it, what day is it",
    question="what, what's, when, when's, where, where's, who, who's, why, how, how's, which, whose",
    asking="can you, could you, would you, will you, do you, did you, is it, is there, are there, are you, tell me",
    question_end="today, tomorrow, tonight, now, time, date, day, weather, name, it, this, that, there, here, left, "
    "you, joke, story, me",
    closing="please, today, tomorrow, tonight, right now, again, thanks, thank you, percent, o'clock, p m, a m, pm, am",
    unit="percent, seconds, second, minutes, minute, hours, hour, maximum, minimum, max, full, half, up, down, "
    "louder, quieter",
    command="stop, cancel, pause, start, mute, unmute, repeat, play, raise, lower, increase, decrease, delete, "
    "clear, what is, what's, show me, tell me, give me",
    thing="timer, timers, alarm, alarms, music, volume, sound, time, date, weather, news, joke, story, help, that, it",
    opening="i want, i need, i want you, i need you, i would like, i'd like, i think, i guess, can you, could you, "
    "would you, will you, do you, tell me, give me, show me, remind me, remember, let me, set, set a timer, "
    "set an alarm, set the volume, what, how, when, where, why, who, which, how much, how many, how long, what kind, "
    "what time, what day, what date, how much time, what can, where can, when can, how can, who can, remember that",
    filler="um, uh, er, erm, uhm, hmm, hm, well, you know, i mean, let me see, let me think, let's see, how do you say",
    conjunction="and, or, but, so, because, if, that's because, than, as, while, until, unless, although, though, "
    "whether, then, plus, minus, times, divided, divided by, multiplied by, and then, or else, either, neither, "
    "also, maybe, say that, so that, when, where, what, who, how",
    preposition="of, to, for, from, with, without, at, by, in, on, into, onto, about, between, through, under, over, "
    "near, per, since, during, after, before, against, toward, towards, behind, beside, beyond, except, like",
    determiner="a, an, the, my, your, our, their, his, its, every, each, another, some, any, which, whose, these, "
    "those",
    auxiliary="is, are, was, were, am, be, been, will, would, could, should, shall, might, must, does, i'm, i'll, "
    "i'd, i've, we're, we'll, you're, they're, he's, she's, let's, what's, it's, there's, gonna, going to, wanna, "
    "want, want to, have to, need to, i, we, they, he, she, did, has, had",
    digit="zero, oh, one, two, three, four, five, six, seven, eight, nine, \\d",
    number="ten, eleven, twelve, thirteen, fourteen, fifteen, sixteen, seventeen, eighteen, nineteen, twenty, "
    "thirty, forty, fifty, sixty, seventy, eighty, ninety, hundred, \\d+",
)

_CHINESE: Final = _table(
    ("complete", r"^(?:请)?<alone>$"),
    ("hanging", r"<filler>$"),
    ("hanging", r"<conjunction>$"),
    ("hanging", r"<particle>$"),
    ("hanging", r"^(?:请|麻烦)?<opening>$"),
    ("hanging", r"(?:[零一二两三四五六七八九幺]\s*){4,}$"),
    ("hanging", r"(?:定时|计时|闹钟|倒计时)\S{0,4}?[零一二两三四五六七八九十百\d]+$"),
    ("complete", r"<final>$"),
    ("complete", r"<question>"),
    ("complete", r"<unit>$"),
    ("complete", r"百分之[零一二两三四五六七八九十百\d]+$"),
    ("complete", r"(?:音量|声音|灯|音乐|定时|计时|闹钟)\S*<change>$"),
    ("complete", r"^(?:请|把|帮我)?<command><thing>$"),
    alone="停, 停下, 停止, 停一下, 好, 好的, 好了, 是, 是的, 对, 对的, 不, 不是, 不用, 不要, 不对, 没有, 有, 行, "
    "可以, 谢谢, 谢谢你, 再见, 拜拜, 你好, 您好, 早上好, 晚上好, 晚安, 帮助, 再说一遍, 重复, 重复一遍, 取消, 继续, "
    "大声点, 小声点, 别说了, 静音, 等等, 没事, 算了, 就这样",
    filler="呃, 嗯, 额, 唔, 那个, 这个, 就是, 就是说, 怎么说, 我想想, 让我想想",
    conjunction="和, 跟, 与, 及, 以及, 或, 或者, 还是, 还有, 然后, 但, 但是, 可是, 不过, 因为, 所以, 如果, 要是, "
    "虽然, 而且, 并且, 比如, 例如, 另外, 接着, 于是, 加上, 减去, 乘, 乘以, 除以, 加, 减, 只要, 除了, 当",
    particle="的, 地, 得, 把, 被, 给, 在, 从, 往, 向, 让, 是, 一个, 两个, 为, 为了, 关于, 对于, 每, 每个, 我, 你的, "
    "我的, 很, 最, 更, 非常, 第",
    opening="我想, 我要, 我想要, 我需要, 我觉得, 请, 请问, 帮我, 你能, 你可以, 能不能, 可不可以, 告诉我, 提醒我, "
    "记住, 记得, 设置, 设, 设定, 定, 调, 调到, 音量调到, 把音量调到, 播放, 什么, 怎么, 为什么, 多少",
    final="吗, 呢, 吧, 啊, 呀, 了, 么, 嘛, 啦, 哦",
    question="什么, 几点, 几号, 星期几, 周几, 礼拜几, 多少, 怎么, 怎样, 哪里, 哪儿, 哪个, 谁, 为什么, 多久, 多长, "
    "多大, 多远, 是不是, 有没有, 能不能",
    unit="分钟, 小时, 秒, 秒钟, 分, 点, 点钟, 点半, 度, 今天, 明天, 现在, 一下, 一遍",
    change="大, 小, 高, 低, 大一点, 小一点, 高一点, 低一点, 大点, 小点, 开, 关, 打开, 关闭, 关掉, 停, 最大, 最小",
    command="打开, 关闭, 关掉, 取消, 停止, 暂停, 播放, 开始, 调大, 调小, 调高, 调低, 提高, 降低, 增大, 减小, 查询, "
    "讲个, 讲一个, 说个",
    thing="音乐, 灯, 音量, 声音, 闹钟, 定时器, 计时器, 定时, 倒计时, 天气, 笑话, 故事, 新闻, 歌, 视频, 电视, 空调",
)

_RULES: Final[Mapping[Language, tuple[_Rule, ...]]] = {"en": _ENGLISH, "zh": _CHINESE}
