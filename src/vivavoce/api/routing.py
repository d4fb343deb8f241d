"""How a route is declared: with the permission it needs and the limit it counts against, or not at all.

    class AppsApi:
        routes = Routes("/api/apps", "apps")

        def __init__(self, apps: Apps) -> None: ...

        @routes.get("", permission="apps.read", limit="read", cached=("apps",))
        async def every(self, who: Who) -> AppPage: ...

A section is an object with `routes`; `api_app` binds them to the object. There is no other way in: a route that was
added to the application past this module stops the start (`declared`). The door, the matrix test, the table in the
docs and the OpenAPI document all read the same declarations.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, TypedDict, TypeVar, Unpack, get_args

from starlette.routing import BaseRoute, compile_path

from vivavoce.accounts.permissions import PERMISSIONS, Permission
from vivavoce.accounts.principal import Principal
from vivavoce.channels.rates import Rate
from vivavoce.errors import ConfigError, Refused, Unauthorised

Open = Literal["public", "known", "signed_in"]
"""`public`: anybody. `known`: whoever has shown who they are, guests too. `signed_in`: the same without guests."""
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Needs = Open | Permission | tuple[Permission, ...]
"""A tuple: any one of these is enough to come in; the handler narrows what is seen."""

OPEN: Final = get_args(Open)
JSON: Final = "application/json"
BODY_BYTES: Final = 256 << 10
"""Largest body of a request (THREATS.md §3)."""

Endpoint = TypeVar("Endpoint", bound=Callable[..., Awaitable[Any]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """One route as it was declared."""

    method: Method
    path: str
    """Whole, with its parameters in braces."""
    name: str
    """The method of the section that answers."""
    tag: str
    needs: Needs
    limit: Rate
    cached: tuple[str, ...] = ()
    """Tags under which the answer may be kept, the same for all who may ask; a change invalidates the tag."""
    status: int = 200
    once: bool = False
    """Takes an `Idempotency-Key`."""
    conditional: bool = False
    """Demands `If-Match`."""
    errors: tuple[int, ...] = ()
    """Statuses it answers with besides those that its declaration implies."""
    media: str = JSON
    """Type of a good answer; what is no JSON is described as bytes."""

    @property
    def public(self) -> bool:
        return self.needs == "public"

    def lets(self, principal: Principal | None) -> bool:
        """Whether this caller may call it at all."""
        if self.needs == "public":
            return True
        if principal is None:
            return False
        if self.needs == "known":
            return True
        if self.needs == "signed_in":
            return principal.via != "guest"
        wanted = (self.needs,) if isinstance(self.needs, str) else self.needs
        return any(principal.may(permission) for permission in wanted)

    def admit(self, principal: Principal | None) -> None:
        """Raises Unauthorised for nobody, Refused for somebody who may not."""
        if self.lets(principal):
            return
        if principal is None:
            raise Unauthorised("sign in, or send a token as `Authorization: Bearer …`")
        if self.needs == "signed_in":
            raise Refused("this is for people who have signed in")
        raise Refused(f"this needs the permission {self.needed()}, which you do not have here")

    def needed(self) -> str:
        """The permission in words."""
        if isinstance(self.needs, str):
            return f"`{self.needs}`"
        return " or ".join(f"`{permission}`" for permission in self.needs)


class Options(TypedDict, total=False):
    """Further fields of `Declared`."""

    cached: tuple[str, ...]
    status: int
    once: bool
    conditional: bool
    errors: tuple[int, ...]
    media: str


Declare = Callable[[Endpoint], Endpoint]


@dataclass(slots=True)
class Routes:
    """The declarations of one section: `prefix` stands before their paths, `tag` groups them in the documents."""

    prefix: str
    tag: str
    declared: list[Declared] = field(default_factory=list)

    def get(self, path: str, *, permission: Needs, limit: Rate = "read", **how: Unpack[Options]) -> Declare[Any]:
        return self._add("GET", path, permission, limit, how)

    def post(self, path: str, *, permission: Needs, limit: Rate = "write", **how: Unpack[Options]) -> Declare[Any]:
        return self._add("POST", path, permission, limit, how)

    def put(self, path: str, *, permission: Needs, limit: Rate = "write", **how: Unpack[Options]) -> Declare[Any]:
        return self._add("PUT", path, permission, limit, how)

    def patch(self, path: str, *, permission: Needs, limit: Rate = "write", **how: Unpack[Options]) -> Declare[Any]:
        return self._add("PATCH", path, permission, limit, how)

    def delete(self, path: str, *, permission: Needs, limit: Rate = "write", **how: Unpack[Options]) -> Declare[Any]:
        return self._add("DELETE", path, permission, limit, how)

    def _add(self, method: Method, path: str, needs: Needs, limit: Rate, how: Options) -> Declare[Any]:
        whole = self.prefix + path
        _check(f"{method} {whole}", needs)

        def declare(endpoint: Endpoint) -> Endpoint:
            name = endpoint.__name__
            self.declared.append(
                Declared(method=method, path=whole, name=name, tag=self.tag, needs=needs, limit=limit, **how)
            )
            return endpoint

        return declare


class Section(Protocol):
    """What answers a group of routes."""

    routes: Routes


def _check(what: str, needs: Needs) -> None:
    named = (needs,) if isinstance(needs, str) else needs
    if not named or any(one not in PERMISSIONS and one not in OPEN for one in named):
        raise ConfigError(f"{what} declares no permission that there is")


def declared(routes: Iterable[BaseRoute]) -> tuple[Declared, ...]:
    """The declarations behind an application's routes.

    Raises ConfigError when one of them was not declared: a forgotten permission must stop the start, not open a door.
    """
    found: list[Declared] = []
    for route in routes:
        declaration = getattr(route, "declaration", None)
        if not isinstance(declaration, Declared):
            raise ConfigError(f"the route {getattr(route, 'path', route)} was not declared with a permission")
        found.append(declaration)
    return tuple(found)


class Table:
    """Which declaration answers a request: the look-up for the door, before anything is parsed."""

    def __init__(self, found: Iterable[Declared]) -> None:
        self._fixed: dict[tuple[str, str], Declared] = {}
        self._patterns: list[tuple[str, Any, Declared]] = []
        for one in found:
            if "{" in one.path:
                self._patterns.append((one.method, compile_path(one.path)[0], one))
            else:
                self._fixed[one.method, one.path] = one

    def find(self, method: str, path: str) -> Declared | None:
        """For a path that was decoded once; None where there is no such route."""
        method = "GET" if method == "HEAD" else method
        fixed = self._fixed.get((method, path))
        if fixed is not None:
            return fixed
        for verb, pattern, one in self._patterns:
            if verb == method and pattern.match(path):
                return one
        return None
