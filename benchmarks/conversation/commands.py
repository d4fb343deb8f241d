"""Spoken commands and false ones: `script/bench commands`, as one of the measurements here."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from benchmarks.conversation.result import Options, Result


def measure(options: Options) -> Result:
    """See benchmarks/commands. In a process of its own: it loads an espeak-ng, of which a process can have only one."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measure, options).result()


def _measure(options: Options) -> Result:
    from benchmarks.commands.accuracy import measure as accuracy

    return accuracy(options)
