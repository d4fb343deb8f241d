"""What both protocols tell a client until its session is there: its place in the queue, then `prepared`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from vivavoce.conversation.outputs import Prepared, Queued, QueueDone, RecordingChanged
from vivavoce.wire import base, duplex

Say = Callable[[Any], base.Message]
"""From an output of one type to its message."""

QUEUE: Final[dict[type, Say]] = {
    Queued: lambda o: (base.QueueUpdate if o.update else base.Queued)(
        o.ticket, o.position, o.length, o.eta_s, o.eta_range_s
    ),
    QueueDone: lambda o: base.QueueDone(o.waited_ms),
    RecordingChanged: lambda o: duplex.Recording(o.state, o.reason or None),
}


def prepared(
    output: Prepared, heard: duplex.AudioFormat, spoken: duplex.AudioFormat, message_bytes: int
) -> duplex.Prepared:
    """The message; `heard` and `spoken` are the formats agreed on this connection."""
    return duplex.Prepared(
        session_id=output.session_id,
        resume=output.resume,
        processor=output.processor,
        input=heard,
        output=spoken,
        languages=duplex.Languages(output.heard, output.spoken),
        limits={**output.limits, "message_bytes": message_bytes},
        sends_to=output.sends_to,
        retention=duplex.Retention(output.transcript_days, output.recording_days, output.recording),
        resumed=output.resumed,
        conversation=output.conversation or None,
    )
