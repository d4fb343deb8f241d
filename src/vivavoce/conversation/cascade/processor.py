"""The cascade as a processor: the parts, shared by all sessions, and the views opened on them."""

from __future__ import annotations

from vivavoce.conversation.cascade.duplex import DuplexCascade
from vivavoce.conversation.cascade.parts import Parts
from vivavoce.conversation.cascade.streaming import StreamingCascade
from vivavoce.conversation.views import Conversation, Emit, ProcessorInfo, SessionSpec, View

__all__ = ["CascadeProcessor", "Parts"]


class CascadeProcessor:
    """Stateless but for its parts; any number of views may be open."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @property
    def info(self) -> ProcessorInfo:
        """What it hears and speaks, and the hosts that speech is sent to."""
        return self._parts.info()

    def open(self, spec: SessionSpec, conversation: Conversation, emit: Emit) -> View:
        if spec.kind == "duplex":
            return DuplexCascade(self._parts, spec, conversation, emit)
        return StreamingCascade(self._parts, spec, conversation, emit)
