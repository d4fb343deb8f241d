"""Mouth shapes for phonemes: IPA in, the fifteen shapes that avatars commonly carry out. Pure.

The shapes are those of the Oculus lip-sync set, which VRM, Ready Player Me and most rigs can show: closed lips
(`PP`), lip on teeth (`FF`), tongue between (`TH`) and behind the teeth (`DD`), and so on; five vowels; and rest.
One table serves English and Mandarin: a sound looks alike in both.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, get_args

Viseme = Literal["sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "I", "O", "U"]
VISEMES: tuple[Viseme, ...] = get_args(Viseme)

_SOUNDS: dict[Viseme, str] = {
    "PP": "p b m ɓ",
    "FF": "f v ʋ ɱ",
    "TH": "θ ð",
    "DD": "t d ɾ ʈ ɖ",
    "kk": "k ɡ g x χ ɣ h ħ ɦ ç q",
    "CH": "tʃ dʒ ʃ ʒ tɕ dʑ ɕ ʑ ʂ ʐ tʂ dʐ ts. s. z.",
    "SS": "s z ts dz",
    "nn": "n l ɫ ɬ ŋ ɲ ɳ ʎ nɡ ng",
    "RR": "ɹ r ɻ ʁ ɚ ɝ",
    "aa": "a ɑ ɐ æ ʌ",
    "E": "e ɛ ə ɜ ɘ ɤ",
    "I": "i ɪ ɨ j ɿ ʅ",
    "O": "o ɔ ɒ ɵ ø œ",
    "U": "u ʊ ʉ ɯ w ʍ y ʏ ɥ ü",
}
_TABLE: dict[str, Viseme] = {sound: shape for shape, sounds in _SOUNDS.items() for sound in sounds.split()}
_LONGEST = max(map(len, _TABLE))


@lru_cache(maxsize=1024)
def visemes(phoneme: str) -> tuple[Viseme, ...]:
    """The shapes that the mouth takes for one IPA phoneme, in order, without repeats; `("sil",)` for a pause.

    A diphthong or a Mandarin final has several ("oʊ" is O, U). Stress, length, tone and tie marks have no shape
    of their own, nor has the breath behind a plosive ("th" of Mandarin is an aspirated t); a sound that is not in
    the table keeps the mouth as it is and gives none.
    """
    if not phoneme.strip("_: "):
        return ("sil",)
    shapes: list[Viseme] = []
    sounds = phoneme.replace("\u0361", "")
    if len(sounds) > 1:
        sounds = sounds.removesuffix("h")
    at = 0
    while at < len(sounds):
        for length in range(min(_LONGEST, len(sounds) - at), 0, -1):
            shape = _TABLE.get(sounds[at : at + length])
            if shape is not None:
                if not shapes or shapes[-1] != shape:
                    shapes.append(shape)
                break
        else:
            length = 1
        at += length
    return tuple(shapes)
