"""`vivavoce token`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from vivavoce.app.cli.options import Config, Set, read

if TYPE_CHECKING:
    from vivavoce.accounts.accounts import Accounts
    from vivavoce.accounts.api_tokens import ApiTokenView
    from vivavoce.accounts.permissions import Permission, Role

app = typer.Typer(help="Tokens for scripts, and the key that signs people's.", no_args_is_help=True)

Owner = Annotated[
    str | None, typer.Option("--user", "-u", help="Whose; without it the administrator's.", metavar="NAME")
]


@app.command("create")
def create(
    role: Annotated[str, typer.Option("--role", "-r", help="What it may: at most what its owner may.", metavar="ROLE")],
    scopes: Annotated[
        str, typer.Option("--scopes", help="Only these permissions of the role: history.own,talk", metavar="LIST")
    ] = "",
    days: Annotated[int | None, typer.Option("--days", help="Life; at most a year.", metavar="N")] = None,
    owner: Owner = None,
    name: Annotated[str, typer.Option("--name", help="To recognise it by in lists.", metavar="TEXT")] = "command line",
    config: Config = None,
    assignments: Set = None,
) -> None:
    """Make a token and print it, and nothing else; it is shown this once."""
    from typing import cast

    from vivavoce.app.cli.local import run, somebody

    async def work(house: Accounts) -> str:
        from vivavoce.accounts.actor import LOCAL_OPERATOR

        user = await somebody(house, owner)
        wanted = cast("list[Permission]", [word.strip() for word in scopes.split(",") if word.strip()])
        made = await house.api_tokens.create(
            LOCAL_OPERATOR, user.id, name, cast("Role", role), scopes=wanted, days=days
        )
        return made.token

    typer.echo(run(read(config, assignments), work))


@app.command("list")
def list_tokens(
    owner: Owner = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
    config: Config = None,
    assignments: Set = None,
) -> None:
    """List the tokens that are valid, of everybody or of one."""
    import json
    from dataclasses import asdict

    from vivavoce.app.cli.local import everybody, moment, run, table

    async def work(house: Accounts) -> list[tuple[str, ApiTokenView]]:
        users = [await house.users.by_name(owner)] if owner else await everybody(house)
        return [(user.name, token) for user in users for token in await house.api_tokens.of(user.id)]

    found = run(read(config, assignments), work)
    if as_json:
        listed = [{"user": name, **asdict(token)} for name, token in found]
        typer.echo(json.dumps(listed, ensure_ascii=False, indent=2))
        return
    rows = [
        (one.id, name, one.name, f"{one.hint}…", one.role, ", ".join(one.scopes) or "all", moment(one.expires_at),
         moment(one.last_used_at))
        for name, one in found
    ]  # fmt: skip
    table(("id", "user", "name", "begins", "role", "scopes", "ends", "last used"), rows)


@app.command("revoke")
def revoke(
    token: Annotated[str, typer.Argument(help="Its id in the list.", metavar="ID")],
    config: Config = None,
    assignments: Set = None,
) -> None:
    """End a token, at once and everywhere."""
    from vivavoce.app.cli.local import everybody, run

    async def work(house: Accounts) -> None:
        from vivavoce.accounts.actor import LOCAL_OPERATOR
        from vivavoce.errors import Missing

        for user in await everybody(house):
            if any(one.id == token for one in await house.api_tokens.of(user.id)):
                return await house.api_tokens.revoke(LOCAL_OPERATOR, user.id, token)
        raise Missing("there is no such token")

    run(read(config, assignments), work)
    typer.echo("revoked")


@app.command("rotate-key")
def rotate_key(config: Config = None, assignments: Set = None) -> None:
    """Let a new key sign people's access tokens; what the old one signed is believed 15 minutes more."""
    from vivavoce.app.cli.local import run

    async def work(house: Accounts) -> str:
        from vivavoce.accounts.actor import LOCAL_OPERATOR

        return (await house.keys.rotate(LOCAL_OPERATOR)).kid

    typer.echo(f"{run(read(config, assignments), work)} signs from now on")
