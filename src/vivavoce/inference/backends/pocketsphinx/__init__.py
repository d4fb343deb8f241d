"""Offline recognition with pocketsphinx and the US English model of its wheel.

Three passes over a stretch of sound: the skills' grammar, a loop over all phones, and free speech. A grammar alone
forces whatever is said into a command; how the three agree (`evidence`) tells whether it was one (`rejection`). The
decoders live in processes of their own (`worker`, `crew`), because the library holds the interpreter's lock.
"""

from vivavoce.inference.backends.pocketsphinx.recognizer import PocketsphinxRecognizer

__all__ = ["PocketsphinxRecognizer"]
