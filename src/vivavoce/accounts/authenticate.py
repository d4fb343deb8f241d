"""From a token to a principal: JWT of a sign-in, or `vv_…` of a script.

What was verified is remembered for a minute at most and forgotten on news of a revocation, so the way of most
requests is one look into a dictionary. While the news cannot be relied on, the database is asked each time.
"""

from __future__ import annotations

from typing import Final, cast

from sqlalchemy import select

from vivavoce.accounts.access import AccessTokens
from vivavoce.accounts.api_tokens import ApiTokens
from vivavoce.accounts.commons import Commons
from vivavoce.accounts.permissions import Role
from vivavoce.accounts.principal import Principal, Via, guest, scopes_of
from vivavoce.aio import now
from vivavoce.errors import Unauthorised
from vivavoce.storage.clock import SECOND
from vivavoce.storage.models import SignIn, User

REMEMBER_S: Final = 60.0
MOST: Final = 20_000
"""Tokens remembered; beyond that the one verified longest ago is forgotten."""


class Authenticator:
    """Says who a token belongs to."""

    def __init__(self, commons: Commons, access: AccessTokens, tokens: ApiTokens, *, most: int = MOST) -> None:
        self._database = commons.database
        self._revocations = commons.revocations
        self._clock = commons.clock
        self._access = access
        self._tokens = tokens
        self._known: dict[str, tuple[Principal, float]] = {}
        self._of: dict[str, set[str]] = {}
        """User → tokens in `_known`."""
        self._news = 0
        self._relied_until = float("-inf")
        self._most = most
        self._revocations.watch(self._revoked, self._forget_all)

    def known(self, token: str, at: float | None = None) -> Principal | None:
        """Whose it is, if that was verified less than a minute ago and nothing has been heard since.

        `at`: the loop's time, where the caller has it already.
        """
        found = self._known.get(token)
        if found is None:
            return None
        moment = now() if at is None else at
        if moment >= self._relied_until:
            # The silence of the bus grows as time does, so it need not be asked each time.
            self._relied_until = moment + self._revocations.reliable_s
        if moment >= found[1] or moment > self._relied_until:
            return None
        return found[0]

    async def authenticate(self, token: str) -> Principal:
        """Raises Unauthorised `token_invalid`, `token_expired` or `token_revoked`, StorageUnavailable."""
        principal = self.known(token)
        if principal is not None:
            return principal
        news = self._news
        if token.startswith("vv_"):
            principal, expires_at = await self._tokens.check(token)
        else:
            claims = await self._access.check(token)
            principal = await self._of_sign_in(claims.user, claims.sign_in, claims.epoch)
            expires_at = claims.expires_at
        if news == self._news:  # else somebody was revoked while we asked: perhaps this one
            self._remember(token, principal, min(REMEMBER_S, (expires_at - self._clock()) / SECOND))
        return principal

    async def confirm(self, via: Via, user: str, sign_in: str) -> Principal:
        """Who that is by the database now: for what was handed on, such as a ticket or a session to resume.

        Raises Unauthorised `token_revoked`, StorageUnavailable.
        """
        if via == "token":
            return await self._tokens.current(user, sign_in)
        if via == "session":
            return await self._of_sign_in(user, sign_in)
        return guest()

    async def _of_sign_in(self, user: str, sign_in: str, epoch: int | None = None) -> Principal:
        async with self._database.reading() as session:
            row = (
                await session.execute(
                    select(User.name, User.role, User.epoch)
                    .join(SignIn, SignIn.user_id == User.id)
                    .where(
                        User.id == user,
                        User.disabled.is_(False),
                        SignIn.id == sign_in,
                        SignIn.revoked_at.is_(None),
                        SignIn.expires_at > self._clock(),
                    )
                )
            ).first()
        if row is None:
            raise Unauthorised("this sign-in has ended", code="token_revoked")
        if epoch is not None and row.epoch != epoch:  # another role since: a refresh brings a token that says so
            raise Unauthorised("the access token is of an earlier day of this user", code="token_expired")
        role = cast(Role, row.role)
        return Principal(user, row.name, role, sign_in, "session", scopes_of(role))

    def _remember(self, token: str, principal: Principal, for_s: float) -> None:
        self._known.pop(token, None)
        while len(self._known) >= self._most:
            self._forget(next(iter(self._known)))
        self._known[token] = principal, now() + for_s
        self._of.setdefault(principal.user, set()).add(token)

    def _revoked(self, user: str, sign_in: str | None) -> None:
        self._news += 1
        for token in tuple(self._of.get(user, ())):
            if sign_in is None or self._known[token][0].sign_in == sign_in:
                self._forget(token)

    def _forget_all(self) -> None:
        self._news += 1
        self._known.clear()
        self._of.clear()

    def _forget(self, token: str) -> None:
        principal, _ = self._known.pop(token)
        tokens = self._of[principal.user]
        tokens.discard(token)
        if not tokens:
            del self._of[principal.user]
