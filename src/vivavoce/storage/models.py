"""Every table. Times are milliseconds since 1970 (UTC), ids as in ids.py, `owner_id` a user's id.

Whatever belongs to somebody carries `owner_id`, and every query for it names the owner: there is no look-up first and
check afterwards. Columns of type `Sealed` hold text or bytes that sealing.py may have encrypted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator, TypeEngine

Json: TypeEngine[Any] = JSON().with_variant(JSONB(), "postgresql")
Serial: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")
"""Counts up by itself on both."""
Sealed = LargeBinary
"""UTF-8, or an envelope (`VVE1…`)."""


class Terms(TypeDecorator[list[int]]):
    """Numbers of 48 bits: an array in PostgreSQL, hexadecimal words in SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(ARRAY(BigInteger()) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: list[int] | None, dialect: Dialect) -> Any:
        return value if value is None or dialect.name == "postgresql" else term_words(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> list[int] | None:
        return value if value is None or dialect.name == "postgresql" else [int(one, 16) for one in value.split()]


def term_words(numbers: Iterable[int]) -> str:
    """As SQLite keeps and asks for them."""
    return " ".join(f"{number:012x}" for number in numbers)


class Base(DeclarativeBase):
    type_annotation_map: ClassVar = {int: BigInteger(), bytes: LargeBinary(), dict[str, Any]: Json, list[Any]: Json}


# ── people ────────────────────────────────────────────────────────────────────────────────────────


class User(Base):
    """A person, or a device's account. `epoch` goes up when everything issued so far must be refused."""

    __tablename__ = "users"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    """Lower case; what one signs in with."""
    display_name: Mapped[str] = mapped_column(String(128), default="")
    role: Mapped[str] = mapped_column(String(16))
    password: Mapped[str | None] = mapped_column(String(256))
    """Argon2id, or None: by link only."""
    epoch: Mapped[int] = mapped_column(default=0)
    disabled: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[int]
    updated_at: Mapped[int]
    recording: Mapped[bool | None]
    """Whether sound may be kept; None: not asked yet."""
    recording_at: Mapped[int | None]


class SignIn(Base):
    """One sign-in of a person and its family of refresh tokens; `id` is the `sid` that access tokens carry."""

    __tablename__ = "sign_ins"
    __table_args__ = (Index("ix_sign_ins_user", "user_id", "revoked_at"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    how: Mapped[str] = mapped_column(String(16))
    """`password` or `link`."""
    refresh_hash: Mapped[bytes] = mapped_column(unique=True)
    parent_hash: Mapped[bytes | None] = mapped_column(index=True)
    rotated_at: Mapped[int]
    created_at: Mapped[int]
    last_used_at: Mapped[int]
    expires_at: Mapped[int]
    """The absolute end; the idle one is counted from `last_used_at`."""
    revoked_at: Mapped[int | None]
    address: Mapped[str] = mapped_column(String(64), default="")
    """Cut to its network."""
    agent: Mapped[str] = mapped_column(String(200), default="")


class OneTimeSecret(Base):
    """A sign-in or reset link, taken by one delete."""

    __tablename__ = "one_time_secrets"
    hash: Mapped[bytes] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    created_at: Mapped[int]
    expires_at: Mapped[int] = mapped_column(index=True)


class ApiToken(Base):
    """A token for scripts; `id` stands where a sign-in's id would."""

    __tablename__ = "api_tokens"
    __table_args__ = (Index("ix_api_tokens_owner", "owner_id", "id"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(64))
    hash: Mapped[bytes] = mapped_column(unique=True)
    hint: Mapped[str] = mapped_column(String(12))
    """Its first characters, to recognise it by."""
    scopes: Mapped[list[Any]]
    role: Mapped[str] = mapped_column(String(16))
    """Never more than its owner's."""
    created_at: Mapped[int]
    expires_at: Mapped[int]
    last_used_at: Mapped[int | None]
    revoked_at: Mapped[int | None]


class KnownNetwork(Base):
    """From where somebody signed in lately: there a guesser elsewhere cannot lock them out."""

    __tablename__ = "known_networks"
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    network: Mapped[str] = mapped_column(String(64), primary_key=True)
    last_at: Mapped[int]


class SigningKey(Base):
    """A key of access tokens; the newest that is not retired signs."""

    __tablename__ = "signing_keys"
    kid: Mapped[str] = mapped_column(String(32), primary_key=True)
    secret: Mapped[bytes] = mapped_column(Sealed)
    created_at: Mapped[int]
    retired_at: Mapped[int | None]


class AuditEntry(Base):
    """One act. `hash` chains it to the one before; rows are neither changed nor deleted (a trigger refuses)."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_actor", "actor_id", "seq"), Index("ix_audit_act", "act", "seq"))
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[int] = mapped_column(index=True)
    actor_id: Mapped[str] = mapped_column(String(32))
    actor_name: Mapped[str] = mapped_column(String(64))
    actor_role: Mapped[str] = mapped_column(String(16))
    act: Mapped[str] = mapped_column(String(48))
    """`user.create`, `sign_in`, `words.show` …"""
    object_kind: Mapped[str] = mapped_column(String(24))
    object_id: Mapped[str] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(64))
    outcome: Mapped[str] = mapped_column(String(16))
    """`ok`, `refused`, `failed`."""
    detail: Mapped[dict[str, Any]]
    hash: Mapped[bytes]


class AuditCheckpoint(Base):
    """An HMAC over the chain up to `seq`, so that a tail that was cut off and written anew shows."""

    __tablename__ = "audit_checkpoints"
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[int]
    hash: Mapped[bytes]
    mac: Mapped[bytes]
    pruned: Mapped[bool] = mapped_column(default=False)
    """Everything up to here was pruned; the chain begins with `hash`."""


# ── what is offered ───────────────────────────────────────────────────────────────────────────────


class App(Base):
    """A persona with its modes. `body` is that of `version`."""

    __tablename__ = "apps"
    id: Mapped[str] = mapped_column(String(48), primary_key=True)
    """A slug: what `prepare` names."""
    version: Mapped[int]
    enabled: Mapped[bool] = mapped_column(default=True)
    body: Mapped[dict[str, Any]]
    created_at: Mapped[int]
    updated_at: Mapped[int]


class AppVersion(Base):
    __tablename__ = "app_versions"
    app_id: Mapped[str] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[dict[str, Any]]
    created_at: Mapped[int]
    created_by: Mapped[str] = mapped_column(String(32))


class Setting(Base):
    """A value that an administrator set while the server runs; a file, the environment or a flag outranks it."""

    __tablename__ = "settings"
    key: Mapped[str] = mapped_column(String(96), primary_key=True)
    value: Mapped[dict[str, Any]]
    """`{"value": …}`."""
    updated_at: Mapped[int]
    updated_by: Mapped[str] = mapped_column(String(32))


# ── conversations ─────────────────────────────────────────────────────────────────────────────────


class Conversation(Base):
    """A series of turns. `state` is `open` while a session holds it."""

    __tablename__ = "conversations"
    __table_args__ = (
        Index("ix_conversations_owner", "owner_id", "id"),
        Index("ix_conversations_app", "owner_id", "app_id", "id"),
        Index("ix_conversations_end", "ended_at"),
        Index("ix_conversations_start", "started_at"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    app_id: Mapped[str] = mapped_column(String(48), default="")
    app_version: Mapped[int] = mapped_column(default=0)
    channel: Mapped[str] = mapped_column(String(24))
    """`web` and so on: how the person came in."""
    kind: Mapped[str] = mapped_column(String(16))
    """`duplex` or `streaming`."""
    language: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(8), default="open")
    title: Mapped[bytes | None] = mapped_column(Sealed)
    """The first words."""
    turns: Mapped[int] = mapped_column(default=0)
    cuts: Mapped[int] = mapped_column(default=0)
    response_ms: Mapped[int | None]
    """Median."""
    started_at: Mapped[int]
    last_at: Mapped[int]
    ended_at: Mapped[int | None]
    end_reason: Mapped[str] = mapped_column(String(24), default="")


class LiveSession(Base):
    """What another process needs to go on with a session: the row goes when the session ends."""

    __tablename__ = "sessions"
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(String(32), index=True)
    gateway: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(16))
    token_hash: Mapped[bytes]
    """SHA-256 of the resume token."""
    snapshot: Mapped[bytes] = mapped_column(Sealed)
    seen_at: Mapped[int] = mapped_column(index=True)


class Turn(Base):
    """An utterance and the reply to it. Rows are `open` until the reply is done; only what was heard is shown.

    Positions are in ms of the conversation's sample clock, which the recording shares.
    """

    __tablename__ = "turns"
    __table_args__ = (
        UniqueConstraint("conversation_id", "reply", name="uq_turns_reply"),
        Index("ix_turns_owner", "owner_id", "id"),
        Index("ix_turns_time", "started_at"),
    )
    id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    owner_id: Mapped[str] = mapped_column(String(32))
    reply: Mapped[int]
    """Number of the reply, from 1, in this conversation."""
    state: Mapped[str] = mapped_column(String(8))
    """`open`, `done`, `failed`."""
    reason: Mapped[str] = mapped_column(String(16), default="")
    language: Mapped[str] = mapped_column(String(8), default="")
    said: Mapped[bytes | None] = mapped_column(Sealed)
    heard: Mapped[bytes | None] = mapped_column(Sealed)
    unheard: Mapped[bytes | None] = mapped_column(Sealed)
    """What was made of the reply and never played."""
    typed: Mapped[bool] = mapped_column(default=False)
    started_at: Mapped[int]
    said_from_ms: Mapped[int | None]
    said_to_ms: Mapped[int | None]
    heard_from_ms: Mapped[int | None]
    heard_to_ms: Mapped[int | None]
    response_ms: Mapped[int | None]
    """From the end of speech to the first sound."""
    stages: Mapped[dict[str, Any]]
    """`{"stages": [{name, start, end, backend, input, output, error}], "queue_ms": …, "words": [[text, from_ms]]}`."""


class Recording(Base):
    """The sound of a conversation: user left, reply right. `spooling` → `pending` → `ready` (or `failed`, `gone`)."""

    __tablename__ = "recordings"
    __table_args__ = (Index("ix_recordings_expiry", "expires_at"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    owner_id: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(12))
    gateway: Mapped[str] = mapped_column(String(32), default="")
    """Whose spool holds it, until it is `ready`."""
    from_ms: Mapped[int] = mapped_column(default=0)
    """Where it begins on the conversation's sample clock."""
    duration_ms: Mapped[int] = mapped_column(default=0)
    size: Mapped[int] = mapped_column(default=0)
    blob: Mapped[str] = mapped_column(String(128), default="")
    peaks: Mapped[bytes | None] = mapped_column(Sealed)
    """Two channels of unsigned bytes, one pair each 50 ms: what a waveform is drawn from."""
    created_at: Mapped[int]
    expires_at: Mapped[int]


class Share(Base):
    """A link to one conversation for whoever has it."""

    __tablename__ = "shares"
    __table_args__ = (Index("ix_shares_conversation", "conversation_id", "owner_id"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    owner_id: Mapped[str] = mapped_column(String(32))
    hash: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[int]
    expires_at: Mapped[int]
    revoked_at: Mapped[int | None]
    views: Mapped[int] = mapped_column(default=0)


class TurnIndex(Base):
    """Where a turn is found (archive/search_index.py): a row beside each turn that is done. `position` orders turns by
    time. On SQLite an FTS5 table follows this one by triggers, on PostgreSQL `terms` has a GIN index.
    """

    __tablename__ = "turn_index"
    __table_args__ = (
        Index("ix_turn_index_owner", "owner_id", "position"),
        Index("ix_turn_index_conversation", "conversation_id", "position"),
    )
    position: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=False)
    turn_id: Mapped[int] = mapped_column(ForeignKey("turns.id", ondelete="CASCADE"), unique=True)
    conversation_id: Mapped[str] = mapped_column(String(32))
    owner_id: Mapped[str] = mapped_column(String(32))
    response_ms: Mapped[int | None]
    terms: Mapped[list[int]] = mapped_column(Terms)


class SearchState(Base):
    """What the search index was made with; one row. Where that is not what is wanted, it is made anew."""

    __tablename__ = "search_state"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int]
    """Of the definition of a word."""
    words: Mapped[bool]
    done: Mapped[int] = mapped_column(default=0)
    """Turns up to this id are; -1: all of them."""


class ActivityCount(Base):
    """What somebody, or everybody (`*`), did in an hour or a day that is over: counted once (archive/statistics.py)."""

    __tablename__ = "activity"
    __table_args__ = (Index("ix_activity_at", "size", "at"),)
    size: Mapped[str] = mapped_column(String(4), primary_key=True)
    """`hour` or `day`."""
    owner_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    at: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Its beginning."""
    conversations: Mapped[int]
    """That began in it."""
    turns: Mapped[int]
    people: Mapped[int]
    cuts: Mapped[int]
    errors: Mapped[int]
    responses: Mapped[dict[str, Any]]
    """How many turns took how long: `{step: turns}`."""


class Lease(Base):
    """Work that one process at a time does: who holds it, and until when if nothing is heard of them."""

    __tablename__ = "leases"
    name: Mapped[str] = mapped_column(String(48), primary_key=True)
    holder: Mapped[str] = mapped_column(String(32))
    until: Mapped[int]
    done_at: Mapped[int] = mapped_column(default=0)
    """When it was last done to its end."""


# ── plumbing ──────────────────────────────────────────────────────────────────────────────────────


class Blob(Base):
    """Every blob there is or will be: the row comes before the bytes and goes after them, so no blob is forgotten."""

    __tablename__ = "blobs"
    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    owner_id: Mapped[str] = mapped_column(String(32), index=True)
    state: Mapped[str] = mapped_column(String(8))
    """`pending`, `ready`, `gone`."""
    content_type: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(default=0)
    sha256: Mapped[str] = mapped_column(String(64), default="")
    created_at: Mapped[int]
    expires_at: Mapped[int | None] = mapped_column(index=True)
    """While it is `pending`: when whoever uploads it is taken for dead."""


class OutboxEvent(Base):
    """Written in the transaction of what it tells of, sent to the bus afterwards, kept a while after sending."""

    __tablename__ = "outbox"
    __table_args__ = ({"sqlite_autoincrement": True},)  # an id is never used again: it is the event's
    id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    stream: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(64))
    payload: Mapped[bytes]
    created_at: Mapped[int]
    sent_at: Mapped[int | None] = mapped_column(index=True)
    sent_as: Mapped[str] = mapped_column(String(32), default="")
    """The id that the bus gave it."""


class StreamEntry(Base):
    """An entry of a durable stream (the embedded bus)."""

    __tablename__ = "stream_entries"
    __table_args__ = (Index("ix_stream_entries", "stream", "id"), {"sqlite_autoincrement": True})
    id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    stream: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(64), default="")
    """Entries of one key are worked on in order; those without one in any."""
    payload: Mapped[bytes]
    created_at: Mapped[int]


class StreamGroup(Base):
    __tablename__ = "stream_groups"
    stream: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    last_id: Mapped[int] = mapped_column(default=0)
    lost: Mapped[int] = mapped_column(default=0)
    """Entries that went, the stream being full, before this group had done them."""


class StreamDelivery(Base):
    """An entry given to a consumer and not acknowledged yet."""

    __tablename__ = "stream_deliveries"
    stream: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    entry_id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), default="")
    consumer: Mapped[str] = mapped_column(String(64))
    attempts: Mapped[int]
    due_at: Mapped[int] = mapped_column(index=True)
    """When it may be given to somebody else."""


class Handled(Base):
    """Which handler has carried out which event, in the transaction of its effect."""

    __tablename__ = "handled"
    handler: Mapped[str] = mapped_column(String(64), primary_key=True)
    event_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[int] = mapped_column(index=True)


class IdempotentAnswer(Base):
    """What a request with an `Idempotency-Key` was answered, for 24 hours."""

    __tablename__ = "idempotent_answers"
    owner_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    request_hash: Mapped[bytes]
    status: Mapped[int]
    body: Mapped[bytes] = mapped_column(Sealed)
    created_at: Mapped[int] = mapped_column(index=True)


class Deletion(Base):
    """What was deleted and must stay so: travels beside backups, and a restore applies it."""

    __tablename__ = "deletions"
    id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(16))
    object_id: Mapped[str] = mapped_column(String(64))
    at: Mapped[int]


class DataKey(Base):
    """A data key, wrapped by a key of keys; `scope` is what it seals (`blob:…`, `conversation:…`); `id` is a digest of
    its first wrapping.
    """

    __tablename__ = "data_keys"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    scope: Mapped[str] = mapped_column(String(160), index=True)
    """One has several where two processes began at once, or where one was used up; the newest seals."""
    kek: Mapped[str] = mapped_column(String(16), index=True)
    wrapped: Mapped[bytes]
    seals: Mapped[int] = mapped_column(default=0)
    """How often it may have sealed a row: each process takes some hundreds ahead."""
    created_at: Mapped[int]
