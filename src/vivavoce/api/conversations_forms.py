"""Forms of what is shown of conversations. Fields with words are null where they are not for whoever asks."""

from __future__ import annotations

import base64
from typing import Literal

from pydantic import Field

from vivavoce.api.models import Body, Time, View
from vivavoce.archive.conversations_sound import PEAK_MS, Peaks
from vivavoce.archive.conversations_views import Detail, Summary
from vivavoce.archive.inspector import Side
from vivavoce.archive.shares import LONGEST_DAYS


class MatchView(View):
    """A turn that was found, cut around the words."""

    reply: int
    started_at: Time
    said: str | None
    heard: str | None


class ConversationView(View):
    """A conversation in a list."""

    id: str
    owner_id: str
    owner_name: str | None = Field(description="Where others' are shown.")
    app_id: str
    app_version: int
    channel: str
    kind: str = Field(examples=["duplex"])
    language: str
    state: str = Field(description="`open` while it goes on.")
    title: str | None = Field(description="The first words.")
    turns: int
    cuts: int = Field(description="Replies that were cut.")
    response_ms: int | None = Field(description="Median from the end of speech to the first sound.")
    started_at: Time
    last_at: Time
    ended_at: Time | None
    end_reason: str
    recorded: bool
    matches: list[MatchView] = Field(description="In a search: the newest turns that match, at most three.")


class ConversationPage(View):
    """A piece of the list. `search` is `off` where words are sealed at rest: then `q` is refused (`search_off`)."""

    items: list[ConversationView]
    next: str | None = Field(description="`cursor` of the next page; null at the end.")
    search: Literal["on", "off"]


class SoundView(View):
    """A recording: user left, reply right."""

    id: str
    state: str = Field(description="`ready` can be heard; `pending` will; `gone` was kept once.")
    from_ms: int = Field(description="Where it begins on the conversation's clock.")
    duration_ms: int
    size: int
    expires_at: Time


class ShareView(View):
    """A link that was given out."""

    id: str
    created_at: Time
    expires_at: Time
    revoked_at: Time | None
    views: int


class NewShare(Body):
    """How long a link is valid; without `days` as the settings say."""

    days: int | None = Field(default=None, ge=1, le=LONGEST_DAYS)


class MadeShare(ShareView):
    """A new link: the only answer that holds its secret."""

    secret: str
    path: str = Field(description="On this server; the secret stands behind the `#`, where no server sees it.")


class ConversationDetail(ConversationView):
    """One conversation."""

    words: bool = Field(description="Words are shown.")
    recordings: list[SoundView]
    shares: list[ShareView] = Field(description="Empty for everybody but its owner.")


class StageView(View):
    """A stage of a turn; `start` and `end` in ms from the end of speech."""

    name: str = Field(examples=["asr"])
    start: int
    end: int
    backend: str
    input: str = Field(description="What went in: `sound`, `said` or `reply`.")
    output: str
    error: str


class WordView(View):
    """A word of a reply; `from_ms` on the conversation's clock, `start` its first character in `heard` + `unheard`."""

    text: str
    start: int
    from_ms: int
    heard: bool


class TurnForm(View):
    """A turn that is over. Positions in ms on the conversation's clock, which its recordings share."""

    reply: int
    state: str
    reason: str
    language: str
    typed: bool
    said: str | None
    heard: str | None
    unheard: str | None = Field(description="Of the reply, what was made and never played.")
    started_at: Time
    said_from_ms: int | None
    said_to_ms: int | None
    heard_from_ms: int | None
    heard_to_ms: int | None
    response_ms: int | None
    queue_ms: int | None
    stages: list[StageView]
    words: list[WordView] | None
    errors: list[str]
    tokens: dict[str, int]
    confidence: float | None


class StepView(View):
    """A stage with what it got and gave; null where that is sound, or not for whoever asks."""

    name: str
    start: int
    end: int
    backend: str
    input: str | None
    output: str | None
    input_kind: str
    output_kind: str
    error: str


class ClipView(View):
    """A piece of a recording's file."""

    side: Side
    recording: str
    from_ms: int
    to_ms: int


class InspectionView(View):
    """One turn, opened."""

    turn: TurnForm
    steps: list[StepView]
    clips: list[ClipView]


class PeaksView(View):
    """What a waveform is drawn from: `channels` unsigned bytes (user, reply) each `step_ms`, in base64."""

    recording: str
    from_ms: int
    duration_ms: int
    step_ms: int
    channels: int
    data: str


class ReceiptView(View):
    """What was removed. The bytes of recordings leave the store within 24 hours."""

    conversations: int
    turns: int
    recordings: int
    recording_bytes: int
    shares: int


def conversation_view(summary: Summary) -> ConversationView:
    return ConversationView.model_validate(summary)


def detail_view(detail: Detail) -> ConversationDetail:
    return ConversationDetail(
        **{name: getattr(detail.summary, name) for name in ConversationView.model_fields if name != "matches"},
        matches=[],
        words=detail.words,
        recordings=[SoundView.model_validate(one) for one in detail.sounds],
        shares=[ShareView.model_validate(one) for one in detail.shares],
    )


def peaks_view(peaks: Peaks) -> PeaksView:
    return PeaksView(
        recording=peaks.recording,
        from_ms=peaks.from_ms,
        duration_ms=peaks.duration_ms,
        step_ms=PEAK_MS,
        channels=2,
        data=base64.b64encode(peaks.data).decode(),
    )
