from __future__ import annotations

import base64
import hashlib
import io
import itertools
import json
import zipfile
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from sqlalchemy import select

from api.history import Archive, archive
from api.house import key
from archive.people import NOON, Said, conversation, recording
from vivavoce.storage.clock import DAY, HOUR
from vivavoce.storage.models import AuditEntry, Blob, Deletion, Turn, TurnIndex

pytestmark = pytest.mark.real

SOUND = bytes(range(256)) * 40
NOBODYS = "0" * 32


@pytest.fixture
async def kept(tmp_path: Path, sqlite_template: Path) -> AsyncGenerator[Archive, None]:
    async with archive(tmp_path, sqlite_template) as opened:
        yield opened


async def audited(kept: Archive, act: str) -> list[str]:
    async with kept.database.reading() as session:
        return list(await session.scalars(select(AuditEntry.object_id).where(AuditEntry.act == act)))


async def test_ones_own_are_listed_and_found_with_their_words(kept: Archive) -> None:
    ada = await kept.person("ada")
    old = await conversation(kept.database, ada.id, ["set a timer"], at=NOON - DAY)
    new = await conversation(kept.database, ada.id, [Said("good night", heard="Sleep well.", response_ms=900)])
    async with kept.house.asking("ada") as browser:
        every = (await browser.get("/api/conversations")).json()
        assert [one["id"] for one in every["items"]] == [new, old]
        assert every["search"] == "on"
        assert every["items"][0]["title"] == "good night"
        assert every["items"][0]["started_at"].endswith("Z")
        [found] = (await browser.get("/api/conversations", params={"q": "sleep"})).json()["items"]
        assert found["id"] == new
        assert found["matches"] == [
            {"reply": 1, "started_at": found["started_at"], "said": "good night", "heard": "Sleep well."}
        ]
        slow = (await browser.get("/api/conversations?slow_ms=800")).json()["items"]
        assert [one["id"] for one in slow] == [new]
        until = (await browser.get("/api/conversations?to=2025-11-24T00:00:00Z")).json()["items"]
        assert [one["id"] for one in until] == [old]


async def test_pages_go_on_where_the_last_one_ended(kept: Archive) -> None:
    ada = await kept.person("ada")
    ids = [await conversation(kept.database, ada.id, ["tea"], at=NOON + hour * HOUR) for hour in range(5)]
    async with kept.house.asking("ada") as browser:
        for query in ({}, {"q": "tea"}):
            seen: list[str] = []
            cursor: dict[str, str] = {}
            while True:
                page = (await browser.get("/api/conversations", params={"limit": 2} | query | cursor)).json()
                seen += [one["id"] for one in page["items"]]
                if page["next"] is None:
                    break
                cursor = {"cursor": page["next"]}
            assert seen == ids[::-1]


async def test_cursors_that_are_none_are_refused(kept: Archive) -> None:
    hostile = ["x", "s" + "f" * 17, "szz", "AAAA", "'; DROP TABLE turns"]
    async with kept.house.asking("ada") as browser:
        for cursor, query in itertools.product(hostile, ("", "tea")):
            answer = await browser.get("/api/conversations", params={"cursor": cursor, "q": query})
            assert answer.status_code == 422, answer.text


ONE = ("", "/turns", "/turns/1", "/sound", "/peaks", "/download", "/shares")


async def test_somebody_elses_looks_like_a_missing_one(kept: Archive) -> None:
    ada = await kept.person("ada")
    hers = await conversation(kept.database, ada.id, ["my secret"])
    await recording(kept.database, kept.blobs, hers, ada.id, SOUND)
    async with kept.house.asking("bob") as bob:
        for path in ONE:
            foreign = await bob.get(f"/api/conversations/{hers}{path}?words=1")
            none = await bob.get(f"/api/conversations/{NOBODYS}{path}?words=1")
            assert foreign.status_code == none.status_code == 404
            assert _without_id(foreign.json()) == _without_id(none.json())


async def test_nobody_deletes_what_is_somebody_elses(kept: Archive) -> None:
    ada = await kept.person("ada")
    hers = await conversation(kept.database, ada.id, ["my secret"])
    for name, role in (("bob", "user"), ("olga", "operator"), ("root", "admin")):
        async with kept.house.asking(name, role) as other:  # type: ignore[arg-type]
            for path in ("", f"/shares/{NOBODYS}"):
                assert (await other.delete(f"/api/conversations/{hers}{path}")).status_code == 404
    async with kept.house.asking("ada") as browser:
        assert (await browser.get(f"/api/conversations/{hers}")).status_code == 200


def _without_id(problem: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in problem.items() if name != "request_id"}


async def test_an_operator_sees_numbers_and_words_only_on_request(kept: Archive) -> None:
    ada = await kept.person("ada")
    stages = {"words": [[0, 4, 100]], "stages": [{"name": "asr", "start": -400, "end": 10, "backend": "whisper"}]}
    hers = await conversation(kept.database, ada.id, [Said("my secret", heard="Your secret", stages=stages)])
    await recording(kept.database, kept.blobs, hers, ada.id, SOUND)
    paths = (f"/{hers}", f"/{hers}/turns", f"/{hers}/turns/1", f"?owner={ada.id}", "?owner=*")
    async with kept.house.asking("olga", "operator") as olga:
        for path in paths:
            shown = await olga.get(f"/api/conversations{path}")
            assert shown.status_code == 200
            assert "ecret" not in shown.text
            assert "ada" in shown.text or "turns" in path
        assert (await olga.get(f"/api/conversations/{hers}/sound")).status_code == 422
        assert (await olga.get(f"/api/conversations?owner={ada.id}&q=secret")).status_code == 422
        assert await audited(kept, "words.show") == []

        opened = await olga.get(f"/api/conversations/{hers}/turns/1?words=1")
        assert opened.json()["turn"]["said"] == "my secret"
        found = await olga.get(f"/api/conversations?owner={ada.id}&q=secret&words=1")
        assert found.json()["items"][0]["matches"][0]["said"] == "my secret"
        assert (await olga.get(f"/api/conversations/{hers}/sound?words=1")).content == SOUND
    assert await audited(kept, "words.show") == [hers, ada.id, hers]


async def test_a_second_look_within_minutes_is_the_same_look(kept: Archive) -> None:
    ada = await kept.person("ada")
    hers = await conversation(kept.database, ada.id, ["my secret"])
    await recording(kept.database, kept.blobs, hers, ada.id, SOUND)
    async with kept.house.asking("olga", "operator") as olga:
        for start in range(0, 3_000, 1_000):
            span = {"Range": f"bytes={start}-{start + 999}"}
            assert (await olga.get(f"/api/conversations/{hers}/sound?words=1", headers=span)).status_code == 206
    assert await audited(kept, "words.show") == [hers]


async def test_a_viewer_and_a_token_without_the_scope_stay_outside(kept: Archive) -> None:
    ada = await kept.person("ada")
    hers = await conversation(kept.database, ada.id, ["my secret"])
    async with kept.house.asking("vera", "viewer") as vera:
        assert (await vera.get("/api/conversations")).status_code == 403
    olga = await kept.person("olga", "operator")
    token = await kept.house.token(olga, "history.timings")
    async with kept.house.browser(token) as timings:
        assert (await timings.get(f"/api/conversations/{hers}")).json()["title"] is None
        assert (await timings.get(f"/api/conversations/{hers}?words=1")).status_code == 403
        assert (await timings.get("/api/conversations")).status_code == 403


async def test_the_inspector_shows_each_stage_with_what_it_got_and_gave(kept: Archive) -> None:
    ada = await kept.person("ada")
    stages = {
        "stages": [
            {"name": "asr", "start": -400, "end": 10, "backend": "whisper small"},
            {"name": "llm", "start": 12, "end": 300, "backend": "llama", "error": ""},
            {"name": "tts", "start": 200, "end": 420, "backend": "espeak", "error": "tts_failed"},
        ],
        "words": [[0, 3, 2_500], [4, 9, 2_900], [10, 14, 3_400]],
        "queue_ms": 3,
    }
    said = Said("how long", heard="For three", unheard=" days", reason="interrupted", stages=stages)
    mine = await conversation(kept.database, ada.id, [said])
    sound = await recording(kept.database, kept.blobs, mine, ada.id, SOUND, from_ms=1_000)
    async with kept.house.asking("ada") as browser:
        opened = (await browser.get(f"/api/conversations/{mine}/turns/1")).json()
        assert (await browser.get(f"/api/conversations/{mine}/turns/2")).status_code == 404
    asr, llm, tts = opened["steps"]
    assert (asr["input"], asr["input_kind"], asr["output"]) == (None, "sound", "how long")
    assert (llm["input"], llm["output"]) == ("how long", "For three days")
    assert (tts["input"], tts["output_kind"], tts["error"]) == ("For three days", "sound", "tts_failed")
    assert [word["heard"] for word in opened["turn"]["words"]] == [True, True, False]
    assert [word["text"] for word in opened["turn"]["words"]] == ["For", "three", "days"]
    assert opened["clips"][0] == {"side": "in", "recording": sound, "from_ms": 0, "to_ms": 1_000}
    assert opened["clips"][2] == {"side": "heard", "recording": sound, "from_ms": 1_500, "to_ms": 3_000}


async def test_turns_that_still_go_on_are_not_shown(kept: Archive) -> None:
    ada = await kept.person("ada")
    mine = await conversation(kept.database, ada.id, ["one", Said("half", state="open")])
    async with kept.house.asking("ada") as browser:
        turns = (await browser.get(f"/api/conversations/{mine}/turns")).json()["items"]
        assert [turn["said"] for turn in turns] == ["one"]
        assert (await browser.get(f"/api/conversations/{mine}/turns/2")).status_code == 404


RANGES = [
    (None, 200, SOUND),
    ("bytes=0-0", 206, SOUND[:1]),
    ("bytes=100-199", 206, SOUND[100:200]),
    ("bytes=10000-", 206, SOUND[10_000:]),
    ("bytes=-7", 206, SOUND[-7:]),
    ("bytes=-999999", 206, SOUND),
    ("bytes=0-999999", 206, SOUND),
    ("bytes=10240-", 416, None),
    ("bytes=5-2", 416, None),
    ("bytes=-0", 416, None),
    ("bytes=-", 416, None),
    ("bytes=0-1,3-4", 416, None),
    ("bytes=" + ",".join(["0-"] * 10_000), 416, None),
    ("bytes=99999999999999999999-", 416, None),
    ("lines=1-2", 416, None),
    ("bytes=1-2;x", 416, None),
    ("bytes=\x31\u0661", 416, None),
]


async def test_one_range_and_no_more(kept: Archive) -> None:
    ada = await kept.person("ada")
    mine = await conversation(kept.database, ada.id, ["tea"])
    await recording(kept.database, kept.blobs, mine, ada.id, SOUND)
    async with kept.house.asking("ada") as browser:
        for span, status, body in RANGES:
            headers = {} if span is None else {b"Range": span.encode()}
            answer = await browser.get(f"/api/conversations/{mine}/sound", headers=headers)  # type: ignore[arg-type]
            assert answer.status_code == status, span
            if body is None:
                assert answer.json()["code"] == "range"
            else:
                assert answer.content == body
                assert answer.headers["content-length"] == str(len(body))


async def test_sound_is_a_file_and_never_a_page(kept: Archive) -> None:
    ada = await kept.person("ada")
    mine = await conversation(kept.database, ada.id, ["tea"])
    sound = await recording(kept.database, kept.blobs, mine, ada.id, SOUND)
    async with kept.house.asking("ada") as browser:
        answer = await browser.get(f"/api/conversations/{mine}/sound", headers={"Range": "bytes=1-2"})
        again = await browser.get(
            f"/api/conversations/{mine}/sound", headers={"Range": "bytes=1-2", "If-Range": '"another"'}
        )
    assert answer.headers["content-type"] == "audio/ogg"
    assert answer.headers["content-range"] == f"bytes 1-2/{len(SOUND)}"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-disposition"] == f'attachment; filename="{sound}.ogg"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert (again.status_code, again.content) == (200, SOUND)


async def test_sound_that_was_not_kept_is_missing_and_peaks_are_numbers(kept: Archive) -> None:
    ada = await kept.person("ada")
    mine = await conversation(kept.database, ada.id, ["tea"])
    async with kept.house.asking("ada") as browser:
        answer = await browser.get(f"/api/conversations/{mine}/sound")
        assert (answer.status_code, answer.json()["code"]) == (404, "no_sound")
        await recording(kept.database, kept.blobs, mine, ada.id, SOUND)
        peaks = (await browser.get(f"/api/conversations/{mine}/peaks")).json()
    assert base64.b64decode(peaks["data"]) == b"\x01\x02\x03\x04"
    assert (peaks["step_ms"], peaks["channels"]) == (50, 2)


async def test_a_recording_is_named_by_its_id_or_not_at_all(kept: Archive) -> None:
    ada = await kept.person("ada")
    mine = await conversation(kept.database, ada.id, ["tea"])
    await recording(kept.database, kept.blobs, mine, ada.id, SOUND)
    async with kept.house.asking("ada") as browser:
        for name in ("../../etc/passwd", "%2e%2e%2fkeys", "x", "0" * 32, "0" * 31 + "/"):
            answer = await browser.get(f"/api/conversations/{mine}/sound", params={"recording": name})
            assert answer.status_code in (404, 422)


EVIL = 'a\r\nSet-Cookie: x=1\r\n"; filename="../../x.html\x00<script>'


async def test_a_download_is_a_zip_whose_names_are_ours(kept: Archive) -> None:
    ada = await kept.person("ada")
    stages = {"words": [[0, 3, 2_500], [4, 8, 3_000]]}
    cut = Said("how long", heard="For", unheard=" days --> & <b>", reason="interrupted", stages=stages)
    mine = await conversation(kept.database, ada.id, [Said(EVIL, heard=EVIL), cut], app="..-evil")
    await recording(kept.database, kept.blobs, mine, ada.id, SOUND)
    async with kept.house.asking("ada") as browser:
        answer = await browser.get(f"/api/conversations/{mine}/download")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="vivavoce-2025-11-24-1600.zip"'
    assert "set-cookie" not in answer.headers
    files = zipfile.ZipFile(io.BytesIO(answer.content))
    assert files.testzip() is None
    assert files.namelist() == ["sound-1.ogg", "sound-1.vtt", "sound-1.srt", "conversation.json", "manifest.json"]
    assert files.read("sound-1.ogg") == SOUND
    manifest = json.loads(files.read("manifest.json"))
    for one in manifest["files"]:
        data = files.read(one["name"])
        assert (one["bytes"], one["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    document = json.loads(files.read("conversation.json"))
    assert [turn["said"] for turn in document["turns"]] == [EVIL, "how long"]
    assert document["recordings"][0]["file"] == "sound-1.ogg"
    captions = files.read("sound-1.vtt").decode()
    assert captions.startswith("WEBVTT\n")
    assert "00:01:02.500 --> 00:01:04.000\n<v reply>For <c.cut>days --&gt; &amp; &lt;b&gt;</c>" in captions
    assert "– For [days → & <b>]" in files.read("sound-1.srt").decode()


async def test_a_file_that_is_gone_is_told_before_the_answer_begins(kept: Archive) -> None:
    ada = await kept.person("ada")
    mine = await conversation(kept.database, ada.id, ["tea"])
    sound = await recording(kept.database, kept.blobs, mine, ada.id, SOUND)
    await kept.stored.delete(f"recordings/{sound}")
    async with kept.house.asking("ada") as browser:
        for path in ("sound", "download"):
            answer = await browser.get(f"/api/conversations/{mine}/{path}")
            assert answer.status_code == 404
            assert answer.headers["content-type"] == "application/problem+json"


async def test_deleting_leaves_nothing_and_says_what_went(kept: Archive) -> None:
    ada = await kept.person("ada")
    mine = await conversation(kept.database, ada.id, ["tea", "more tea"])
    other = await conversation(kept.database, ada.id, ["tea"], at=NOON + HOUR)
    await recording(kept.database, kept.blobs, mine, ada.id, SOUND)
    async with kept.house.asking("ada") as browser:
        await browser.post(f"/api/conversations/{mine}/shares", json={}, headers=key())
        receipt = (await browser.delete(f"/api/conversations/{mine}")).json()
        assert receipt == {
            "conversations": 1,
            "turns": 2,
            "recordings": 1,
            "recording_bytes": len(SOUND),
            "shares": 1,
        }
        assert (await browser.get(f"/api/conversations/{mine}")).status_code == 404
        found = (await browser.get("/api/conversations?q=tea")).json()["items"]
        assert [one["id"] for one in found] == [other]
        assert (await browser.delete(f"/api/conversations/{mine}")).status_code == 404
    async with kept.database.reading() as session:
        assert list(await session.scalars(select(Turn.id).where(Turn.conversation_id == mine))) == []
        assert list(await session.scalars(select(TurnIndex.turn_id).where(TurnIndex.conversation_id == mine))) == []
        assert list(await session.scalars(select(Blob.state))) == ["gone"]
        assert list(await session.scalars(select(Deletion.object_id))) == [mine]
    assert await audited(kept, "conversation.delete") == [mine]


async def test_all_of_ones_own_can_go_at_once(kept: Archive) -> None:
    ada, bob = await kept.person("ada"), await kept.person("bob")
    for hour in range(60):
        await conversation(kept.database, ada.id, ["tea"], at=NOON + hour * HOUR)
    his = await conversation(kept.database, bob.id, ["tea"])
    async with kept.house.asking("ada") as browser:
        assert (await browser.delete("/api/conversations")).json()["conversations"] == 60
        assert (await browser.get("/api/conversations")).json()["items"] == []
    async with kept.house.asking("bob") as browser:
        assert [one["id"] for one in (await browser.get("/api/conversations")).json()["items"]] == [his]


async def test_who_manages_people_can_delete_what_is_kept_of_one(kept: Archive) -> None:
    ada = await kept.person("ada")
    await conversation(kept.database, ada.id, ["tea"])
    async with kept.house.asking("olga", "operator") as olga:
        assert (await olga.delete(f"/api/conversations?owner={ada.id}")).status_code == 403
    async with kept.house.asking("root", "admin") as root:
        assert (await root.delete(f"/api/conversations?owner={ada.id}")).json()["turns"] == 1
    async with kept.house.asking("ada") as browser:
        assert (await browser.get("/api/conversations")).json()["items"] == []
    assert await audited(kept, "history.delete") == [ada.id]


async def test_questions_are_bounded(kept: Archive) -> None:
    beyond = ("limit=0", "limit=201", "slow_ms=-1", "owner=ada", "from=yesterday", "q=" + "x" * 201, "unknown=1")
    async with kept.house.asking("ada") as browser:
        for query in beyond:
            assert (await browser.get(f"/api/conversations?{query}")).status_code == 422, query
