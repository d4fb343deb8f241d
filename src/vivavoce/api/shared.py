"""`/api/shared`: what a link opens. Whoever has one needs no account; it is exchanged for a bearer of ten minutes."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query, Request, Response
from pydantic import Field

from vivavoce.api.conversations_files import sound_answer
from vivavoce.api.conversations_forms import ConversationDetail, PeaksView, TurnForm, detail_view, peaks_view
from vivavoce.api.models import Body, Cursor, Id, Limit, Page, Time, View
from vivavoce.api.routing import Routes
from vivavoce.archive.conversations_views import Detail
from vivavoce.archive.reading import Reading
from vivavoce.archive.shares import Opened
from vivavoce.errors import Unauthorised

FIRST_TURNS: Final = 200
"""Turns that come with the link; further ones by `turns`."""
_SCHEME: Final = "bearer "

OneRecording = Annotated[Id | None, Query(description="Without it the first.")]


class OpenShare(Body):
    """What stands behind the `#` of the link."""

    secret: str = Field(min_length=1, max_length=128)


class SharedConversation(View):
    """A conversation as a link shows it: without whose it is."""

    token: str = Field(description="Bearer for the sound and further turns, until `expires_at`.")
    expires_at: Time
    shared_until: Time
    conversation: ConversationDetail
    turns: Page[TurnForm]


class SharedApi:
    """What answers `/api/shared`. All of it counts as sign-in: few tries a minute for an address."""

    routes = Routes("/api/shared", "shared")

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    @routes.post("", permission="public", limit="sign_in", errors=(404,))
    async def open_share(self, body: OpenShare, response: Response) -> SharedConversation:
        """Open a link. Counts as a view."""
        opened, token, until = await self._reading.shares.open(body.secret)
        conversations = self._reading.conversations
        detail = await conversations.shared(opened.conversation_id, opened.owner_id)
        turns = await conversations.shared_turns(opened.conversation_id, opened.owner_id, None, FIRST_TURNS)
        _unlisted(response)
        return SharedConversation(
            token=token,
            expires_at=until,
            shared_until=opened.expires_at,
            conversation=_nobodys(detail),
            turns=Page(items=[TurnForm.model_validate(one) for one in turns.items], next=turns.next),
        )

    @routes.get("/turns", permission="public", limit="sign_in", errors=(401, 404))
    async def list_shared_turns(
        self, request: Request, response: Response, cursor: Cursor = None, limit: Limit = 50
    ) -> Page[TurnForm]:
        """Further turns."""
        opened = await self._opened(request)
        _unlisted(response)
        page = await self._reading.conversations.shared_turns(opened.conversation_id, opened.owner_id, cursor, limit)
        return Page(items=[TurnForm.model_validate(one) for one in page.items], next=page.next)

    @routes.get("/sound", permission="public", limit="sign_in", media="audio/ogg", errors=(401, 404, 416))
    async def get_shared_sound(self, request: Request, recording: OneRecording = None) -> Response:
        """The sound, or one `Range` of it."""
        opened = await self._opened(request)
        found = await self._reading.sounds.recording(opened.conversation_id, opened.owner_id, recording)
        answer = await sound_answer(request, self._reading.sounds, found)
        _unlisted(answer)
        return answer

    @routes.get("/peaks", permission="public", limit="sign_in", errors=(401, 404))
    async def get_shared_peaks(self, request: Request, response: Response, recording: OneRecording = None) -> PeaksView:
        """What its waveform is drawn from."""
        opened = await self._opened(request)
        _unlisted(response)
        found = await self._reading.sounds.recording(opened.conversation_id, opened.owner_id, recording)
        return peaks_view(await self._reading.sounds.peaks(found))

    async def _opened(self, request: Request) -> Opened:
        given = request.headers.get("authorization", "")
        if given[: len(_SCHEME)].lower() != _SCHEME:
            raise Unauthorised("open the link first", code="token_invalid")
        return await self._reading.shares.opened(given[len(_SCHEME) :].strip())


def _nobodys(detail: Detail) -> ConversationDetail:
    return detail_view(detail).model_copy(update={"owner_id": "", "owner_name": None})


def _unlisted(response: Response) -> None:
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Cache-Control"] = "no-store"
