"""What a process of ours must not leave behind."""

from __future__ import annotations


def no_core_dumps() -> None:
    """A crash writes no memory to a disk: there are words, tokens and keys in it. Children inherit it.

    The limit is one byte, not none: Linux ignores the limit for programs that collect dumps, but for this value.
    """
    try:
        import resource
    except ImportError:  # Windows writes none unless it is told to
        return
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    least = 1 if hard == resource.RLIM_INFINITY or hard >= 1 else 0
    resource.setrlimit(resource.RLIMIT_CORE, (least, least))
