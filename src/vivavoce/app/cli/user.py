"""`vivavoce user`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from vivavoce.app.cli.options import Config, Set, read

if TYPE_CHECKING:
    from vivavoce.accounts.accounts import Accounts
    from vivavoce.accounts.links import Link
    from vivavoce.accounts.permissions import Role
    from vivavoce.accounts.profile import Profile

app = typer.Typer(help="The people who may come in.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="What they sign in with.", metavar="NAME")]
RoleName = Annotated[str, typer.Option("--role", "-r", help="admin, operator, user, viewer or device.", metavar="ROLE")]
At = Annotated[
    str | None,
    typer.Option("--at", help="Where people reach the server, such as https://voice.example.", metavar="URL"),
]


@app.command("add")
def add(
    name: Name,
    role: RoleName = "user",
    display_name: Annotated[str, typer.Option("--display-name", help="How they are shown.", metavar="TEXT")] = "",
    at: At = None,
    config: Config = None,
    assignments: Set = None,
) -> None:
    """Add somebody, and print a link by which they come in once, within 15 minutes."""
    from vivavoce.app.cli.local import run, sign_in_address

    loaded = read(config, assignments)

    async def work(house: Accounts) -> Link:
        from vivavoce.accounts.actor import LOCAL_OPERATOR

        user = await house.users.create(LOCAL_OPERATOR, name, _role(role), display_name)
        return await house.links.issue(LOCAL_OPERATOR, user.id)

    typer.echo(sign_in_address(loaded, run(loaded, work).secret, at))


@app.command("list")
def list_users(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
    config: Config = None,
    assignments: Set = None,
) -> None:
    """List everybody."""
    import json
    from dataclasses import asdict

    from vivavoce.app.cli.local import everybody, moment, run, table

    users = run(read(config, assignments), everybody)
    if as_json:
        typer.echo(json.dumps([asdict(user) for user in users], ensure_ascii=False, indent=2))
        return
    rows = [
        (user.name, user.role, user.display_name, "disabled" if user.disabled else "", moment(user.created_at))
        for user in users
    ]
    table(("name", "role", "shown as", "", "since"), rows)


@app.command("role")
def role(
    name: Name,
    role: Annotated[str, typer.Argument(help="admin, operator, user, viewer or device.", metavar="ROLE")],
    config: Config = None,
    assignments: Set = None,
) -> None:
    """Give somebody another role, at once."""
    _change(name, config, assignments, role=_role(role))


@app.command("disable")
def disable(name: Name, config: Config = None, assignments: Set = None) -> None:
    """Keep somebody out, at once: their sign-ins end, and their tokens rest."""
    _change(name, config, assignments, disabled=True)


@app.command("enable")
def enable(name: Name, config: Config = None, assignments: Set = None) -> None:
    """Let somebody in again."""
    _change(name, config, assignments, disabled=False)


@app.command("reset")
def reset(name: Name, at: At = None, config: Config = None, assignments: Set = None) -> None:
    """Print a link by which somebody sets a new password; it works once, within 15 minutes.

    The old one holds until then. Setting the new one ends all sign-ins of before.
    """
    from vivavoce.app.cli.local import run, sign_in_address

    loaded = read(config, assignments)

    async def work(house: Accounts) -> Link:
        from vivavoce.accounts.actor import LOCAL_OPERATOR

        user = await house.users.by_name(name)
        return await house.links.issue(LOCAL_OPERATOR, user.id, "reset")

    typer.echo(sign_in_address(loaded, run(loaded, work).secret, at))


@app.command("sign-out")
def sign_out(name: Name, config: Config = None, assignments: Set = None) -> None:
    """End all sign-ins of somebody, at once; API tokens stay."""
    from vivavoce.app.cli.local import run

    async def work(house: Accounts) -> int:
        from vivavoce.accounts.actor import LOCAL_OPERATOR

        user = await house.users.by_name(name)
        return await house.sign_ins.end_all(LOCAL_OPERATOR, user.id)

    typer.echo(f"{run(read(config, assignments), work)} ended")


def _change(
    name: str, config: Config, assignments: Set, *, role: Role | None = None, disabled: bool | None = None
) -> None:
    from vivavoce.app.cli.local import run

    async def work(house: Accounts) -> Profile:
        from vivavoce.accounts.actor import LOCAL_OPERATOR

        user = await house.users.by_name(name)
        return await house.users.change(LOCAL_OPERATOR, user.id, role=role, disabled=disabled)

    user = run(read(config, assignments), work)
    typer.echo(f"{user.name}: {user.role}{', disabled' if user.disabled else ''}")


def _role(text: str) -> Role:
    from typing import cast

    from vivavoce.accounts.permissions import ROLES
    from vivavoce.errors import ConfigError

    if text not in ROLES:
        raise ConfigError(f"{text}: a role is one of {', '.join(ROLES)}")
    return cast("Role", text)
