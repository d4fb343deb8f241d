"""The voices of espeak-ng that are offered, one line each, and which of them speaks a text."""

from __future__ import annotations

from typing import NamedTuple

from vivavoce.inference.ports import SpeechRequest
from vivavoce.inference.translate import final
from vivavoce.inference.words import has_chinese


class EspeakVoice(NamedTuple):
    id: str
    language: str
    name: str
    identifier: str
    """Espeak's own name; `+f3` is a variant."""
    volume: int
    """Percent at which running speech is at most -21 dBFS (RMS) and peaks stay below -1.2 dBFS, measured voice by
    voice; at 100 some clip. Espeak's scale is not linear near its top."""


VOICES = (
    EspeakVoice("en-us", "en", "English (US)", "gmw/en-US", 80),
    EspeakVoice("en-us-f", "en", "English (US), high", "gmw/en-US+f3", 77),
    EspeakVoice("en-gb", "en", "English (UK)", "gmw/en", 80),
    EspeakVoice("en-gb-f", "en", "English (UK), high", "gmw/en+f2", 75),
    EspeakVoice("en-gb-rp", "en", "English (Received Pronunciation)", "gmw/en-GB-x-rp", 76),
    EspeakVoice("en-gb-scotland", "en", "English (Scotland)", "gmw/en-GB-scotland", 70),
    EspeakVoice("cmn", "zh", "普通话", "sit/cmn", 60),
    EspeakVoice("cmn-f", "zh", "普通话（高音）", "sit/cmn+f3", 66),
    EspeakVoice("ar", "ar", "العربية", "sem/ar", 80),
    EspeakVoice("bg", "bg", "Български", "zls/bg", 78),
    EspeakVoice("ca", "ca", "Català", "roa/ca", 74),
    EspeakVoice("cs", "cs", "Čeština", "zlw/cs", 80),
    EspeakVoice("da", "da", "Dansk", "gmq/da", 78),
    EspeakVoice("de", "de", "Deutsch", "gmw/de", 82),
    EspeakVoice("el", "el", "Ελληνικά", "grk/el", 74),
    EspeakVoice("es", "es", "Español (España)", "roa/es", 72),
    EspeakVoice("es-419", "es", "Español (Latinoamérica)", "roa/es-419", 78),
    EspeakVoice("fi", "fi", "Suomi", "urj/fi", 76),
    EspeakVoice("fr", "fr", "Français", "roa/fr", 90),
    EspeakVoice("hi", "hi", "हिन्दी", "inc/hi", 68),
    EspeakVoice("hr", "hr", "Hrvatski", "zls/hr", 78),
    EspeakVoice("hu", "hu", "Magyar", "urj/hu", 82),
    EspeakVoice("id", "id", "Bahasa Indonesia", "poz/id", 82),
    EspeakVoice("it", "it", "Italiano", "roa/it", 80),
    EspeakVoice("ko", "ko", "한국어", "ko", 72),
    EspeakVoice("nb", "nb", "Norsk bokmål", "gmq/nb", 70),
    EspeakVoice("nl", "nl", "Nederlands", "gmw/nl", 86),
    EspeakVoice("pl", "pl", "Polski", "zlw/pl", 86),
    EspeakVoice("pt", "pt", "Português (Portugal)", "roa/pt", 78),
    EspeakVoice("pt-br", "pt", "Português (Brasil)", "roa/pt-BR", 80),
    EspeakVoice("ro", "ro", "Română", "roa/ro", 76),
    EspeakVoice("ru", "ru", "Русский", "zle/ru", 84),
    EspeakVoice("sk", "sk", "Slovenčina", "zlw/sk", 80),
    EspeakVoice("sv", "sv", "Svenska", "gmq/sv", 76),
    EspeakVoice("tr", "tr", "Türkçe", "trk/tr", 76),
    EspeakVoice("uk", "uk", "Українська", "zle/uk", 70),
    EspeakVoice("vi", "vi", "Tiếng Việt", "aav/vi", 68),
)
"""Left out: languages that espeak reads badly as they are usually written (Japanese, Hebrew, Persian, Thai)."""


def voice_for(request: SpeechRequest) -> EspeakVoice:
    """The voice asked for, else the first of the language; Chinese text always gets a Mandarin one.

    A name of another synthesizer's voice is no error: this one may stand in for it. Raises BackendError.
    """
    language = request.language.split("-")[0].lower()
    voice = next((voice for voice in VOICES if voice.id == request.voice), None)
    if voice is not None:
        language = voice.language
    # Other voices would read each character as "Chinese letter"; the Mandarin one reads English well, too.
    if language != "ko" and has_chinese(request.text):
        language = "zh"
    if voice is None or voice.language != language:
        voice = next((voice for voice in VOICES if voice.language == language), None)
    if voice is None:
        raise final(f"no espeak voice here speaks {language!r}", "tts_failed")
    return voice
