"""What the server answers, as types. Unknown fields are passed over: an older client can talk with a newer server."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct, field

Moment = datetime
"""Aware, UTC."""
Mode = Literal["turns", "hands_free", "camera"]


class User(Struct, frozen=True, kw_only=True):
    """`version` is what a change has to name."""

    id: str
    name: str
    display_name: str
    role: str
    disabled: bool
    has_password: bool
    recording: bool | None
    version: int
    created_at: Moment
    updated_at: Moment


class SignedIn(Struct, frozen=True, kw_only=True):
    access_token: str
    expires_in_s: int
    user: User


class Me(Struct, frozen=True, kw_only=True):
    user: User | None
    name: str
    role: str
    via: str
    permissions: list[str]


class SignIn(Struct, frozen=True, kw_only=True):
    id: str
    how: str
    created_at: Moment
    last_used_at: Moment
    expires_at: Moment
    address: str
    agent: str
    current: bool


class Token(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    hint: str
    role: str
    scopes: list[str]
    created_at: Moment
    expires_at: Moment
    last_used_at: Moment | None


class NewToken(Token, frozen=True, kw_only=True):
    """`token` is shown this once."""

    token: str


class Link(Struct, frozen=True, kw_only=True):
    link: str
    expires_at: Moment


class AppSummary(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    language: str | None
    modes: list[Mode]
    enabled: bool
    version: int
    built_in: bool
    updated_at: Moment


class App(AppSummary, frozen=True, kw_only=True):
    """`prompt`, `tools` and `model` are None for whoever may not change it."""

    prompt: str | None
    voice: str | None
    patience: float
    tools: list[str] | None
    model: str | None


class AppBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an app is made of; see the server's docs for the bounds."""

    name: str
    prompt: str = ""
    voice: str | None = None
    language: str | None = None
    patience: float = 1.0
    tools: list[str] | None = None
    model: str | None = None
    modes: list[Mode] = field(default_factory=lambda: ["turns", "hands_free", "camera"])


class AppVersion(Struct, frozen=True, kw_only=True):
    version: int
    body: AppBody
    created_at: Moment
    created_by: str


class Session(Struct, frozen=True, kw_only=True):
    owner: str
    owner_name: str
    id: str
    conversation: str
    gateway: str
    kind: str
    app: str
    language: str
    channel: str
    turns: int
    started_at: Moment
    seen_at: Moment


class Match(Struct, frozen=True, kw_only=True):
    reply: int
    started_at: Moment
    said: str | None
    heard: str | None


class Conversation(Struct, frozen=True, kw_only=True):
    """Words (`title`, `matches`) are None where they are not for whoever asks."""

    id: str
    owner_id: str
    owner_name: str | None
    app_id: str
    app_version: int
    channel: str
    kind: str
    language: str
    state: str
    title: str | None
    turns: int
    cuts: int
    response_ms: int | None
    started_at: Moment
    last_at: Moment
    ended_at: Moment | None
    end_reason: str
    recorded: bool
    matches: list[Match]


class Sound(Struct, frozen=True, kw_only=True):
    id: str
    state: str
    from_ms: int
    duration_ms: int
    size: int
    expires_at: Moment


class Share(Struct, frozen=True, kw_only=True):
    id: str
    created_at: Moment
    expires_at: Moment
    revoked_at: Moment | None
    views: int


class NewShare(Share, frozen=True, kw_only=True):
    """`secret` is shown this once; `path` holds it behind a `#`."""

    secret: str
    path: str


class Detail(Conversation, frozen=True, kw_only=True):
    words: bool
    recordings: list[Sound]


class Stage(Struct, frozen=True, kw_only=True):
    name: str
    start: int
    end: int
    backend: str
    input: str
    output: str
    error: str


class Turn(Struct, frozen=True, kw_only=True):
    """Positions in ms on the conversation's clock."""

    reply: int
    state: str
    reason: str
    language: str
    typed: bool
    said: str | None
    heard: str | None
    unheard: str | None
    started_at: Moment
    said_from_ms: int | None
    said_to_ms: int | None
    heard_from_ms: int | None
    heard_to_ms: int | None
    response_ms: int | None
    queue_ms: int | None
    stages: list[Stage]
    errors: list[str]


class Inspection(Struct, frozen=True, kw_only=True):
    turn: Turn
    steps: list[dict[str, Any]]
    clips: list[dict[str, Any]]


class Peaks(Struct, frozen=True, kw_only=True):
    """`data`: `channels` unsigned bytes each `step_ms`, base64."""

    recording: str
    from_ms: int
    duration_ms: int
    step_ms: int
    channels: int
    data: bytes


class Receipt(Struct, frozen=True, kw_only=True):
    conversations: int
    turns: int
    recordings: int
    recording_bytes: int
    shares: int


class Shared(Struct, frozen=True, kw_only=True):
    token: str
    expires_at: Moment
    conversation: Detail


class Activity(Struct, frozen=True, kw_only=True):
    at: Moment
    conversations: int
    turns: int
    people: int
    cuts: int
    errors: int
    response_p50_ms: int | None
    response_p95_ms: int | None


class Statistics(Struct, frozen=True, kw_only=True):
    since: Moment
    until: Moment
    by: str
    items: list[Activity]


class Entry(Struct, frozen=True, kw_only=True):
    """One act of the audit."""

    seq: int
    at: Moment
    actor_id: str
    actor_name: str
    actor_role: str
    act: str
    object_kind: str
    object_id: str
    address: str
    outcome: str
    detail: dict[str, Any]


class Chain(Struct, frozen=True, kw_only=True):
    whole: bool
    rows: int
    vouched_to: int
    broken_at: int | None
    detail: str


class Setting(Struct, frozen=True, kw_only=True):
    key: str
    value: Any
    saved: Any
    is_saved: bool
    default: Any
    type: str
    text: str
    origin: str
    where: str
    effect: str
    changeable: bool


class Settings(Struct, frozen=True, kw_only=True):
    items: list[Setting]
    version: int


class InUse(Struct, frozen=True, kw_only=True):
    kind: str
    name: str
    detail: str
    problem: str | None


class Check(Struct, frozen=True, kw_only=True):
    name: str
    well: bool
    detail: str


class Doctor(Struct, frozen=True, kw_only=True):
    well: bool
    version: str
    in_use: list[InUse]
    checks: list[Check]
    missing: list[dict[str, str]]


class Tried(Struct, frozen=True, kw_only=True):
    kind: str
    well: bool
    ms: float
    text: str
    sound: bytes | None
    """A WAV file."""
