"""How rows are written down and chained."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from vivavoce.accounts.chain import COLUMNS, ORIGIN, canonical, link, voucher

ROW: dict[str, Any] = {
    "seq": 1, "at": 2, "actor_id": "a", "actor_name": "", "actor_role": "admin", "act": "user.create",
    "object_kind": "user", "object_id": "b", "address": "", "outcome": "ok", "detail": {"role": "user", "n": 1},
}  # fmt: skip

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30)
rows = st.fixed_dictionaries(
    {name: st.integers(0, 2**40) if name in ("seq", "at") else texts for name in COLUMNS if name != "detail"}
    | {"detail": st.dictionaries(texts, texts | st.integers() | st.booleans() | st.none(), max_size=4)}
)


def test_the_first_row_as_docs_accounts_md_writes_it() -> None:
    written = (
        b'{"act":"user.create","actor_id":"a","actor_name":"","actor_role":"admin","address":"","at":2,'
        b'"detail":{"n":1,"role":"user"},"object_id":"b","object_kind":"user","outcome":"ok","seq":1}'
    )
    assert canonical(ROW) == written
    assert link(ORIGIN, ROW) == hashlib.sha256(b"vva1" + bytes(32) + written).digest()


@given(row=rows)
def test_what_a_database_gives_back_hashes_the_same(row: dict[str, Any]) -> None:
    """It may order keys anew, and has further columns."""
    back = json.loads(json.dumps({"hash": "x"} | dict(sorted(row.items(), reverse=True))))
    assert link(ORIGIN, back) == link(ORIGIN, row)


@given(row=rows, name=st.sampled_from([name for name in COLUMNS if name not in ("seq", "at", "detail")]), text=texts)
def test_any_other_content_or_place_hashes_differently(row: dict[str, Any], name: str, text: str) -> None:
    if row[name] != text:
        assert link(ORIGIN, row | {name: text}) != link(ORIGIN, row)
    assert link(ORIGIN, row | {"seq": row["seq"] + 1}) != link(ORIGIN, row)
    assert link(bytes(31) + b"\1", row) != link(ORIGIN, row)


@given(row=rows)
def test_nothing_moves_from_one_column_to_the_next(row: dict[str, Any]) -> None:
    moved = row | {"act": row["act"] + row["object_kind"], "object_kind": ""}
    if moved != row:
        assert link(ORIGIN, moved) != link(ORIGIN, row)


def test_a_voucher_is_of_one_key_one_row_and_one_hash() -> None:
    made = {voucher(key, seq, digest) for key in (b"a", b"b") for seq in (1, 2) for digest in (ORIGIN, b"\1" * 32)}
    assert len(made) == 8
