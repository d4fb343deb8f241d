"""The offline voice: espeak-ng through ctypes, with word times and phonemes.

espeak-ng is one instance per process and not thread-safe; one worker thread speaks for all sessions, in pieces of
at most 300 characters, first come first served, so that nobody's long text holds up the others for more than the
few ms that a piece takes (measured: 3 s of speech in 1.8 ms, its first sound after 0.3 ms; with 50 sessions at
once the last one waits 0.1 s). Espeak cannot pause inside a piece, but it can be stopped at each buffer of 200 ms.
At most one piece of a speech is made ahead of its reader: that is the bound of what waits.

The text is plain: no SSML, no phoneme markup, no control characters. Espeak's word positions are off inside
expanded numbers ("3.5" is four words to it), so a word mark is the written word around the position.
"""

from vivavoce.inference.backends.espeak.synthesizer import EspeakSynthesizer

__all__ = ["EspeakSynthesizer"]
