"""`prepared`: what both protocols tell a client when its session is there."""

from __future__ import annotations

from vivavoce.conversation.outputs import Prepared
from vivavoce.wire import duplex


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
        # Conversations live in memory for as long as their session; nothing is stored yet.
        retention=duplex.Retention(transcript_days=0, recording_days=0),
        resumed=output.resumed,
    )
