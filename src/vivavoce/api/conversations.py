"""`/api/conversations`: what was kept of them. One's own with their words; others' as numbers, for who may see those,
and with their words only where `words=1` says so, which is audited.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, TypeVar

from fastapi import Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from vivavoce.api.conditions import body_tag
from vivavoce.api.context import Who
from vivavoce.api.conversations_files import download, sound_answer
from vivavoce.api.conversations_forms import (
    ConversationDetail,
    ConversationPage,
    InspectionView,
    MadeShare,
    NewShare,
    PeaksView,
    ReceiptView,
    ShareView,
    TurnForm,
    conversation_view,
    detail_view,
    peaks_view,
)
from vivavoce.api.models import Cursor, Id, Limit, Page, Slug, View, When, ms
from vivavoce.api.routing import Routes
from vivavoce.archive.conversations import Asked
from vivavoce.archive.export import archive, file_name
from vivavoce.archive.reading import Reading
from vivavoce.archive.search_terms import QUERY_CHARACTERS

SEEN: Final = ("history.own", "history.timings")
HEARD: Final = ("history.own", "history.words")

Words = Annotated[bool, Query(description="Also the words of others; audited.")]
Owner = Annotated[
    str | None,
    Query(pattern=r"^([0-9a-f]{32}|\*)$", description="Somebody's id, or `*` for everybody; without it one's own."),
]
Person = Annotated[Id | None, Query(description="Somebody's id; without it one's own.")]
OneRecording = Annotated[Id | None, Query(description="Without it the first.")]
Reply = Annotated[int, Path(ge=1, le=1_000_000, description="Number of the turn.")]


Shown = TypeVar("Shown", bound=View)


class Filters(BaseModel):
    """What a list is asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    q: str = Field("", max_length=QUERY_CHARACTERS, description="Words that were said or heard in one turn.")
    app: Slug | None = None
    since: When | None = Field(None, alias="from")
    until: When | None = Field(None, alias="to")
    slow_ms: int | None = Field(None, ge=0, le=3_600_000, description="With a turn that took so long to answer.")
    cut: bool = Field(False, description="With a reply that was cut.")
    owner: str | None = Field(
        None,
        pattern=r"^([0-9a-f]{32}|\*)$",
        description="Somebody's id, or `*` for everybody; without it one's own.",
    )
    words: bool = Field(False, description="Also the words of others; audited.")
    cursor: str | None = Field(None, max_length=256, description="`next` of the page before.")
    limit: int = Field(50, ge=1, le=200, description="Items of a page.")

    def wanted(self) -> Asked:
        return Asked(
            owner=self.owner,
            query=self.q,
            app=self.app,
            since=ms(self.since),
            until=ms(self.until),
            slow_ms=self.slow_ms,
            cut=self.cut,
            words=self.words,
        )


class ConversationsApi:
    """What answers `/api/conversations`. `share_days`: life of a link where nothing else is said."""

    routes = Routes("/api/conversations", "conversations")

    def __init__(self, reading: Reading, share_days: Callable[[], int]) -> None:
        self._reading = reading
        self._conversations = reading.conversations
        self._share_days = share_days

    @routes.get("", permission=SEEN, limit="search")
    async def list_conversations(
        self,
        who: Who,
        asked: Annotated[Filters, Query()],
    ) -> ConversationPage:
        """Conversations, newest first. What is looked for has to hold for one turn of it; the newest match counts.

        A page of a search may be shorter than `limit` and still have a next one.
        """
        page = await self._conversations.page(who, asked.wanted(), asked.cursor, asked.limit)
        return ConversationPage(
            items=[conversation_view(one) for one in page.items],
            next=page.next,
            search="on" if self._conversations.words_searchable else "off",
        )

    @routes.delete("", permission=("history.own", "users"))
    async def delete_conversations(self, who: Who, owner: Person = None) -> ReceiptView:
        """All of one's own, with everything that hangs on them; all of somebody else's needs `users`."""
        whose = owner or who.principal.user
        who.principal.require("history.own" if whose == who.principal.user else "users")
        return ReceiptView.model_validate(await self._reading.deletions.everything(who, whose))

    @routes.get("/{id}", permission=SEEN)
    async def get_conversation(self, id: Id, who: Who, response: Response, words: Words = False) -> ConversationDetail:
        """One conversation with its recordings and links."""
        return _tagged(detail_view(await self._conversations.get(who, id, words=words)), response)

    @routes.delete("/{id}", permission="history.own")
    async def delete_conversation(self, id: Id, who: Who) -> ReceiptView:
        """Text, sound and links, also from storage. It cannot be undone."""
        return ReceiptView.model_validate(await self._reading.deletions.conversation(who, id))

    @routes.get("/{id}/turns", permission=SEEN)
    async def list_turns(
        self, id: Id, who: Who, words: Words = False, cursor: Cursor = None, limit: Limit = 50
    ) -> Page[TurnForm]:
        """Its turns that are over, in their order."""
        page = await self._conversations.turns(who, id, cursor, limit, words=words)
        return Page(items=[TurnForm.model_validate(one) for one in page.items], next=page.next)

    @routes.get("/{id}/turns/{reply}", permission=SEEN)
    async def get_turn(
        self, id: Id, reply: Reply, who: Who, response: Response, words: Words = False
    ) -> InspectionView:
        """One turn, opened: what each stage got, took and gave, and where it is to be heard."""
        found = await self._conversations.inspect(who, id, reply, words=words)
        return _tagged(InspectionView.model_validate(found), response)

    @routes.get("/{id}/sound", permission=HEARD, media="audio/ogg", errors=(416,))
    async def get_sound(
        self, id: Id, who: Who, request: Request, words: Words = False, recording: OneRecording = None
    ) -> Response:
        """The sound, user left and reply right, or one `Range` of it."""
        row = await self._conversations.for_words(who, id, words, "sound")
        found = await self._reading.sounds.recording(row.id, row.owner_id, recording)
        return await sound_answer(request, self._reading.sounds, found)

    @routes.get("/{id}/peaks", permission=HEARD)
    async def get_peaks(self, id: Id, who: Who, words: Words = False, recording: OneRecording = None) -> PeaksView:
        """What its waveform is drawn from."""
        row = await self._conversations.for_words(who, id, words, "sound")
        found = await self._reading.sounds.recording(row.id, row.owner_id, recording)
        return peaks_view(await self._reading.sounds.peaks(found))

    @routes.get("/{id}/download", permission=HEARD, limit="export", media="application/zip")
    async def download_conversation(self, id: Id, who: Who, words: Words = False) -> Response:
        """A zip: the sound, all turns as JSON, subtitles, and a manifest with checksums."""
        source = await self._reading.source(who, id, words=words)
        return download(file_name(source.detail), archive(source))

    @routes.get("/{id}/shares", permission="history.own")
    async def list_shares(self, id: Id, who: Who) -> Page[ShareView]:
        """Its links, the newest first, in one page."""
        shares = await self._reading.shares.list(who, id)
        return Page(items=[ShareView.model_validate(one) for one in shares], next=None)

    @routes.post("/{id}/shares", permission="history.own", status=201, once=True)
    async def create_share(self, id: Id, body: NewShare, who: Who, response: Response) -> MadeShare:
        """A link with which anybody can read and hear this conversation until it ends or is revoked."""
        made = await self._reading.shares.create(who, id, body.days or self._share_days())
        response.headers["Location"] = f"/api/conversations/{id}/shares/{made.share.id}"
        shown = {name: getattr(made.share, name) for name in ShareView.model_fields}
        return MadeShare(**shown, secret=made.secret, path=f"/shared#{made.secret}")

    @routes.delete("/{id}/shares/{share}", permission="history.own", status=204)
    async def revoke_share(self, id: Id, share: Id, who: Who) -> None:
        """At once, also for whoever has it open."""
        await self._reading.shares.revoke(who, id, share)


def _tagged(view: Shown, response: Response) -> Shown:
    response.headers["ETag"] = body_tag(view.model_dump_json().encode())
    return view
