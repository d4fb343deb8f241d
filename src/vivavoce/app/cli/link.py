"""`vivavoce link`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from vivavoce.app.cli.options import Config, Set, read

if TYPE_CHECKING:
    from vivavoce.accounts.accounts import Accounts
    from vivavoce.accounts.links import Link


def link(
    name: Annotated[str | None, typer.Argument(help="Whose; without it the administrator's.", metavar="[NAME]")] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", help="Where people reach the server, such as https://voice.example.", metavar="URL"),
    ] = None,
    config: Config = None,
    assignments: Set = None,
) -> None:
    """Print a link that signs in once, within 15 minutes."""
    from vivavoce.app.cli.local import run, sign_in_address, somebody

    loaded = read(config, assignments)

    async def work(house: Accounts) -> Link:
        from vivavoce.accounts.actor import LOCAL_OPERATOR

        return await house.links.issue(LOCAL_OPERATOR, (await somebody(house, name)).id)

    typer.echo(sign_in_address(loaded, run(loaded, work).secret, at))
