"""Search over what was said and heard, the counts of each hour, and leases for work that one process does."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger()
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    op.create_table(
        "turn_index",
        sa.Column("position", SERIAL, primary_key=True, autoincrement=False),
        sa.Column("turn_id", SERIAL, sa.ForeignKey("turns.id", ondelete="CASCADE"), nullable=False, unique=True),
        sa.Column("conversation_id", sa.String(32), nullable=False),
        sa.Column("owner_id", sa.String(32), nullable=False),
        sa.Column("response_ms", NUMBER),
        sa.Column("terms", sa.ARRAY(NUMBER) if postgresql else sa.Text(), nullable=False),
    )
    op.create_index("ix_turn_index_owner", "turn_index", ["owner_id", "position"])
    op.create_index("ix_turn_index_conversation", "turn_index", ["conversation_id", "position"])
    if postgresql:
        _inverted()
    else:
        _full_text()
    op.create_table(
        "search_state",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("words", sa.Boolean(), nullable=False),
        sa.Column("done", NUMBER, nullable=False),
    )
    op.create_table(
        "activity",
        sa.Column("size", sa.String(4), primary_key=True),
        sa.Column("owner_id", sa.String(32), primary_key=True),
        sa.Column("at", NUMBER, primary_key=True, autoincrement=False),
        *(sa.Column(name, NUMBER, nullable=False) for name in ("conversations", "turns", "people", "cuts", "errors")),
        sa.Column("responses", JSON, nullable=False),
    )
    op.create_index("ix_activity_at", "activity", ["size", "at"])
    op.create_table(
        "leases",
        sa.Column("name", sa.String(48), primary_key=True),
        sa.Column("holder", sa.String(32), nullable=False),
        sa.Column("until", NUMBER, nullable=False),
        sa.Column("done_at", NUMBER, nullable=False),
    )
    op.create_index("ix_turns_time", "turns", ["started_at"])
    op.create_index("ix_conversations_app", "conversations", ["owner_id", "app_id", "id"])
    op.create_index("ix_conversations_start", "conversations", ["started_at"])


def downgrade() -> None:
    op.drop_index("ix_conversations_start", "conversations")
    op.drop_index("ix_conversations_app", "conversations")
    op.drop_index("ix_turns_time", "turns")
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE turn_search")
    for table in ("leases", "activity", "search_state", "turn_index"):
        op.drop_table(table)


def _inverted() -> None:
    # A list of pending entries would be walked once per span of time that a search asks for.
    op.execute("CREATE INDEX ix_turn_index_terms ON turn_index USING gin (terms) WITH (fastupdate = off)")


def _full_text() -> None:
    """Terms without their places in the text (`detail=none`): a third of the size. The table is the content, so that
    what is taken out of the index is what was put in.
    """
    op.execute(
        "CREATE VIRTUAL TABLE turn_search USING fts5(terms, content='turn_index', content_rowid='position', "
        "detail=none, columnsize=0, tokenize='ascii')"
    )
    taken_out = "INSERT INTO turn_search(turn_search, rowid, terms) VALUES ('delete', old.position, old.terms);"
    put_in = "INSERT INTO turn_search(rowid, terms) VALUES (new.position, new.terms);"
    for name, moment, steps in (
        ("added", "INSERT", put_in),
        ("deleted", "DELETE", taken_out),
        ("changed", "UPDATE", taken_out + put_in),
    ):
        op.execute(f"CREATE TRIGGER turn_index_{name} AFTER {moment} ON turn_index BEGIN {steps} END")
