"""Everything of the first release with accounts: people, what is offered, conversations, plumbing.

Written out, not taken from the models: those go on, and this stays what it was.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger()
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    _people()
    _offered()
    _conversations()
    _plumbing()
    _guard_audit()


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)  # with its indexes and triggers
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_is_append_only()")


def _people() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False, unique=True),
        sa.Column("display_name", sa.String(128), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("password", sa.String(256)),
        sa.Column("epoch", NUMBER, nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("updated_at", NUMBER, nullable=False),
        sa.Column("recording", sa.Boolean()),
        sa.Column("recording_at", NUMBER),
    )
    op.create_table(
        "sign_ins",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("user_id", sa.String(32), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("how", sa.String(16), nullable=False),
        sa.Column("refresh_hash", sa.LargeBinary(), nullable=False, unique=True),
        sa.Column("parent_hash", sa.LargeBinary()),
        sa.Column("rotated_at", NUMBER, nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("last_used_at", NUMBER, nullable=False),
        sa.Column("expires_at", NUMBER, nullable=False),
        sa.Column("revoked_at", NUMBER),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("agent", sa.String(200), nullable=False),
    )
    op.create_index("ix_sign_ins_parent_hash", "sign_ins", ["parent_hash"])
    op.create_index("ix_sign_ins_user", "sign_ins", ["user_id", "revoked_at"])
    op.create_table(
        "one_time_secrets",
        sa.Column("hash", sa.LargeBinary(), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("user_id", sa.String(32), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("expires_at", NUMBER, nullable=False),
    )
    op.create_index("ix_one_time_secrets_expires_at", "one_time_secrets", ["expires_at"])
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("owner_id", sa.String(32), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False, unique=True),
        sa.Column("hint", sa.String(12), nullable=False),
        sa.Column("scopes", JSON, nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("expires_at", NUMBER, nullable=False),
        sa.Column("last_used_at", NUMBER),
        sa.Column("revoked_at", NUMBER),
    )
    op.create_index("ix_api_tokens_owner", "api_tokens", ["owner_id", "id"])
    op.create_table(
        "known_networks",
        sa.Column("user_id", sa.String(32), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("network", sa.String(64), primary_key=True),
        sa.Column("last_at", NUMBER, nullable=False),
    )
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.String(32), primary_key=True),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("retired_at", NUMBER),
    )
    op.create_table(
        "audit",
        sa.Column("seq", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("actor_id", sa.String(32), nullable=False),
        sa.Column("actor_name", sa.String(64), nullable=False),
        sa.Column("actor_role", sa.String(16), nullable=False),
        sa.Column("act", sa.String(48), nullable=False),
        sa.Column("object_kind", sa.String(24), nullable=False),
        sa.Column("object_id", sa.String(64), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("detail", JSON, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
    )
    op.create_index("ix_audit_act", "audit", ["act", "seq"])
    op.create_index("ix_audit_actor", "audit", ["actor_id", "seq"])
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_table(
        "audit_checkpoints",
        sa.Column("seq", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("pruned", sa.Boolean(), nullable=False),
    )


def _offered() -> None:
    op.create_table(
        "apps",
        sa.Column("id", sa.String(48), primary_key=True),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("body", JSON, nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("updated_at", NUMBER, nullable=False),
    )
    op.create_table(
        "app_versions",
        sa.Column("app_id", sa.String(48), sa.ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("version", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("body", JSON, nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("created_by", sa.String(32), nullable=False),
    )
    op.create_table(
        "settings",
        sa.Column("key", sa.String(96), primary_key=True),
        sa.Column("value", JSON, nullable=False),
        sa.Column("updated_at", NUMBER, nullable=False),
        sa.Column("updated_by", sa.String(32), nullable=False),
    )


def _conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("owner_id", sa.String(32), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("app_id", sa.String(48), nullable=False),
        sa.Column("app_version", NUMBER, nullable=False),
        sa.Column("channel", sa.String(24), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("title", sa.LargeBinary()),
        sa.Column("turns", NUMBER, nullable=False),
        sa.Column("cuts", NUMBER, nullable=False),
        sa.Column("response_ms", NUMBER),
        sa.Column("started_at", NUMBER, nullable=False),
        sa.Column("last_at", NUMBER, nullable=False),
        sa.Column("ended_at", NUMBER),
        sa.Column("end_reason", sa.String(24), nullable=False),
    )
    op.create_index("ix_conversations_end", "conversations", ["ended_at"])
    op.create_index("ix_conversations_owner", "conversations", ["owner_id", "id"])
    op.create_table(
        "sessions",
        sa.Column("owner_id", sa.String(32), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("conversation_id", sa.String(32), nullable=False),
        sa.Column("gateway", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("snapshot", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", NUMBER, nullable=False),
    )
    op.create_index("ix_sessions_conversation_id", "sessions", ["conversation_id"])
    op.create_index("ix_sessions_seen_at", "sessions", ["seen_at"])
    op.create_table(
        "turns",
        sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
        sa.Column(
            "conversation_id", sa.String(32), sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("owner_id", sa.String(32), nullable=False),
        sa.Column("reply", NUMBER, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("reason", sa.String(16), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("said", sa.LargeBinary()),
        sa.Column("heard", sa.LargeBinary()),
        sa.Column("unheard", sa.LargeBinary()),
        sa.Column("typed", sa.Boolean(), nullable=False),
        sa.Column("started_at", NUMBER, nullable=False),
        sa.Column("said_from_ms", NUMBER),
        sa.Column("said_to_ms", NUMBER),
        sa.Column("heard_from_ms", NUMBER),
        sa.Column("heard_to_ms", NUMBER),
        sa.Column("response_ms", NUMBER),
        sa.Column("stages", JSON, nullable=False),
        sa.UniqueConstraint("conversation_id", "reply", name="uq_turns_reply"),
    )
    op.create_index("ix_turns_owner", "turns", ["owner_id", "id"])
    op.create_table(
        "recordings",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column(
            "conversation_id", sa.String(32), sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("owner_id", sa.String(32), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("gateway", sa.String(32), nullable=False),
        sa.Column("from_ms", NUMBER, nullable=False),
        sa.Column("duration_ms", NUMBER, nullable=False),
        sa.Column("size", NUMBER, nullable=False),
        sa.Column("blob", sa.String(128), nullable=False),
        sa.Column("peaks", sa.LargeBinary()),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("expires_at", NUMBER, nullable=False),
    )
    op.create_index("ix_recordings_conversation_id", "recordings", ["conversation_id"])
    op.create_index("ix_recordings_expiry", "recordings", ["expires_at"])
    op.create_table(
        "shares",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column(
            "conversation_id", sa.String(32), sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("owner_id", sa.String(32), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False, unique=True),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("expires_at", NUMBER, nullable=False),
        sa.Column("revoked_at", NUMBER),
        sa.Column("views", NUMBER, nullable=False),
    )
    op.create_index("ix_shares_conversation", "shares", ["conversation_id", "owner_id"])


def _plumbing() -> None:
    op.create_table(
        "blobs",
        sa.Column("key", sa.String(128), primary_key=True),
        sa.Column("owner_id", sa.String(32), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("content_type", sa.String(64), nullable=False),
        sa.Column("size", NUMBER, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("expires_at", NUMBER),
    )
    op.create_index("ix_blobs_expires_at", "blobs", ["expires_at"])
    op.create_index("ix_blobs_owner_id", "blobs", ["owner_id"])
    op.create_table(
        "data_keys",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("scope", sa.String(160), nullable=False),
        sa.Column("kek", sa.String(16), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("seals", NUMBER, nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
    )
    op.create_index("ix_data_keys_scope", "data_keys", ["scope"])
    op.create_index("ix_data_keys_kek", "data_keys", ["kek"])
    op.create_table(
        "deletions",
        sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("object_id", sa.String(64), nullable=False),
        sa.Column("at", NUMBER, nullable=False),
    )
    op.create_table(
        "handled",
        sa.Column("handler", sa.String(64), primary_key=True),
        sa.Column("event_id", sa.String(64), primary_key=True),
        sa.Column("at", NUMBER, nullable=False),
    )
    op.create_index("ix_handled_at", "handled", ["at"])
    op.create_table(
        "idempotent_answers",
        sa.Column("owner_id", sa.String(32), primary_key=True),
        sa.Column("key", sa.String(128), primary_key=True),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", NUMBER, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
    )
    op.create_index("ix_idempotent_answers_created_at", "idempotent_answers", ["created_at"])
    op.create_table(
        "outbox",
        sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
        sa.Column("stream", sa.String(64), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("sent_at", NUMBER),
        sa.Column("sent_as", sa.String(32), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_sent_at", "outbox", ["sent_at"])
    op.create_table(
        "stream_deliveries",
        sa.Column("stream", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("entry_id", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("consumer", sa.String(64), nullable=False),
        sa.Column("attempts", NUMBER, nullable=False),
        sa.Column("due_at", NUMBER, nullable=False),
    )
    op.create_index("ix_stream_deliveries_due_at", "stream_deliveries", ["due_at"])
    op.create_table(
        "stream_entries",
        sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
        sa.Column("stream", sa.String(64), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_stream_entries", "stream_entries", ["stream", "id"])
    op.create_table(
        "stream_groups",
        sa.Column("stream", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("last_id", NUMBER, nullable=False),
        sa.Column("lost", NUMBER, nullable=False),
    )


def _guard_audit() -> None:
    """Rows of the audit are neither changed nor deleted, whoever asks, save those up to a checkpoint that says that
    everything before it was pruned. The refusal is a broken rule of integrity on both.
    """
    if op.get_bind().dialect.name == "sqlite":
        refuse = "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
        op.execute(f"CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit {refuse}")
        op.execute(
            "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit "
            f"WHEN OLD.seq > coalesce((SELECT max(seq) FROM audit_checkpoints WHERE pruned), -1) {refuse}"
        )
        return
    op.execute(
        "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF TG_OP = 'DELETE' THEN "
        "IF OLD.seq <= (SELECT max(seq) FROM audit_checkpoints WHERE pruned) THEN RETURN OLD; END IF; "
        "END IF; "
        "RAISE EXCEPTION 'the audit is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    call = "EXECUTE FUNCTION audit_is_append_only()"
    op.execute(f"CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit FOR EACH ROW {call}")
    op.execute(f"CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit FOR EACH STATEMENT {call}")


TABLES = (
    "stream_groups",
    "stream_entries",
    "stream_deliveries",
    "outbox",
    "idempotent_answers",
    "handled",
    "deletions",
    "data_keys",
    "blobs",
    "shares",
    "recordings",
    "turns",
    "sessions",
    "conversations",
    "settings",
    "app_versions",
    "apps",
    "audit_checkpoints",
    "audit",
    "signing_keys",
    "known_networks",
    "api_tokens",
    "one_time_secrets",
    "sign_ins",
    "users",
)
