"""Is it an interruption? Somebody makes a sound while a reply is held: what is to become of the reply.

The decision is a port with one verb, so that a model can take the place of these rules. The rules ask, in order:
is it the reply itself coming back from the loudspeaker; is it a word that stops; is it only listening noise («mhm»);
are there words of one's own; and, when no word is known, has it lasted so long that somebody must be talking.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from vivavoce.inference.ports import Language

Verdict = Literal["cancel", "resume", "wait"]
"""`cancel` the reply, `resume` it where it was held, or `wait` for more evidence."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known now about a sound that was made over a reply."""

    words: str
    """The transcript so far; empty while nothing was recognised."""
    speech_ms: int
    """How long the speech has lasted, from its onset to its end or to now."""
    ended: bool
    """The person has gone silent."""
    silence_ms: int
    """Since when; 0 while not `ended`."""
    reply_text: str
    """What the reply is saying about now, to know its echo by."""
    language: Language


class InterruptionJudge(Protocol):
    def judge(self, evidence: Evidence) -> Verdict:
        """Decide by the evidence so far; asked again whenever there is more of it. Never blocks."""
        ...


@dataclass(frozen=True, slots=True)
class InterruptionSettings:
    """The bounds of the rules."""

    words: int = 2
    """So many words of one's own are an interruption, however short."""
    speech_ms: int = 700
    """One such word that lasts (or drags on) for this long is one too: no «mhm» takes so long."""
    wordless_ms: int = 900
    """Somebody who still talks after this is talking, though nothing is understood."""
    unfinished_ms: int = 400
    """Words that begin a backchannel («I», of «I see») are given so much silence for their end to be recognised."""
    echo: float = 0.6
    """From this share of words that the reply has just said, it is the reply's echo."""


class RuleJudge:
    """The offline default."""

    def __init__(self, settings: InterruptionSettings | None = None) -> None:
        self._settings = settings or InterruptionSettings()

    def judge(self, evidence: Evidence) -> Verdict:
        words = tokens(evidence.words)
        if not words:
            return self._wordless(evidence)
        lexicon = _LEXICA.get(evidence.language.split("-")[0].casefold(), _ENGLISH)
        if self._is_echo(words, evidence.reply_text):
            return "resume"
        if lexicon.stops(words):
            return "cancel"
        content = lexicon.content(words)
        if content and self._may_finish(evidence) and not lexicon.content(lexicon.without_begun(words)):
            return "wait"
        if not content:
            return "resume" if evidence.ended else "wait"
        if len(content) >= self._settings.words or evidence.speech_ms >= self._settings.speech_ms:
            return "cancel"
        # One short word of one's own («Tuesday»): while it lasts more may come; said and done, it was meant.
        return "cancel" if evidence.ended else "wait"

    def _may_finish(self, evidence: Evidence) -> bool:
        """Whether more words of what was said may still be on their way from the recogniser."""
        if evidence.ended:
            return evidence.silence_ms < self._settings.unfinished_ms
        return evidence.speech_ms < self._settings.wordless_ms

    def _wordless(self, evidence: Evidence) -> Verdict:
        if evidence.ended:
            return "resume"
        return "cancel" if evidence.speech_ms >= self._settings.wordless_ms else "wait"

    def _is_echo(self, words: list[str], reply: str) -> bool:
        said = set(tokens(reply))
        # One common word proves nothing: «stop» in a reply must not make everybody's «stop» an echo.
        if len(words) < 2 or not said:
            return False
        return sum(word in said for word in words) >= self._settings.echo * len(words)


def tokens(text: str) -> list[str]:
    """The words of `text`, folded; each 汉字 is one."""
    return _TOKEN.findall(text.casefold().replace("’", "'"))


_HAN: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN: Final = re.compile(rf"[{_HAN}]|[^\W_{_HAN}]+(?:['-][^\W_{_HAN}]+)*")


# ── the tables ────────────────────────────────────────────────────────────────────────────────────


class _Lexicon:
    """Phrases of one language, as sequences of tokens."""

    def __init__(self, *, backchannels: str, stops: str, fillers: str) -> None:
        self._backchannels = _phrases(backchannels)
        self._stops = _phrases(stops)
        self._fillers = _phrases(fillers)

    def stops(self, words: list[str]) -> bool:
        """A stop phrase opens what was said, whatever listening noise or filler comes before it."""
        at = 0
        while at < len(words):
            if _match(self._stops, words, at):
                return True
            skip = _match(self._backchannels, words, at) or _match(self._fillers, words, at)
            if not skip:
                return False
            at += skip
        return False

    def content(self, words: list[str]) -> list[str]:
        """`words` without backchannels and fillers."""
        left: list[str] = []
        at = 0
        while at < len(words):
            skip = _match(self._backchannels, words, at) or _match(self._fillers, words, at)
            if not skip:
                left.append(words[at])
            at += skip or 1
        return left

    def without_begun(self, words: list[str]) -> list[str]:
        """`words` without the beginning of a backchannel that they end in."""
        for at in range(len(words)):
            rest = tuple(words[at:])
            if any(phrase[: len(rest)] == rest and phrase != rest for phrase in self._backchannels.get(rest[0], ())):
                return words[:at]
        return words


_Phrases = dict[str, list[tuple[str, ...]]]
"""By first token, longest first."""


def _phrases(text: str) -> _Phrases:
    found: _Phrases = {}
    for entry in text.split(","):
        phrase = tuple(tokens(entry))
        found.setdefault(phrase[0], []).append(phrase)
    for phrases in found.values():
        phrases.sort(key=len, reverse=True)
    return found


def _match(phrases: _Phrases, words: list[str], at: int) -> int:
    """Tokens of the longest phrase that begins at `at`; 0 for none."""
    for phrase in phrases.get(words[at], ()):
        if tuple(words[at : at + len(phrase)]) == phrase:
            return len(phrase)
    return 0


_ENGLISH: Final = _Lexicon(
    backchannels="mhm, mm-hmm, mm hmm, mmhmm, mm, mmm, hm, hmm, uh-huh, uh huh, huh, aha, ah, oh, ooh, wow, yeah, "
    "yep, yup, yes, okay, ok, k, right, alright, all right, sure, fine, good, great, nice, cool, i see, got it, "
    "i know, of course, exactly, indeed, true, really, interesting, oh really, oh nice, makes sense, "
    "that makes sense, go on, keep going, thanks, thank you, ha, haha, hahaha, heh, ahem",
    stops="stop, wait, no, nope, hold on, hang on, hold it, enough, that's enough, be quiet, quiet, shut up, cancel, "
    "pause, never mind, forget it, excuse me, sorry, not that, hey, silence, one moment, just a moment, one second",
    fillers="um, uh, er, erm, uhm, well, so, please, the, a",
)

_CHINESE: Final = _Lexicon(
    backchannels="嗯, 嗯嗯, 嗯哼, 唔, 哦, 噢, 喔, 啊, 呀, 哇, 哈, 哈哈, 哈哈哈, 呵呵, 对, 对的, 对对, 是, 是的, "
    "是啊, 好, 好的, 好吧, 好啊, 行, 行吧, 可以, 没错, 明白, 明白了, 知道, 知道了, 我知道了, 懂了, 了解, 原来如此, "
    "这样啊, 是吗, 真的, 真的吗, 不错, 有道理, 继续, 继续说, 接着说, 谢谢, 当然",
    stops="停, 停下, 停一下, 停止, 等等, 等一下, 等一等, 等下, 别说了, 不要说了, 别说, 闭嘴, 安静, 够了, 好了, 行了, "
    "不, 不对, 不是, 不用了, 不要, 取消, 暂停, 算了, 打断一下, 不好意思, 慢着, 且慢",
    fillers="呃, 额, 那个, 这个, 就是, 请, 吧, 呢, 啦, 嘛",
)

_LEXICA: Final[Mapping[Language, _Lexicon]] = {"en": _ENGLISH, "zh": _CHINESE}
