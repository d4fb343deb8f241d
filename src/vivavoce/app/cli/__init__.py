"""The command line. Each command is a file that imports what it needs when it runs, so that `--help` is quick."""

from __future__ import annotations

import sys

import typer

from vivavoce.app.cli import audit, backup, doctor, keys, link, models, say, serve, talk, token, user
from vivavoce.app.process import no_core_dumps
from vivavoce.errors import ConfigError, VivavoceError

app = typer.Typer(
    name="vivavoce",
    help="Talk with AI, from whatever is in front of you. `vivavoce serve` is the place to begin.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(serve.serve)
app.command()(talk.talk)
app.command()(say.say)
app.command()(doctor.doctor)
app.command()(backup.backup)
app.command()(backup.restore)
app.add_typer(models.app, name="models")
app.command()(link.link)
app.add_typer(user.app, name="user")
app.add_typer(token.app, name="token")
app.add_typer(audit.app, name="audit")
app.add_typer(keys.app, name="keys")


def _version(wanted: bool) -> None:
    if wanted:
        from vivavoce import __version__

        typer.echo(f"vivavoce {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    pass


def main() -> None:
    """Entry point: 0 done, 1 failed, 2 asked for something impossible, 130 interrupted."""
    no_core_dumps()
    try:
        app()
    except ConfigError as error:
        _fail(error.message, 2)
    except VivavoceError as error:
        _fail(error.message or str(error), 1)
    except KeyboardInterrupt:
        sys.exit(130)


def _fail(message: str, status: int) -> None:
    typer.echo(f"{typer.style('error:', fg='red', bold=True)} {message}", err=True)
    sys.exit(status)
