"""Declarations: none is forgotten, and the door finds them."""

from __future__ import annotations

import pytest
from fastapi import FastAPI

from vivavoce.accounts.principal import Principal, guest
from vivavoce.api.app import api_app
from vivavoce.api.documents import responses
from vivavoce.api.routing import Routes, Table, declared
from vivavoce.api.sections import declarations, documented_app
from vivavoce.errors import ConfigError, Refused, Unauthorised

VIEWER = Principal("u", "u", "viewer", "s", "session", frozenset({"self", "live"}))


def test_every_route_declares_a_permission() -> None:
    app = documented_app()
    assert set(declared(app.routes)) == set(declarations())


def test_a_route_that_comes_past_the_declarations_stops_the_start() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @app.get("/api/backdoor")
    async def backdoor() -> str:
        return "open"

    with pytest.raises(ConfigError, match="/api/backdoor"):
        declared(app.routes)


def test_a_permission_that_there_is_not_stops_the_import() -> None:
    routes = Routes("/api/x", "x")
    with pytest.raises(ConfigError, match="GET /api/x/y"):
        routes.get("/y", permission="everything")  # type: ignore[arg-type]
    with pytest.raises(ConfigError):
        routes.get("/y", permission=())
    with pytest.raises(TypeError):
        routes.get("/y")  # type: ignore[call-arg]


def test_who_is_let_in() -> None:
    routes = Routes("/api/x", "x")

    class Section:
        @routes.get("/a", permission=("live", "audit"))
        async def a(self) -> None: ...

        @routes.get("/b", permission="signed_in")
        async def b(self) -> None: ...

        @routes.get("/c", permission="known")
        async def c(self) -> None: ...

        @routes.get("/d", permission="users")
        async def d(self) -> None: ...

    live, signed_in, known, users = routes.declared
    for one in (live, signed_in, known):
        one.admit(VIEWER)
        with pytest.raises(Unauthorised):
            one.admit(None)
    known.admit(guest())
    with pytest.raises(Refused, match="signed in"):
        signed_in.admit(guest())
    with pytest.raises(Refused, match="`users`"):
        users.admit(VIEWER)
    assert Section.a.__name__ == live.name


def test_names_are_unique_since_clients_are_made_from_them() -> None:
    names = [one.name for one in declarations()]
    assert len(names) == len(set(names))


def test_the_door_finds_what_answers() -> None:
    table = Table(declarations())
    found = table.find("GET", "/api/apps/kitchen")
    assert found is not None
    assert (found.name, table.find("HEAD", "/api/apps/kitchen")) == ("get_app", found)
    assert table.find("GET", "/api/apps") is not None
    for method, path in [("PUT", "/api/apps"), ("GET", "/api/apps/a/b"), ("GET", "/api"), ("GET", "/api/apps/")]:
        assert table.find(method, path) is None


def test_an_answer_that_a_declaration_implies_is_documented() -> None:
    found = {one.name: responses(one) for one in declarations()}
    assert {412, 428, 404, 401, 403} <= set(found["change_app"])
    assert 409 in found["create_app"]
    assert 304 in found["list_apps"]
    assert 401 not in {status for status in found["open_share"] if status == 403}


def test_a_document_is_made_without_services() -> None:
    assert api_app([], None).routes
