"""Every error a peer may see, and the number its socket is closed with. The one list; docs and console follow it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

ErrorCode = Literal[
    # the socket stays open
    "bad_input",
    "bad_json",
    "bad_audio",
    "unknown_type",
    "wrong_order",
    "too_fast",
    "tool_failed",
    "asr_failed",
    "llm_failed",
    "tts_failed",
    "worker_lost",
    "reply_limit",
    "utterance_limit",
    # an ordinary end
    "stopped",
    "idle",
    "session_limit",
    "page_left",
    "device_moved",
    # not allowed
    "ticket_invalid",
    "token_revoked",
    "forbidden",
    "app_disabled",
    "session_in_use",
    "replaced",
    "first_message_timeout",
    "slow_client",
    "codec_unsupported",
    "too_many_errors",
    # too large
    "message_too_large",
    # our fault
    "internal",
    "out_of_memory",
    "model_invalid",
    # elsewhere, later
    "restarting",
    "queue_full",
    "overloaded",
    "storage_unavailable",
    "draining",
]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code stands for: the close number (None: the socket stays open) and what the client should do."""

    close: int | None
    advice: str


_SHOW = "show it, go on"
_RESTART = "offer a new start"
_LEAVE = "nothing"
_DENIED = "do not retry with the same ticket"
_LESS = "send less"
_AGAIN = "retry once after 1–3 s with `resume`"
_ELSEWHERE = "resume elsewhere after 0.2–2 s, random"
_LATER = "retry after `retry_after_s`, doubling to 60 s with jitter"


def _group(close: int | None, advice: str, *codes: ErrorCode) -> dict[ErrorCode, Meaning]:
    return dict.fromkeys(codes, Meaning(close, advice))


ERRORS: Final[dict[ErrorCode, Meaning]] = {
    **_group(None, _SHOW, "bad_input", "bad_json", "bad_audio", "unknown_type", "wrong_order", "too_fast"),
    **_group(None, _SHOW, "tool_failed", "asr_failed", "llm_failed", "tts_failed", "worker_lost"),
    **_group(None, _SHOW, "reply_limit", "utterance_limit"),
    **_group(1000, _RESTART, "stopped", "idle", "session_limit"),
    **_group(1001, _LEAVE, "page_left", "device_moved"),
    **_group(1008, _DENIED, "ticket_invalid", "token_revoked", "forbidden", "app_disabled", "session_in_use"),
    **_group(1008, _DENIED, "replaced", "first_message_timeout", "slow_client", "codec_unsupported", "too_many_errors"),
    **_group(1009, _LESS, "message_too_large"),
    **_group(1011, _AGAIN, "internal", "out_of_memory", "model_invalid"),
    **_group(1012, _ELSEWHERE, "restarting"),
    **_group(1013, _LATER, "queue_full", "overloaded", "storage_unavailable", "draining"),
}

CLOSE_NAMES: Final[dict[int, str]] = {
    1000: "normal",
    1001: "gone",
    1008: "not allowed",
    1009: "too large",
    1011: "our fault",
    1012: "restarting",
    1013: "try later",
}


def known(code: str) -> ErrorCode:
    """`code` when it is on the list, else `internal`: nothing unlisted reaches a peer."""
    return code if code in ERRORS else "internal"


def close_code(code: str) -> int | None:
    """The number a socket closes with after this error, or None when it stays open."""
    return ERRORS[known(code)].close
