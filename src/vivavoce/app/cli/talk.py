"""`vivavoce talk`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vivavoce.app.cli.options import Config, Set, read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vivavoce.app.talk.person import Person
    from vivavoce.app.talk.plan import Step
    from vivavoce.app.talk.record import Turn


Sounds = Annotated[
    list[Path] | None,
    typer.Argument(help="Sound files (WAV, Ogg, FLAC, MP3, WebM), each with one utterance or several.", metavar="IN"),
]
Text = Annotated[list[str] | None, typer.Option(help="Type this after the files; repeatable.")]
Out = Annotated[Path | None, typer.Option(help="Write both sides: stereo WAV, you left, the reply right.")]
Timeline = Annotated[Path | None, typer.Option(help="Draw the timeline (PNG).")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")]
InterruptAt = Annotated[
    int | None,
    typer.Option(
        help="Interrupt the first reply after so much of it: with the next utterance, else with the stop button.",
        metavar="MS",
        min=0,
    ),
]
Gap = Annotated[
    int,
    typer.Option(
        "--pause",
        help="Silence in a file that parts two utterances; 0 plays files as they are, pauses and all.",
        metavar="MS",
        min=0,
    ),
]
Stay = Annotated[
    float, typer.Option(help="Go on listening at the end: a timer may ring.", metavar="SECONDS", min=0, max=3600)
]
Url = Annotated[
    str | None,
    typer.Option(help="Talk with a running server, such as http://127.0.0.1:8006; its token is in VIVAVOCE_TOKEN."),
]

Language = Annotated[
    str | None, typer.Option(help="Language of the conversation, instead of the settings' or server's.")
]


def talk(
    sounds: Sounds = None,
    text: Text = None,
    out: Out = None,
    timeline: Timeline = None,
    as_json: Json = False,
    interrupt_at: InterruptAt = None,
    pause: Gap = 700,
    stay: Stay = 0.0,
    url: Url = None,
    language: Language = None,
    voice: Annotated[str | None, typer.Option(help="Voice of the replies.")] = None,
    config: Config = None,
    assignments: Set = None,
) -> None:
    """Talk from files: what is in them is said, the reply is heard to its end, and each turn is timed.

    Runs the same engine as the server, here in this process, or a running server with --url. Real time: ten
    seconds of talk take ten seconds.
    """
    import asyncio
    import json
    import os

    from vivavoce.app.talk.lines import here, there
    from vivavoce.app.talk.person import Manner, Person
    from vivavoce.errors import Closed, ConfigError

    loaded = read(config, assignments, talk__language=language, talk__voice=voice)
    steps = _steps(sounds or (), text or (), pause)
    if not steps:
        raise ConfigError("nothing to say: give sound files with speech in them, or --text")
    manner = Manner(
        language=language,
        voice=voice,
        interrupt_at=interrupt_at,
        stay_ms=round(stay * 1000),
    )
    progress = _Progress(quiet=as_json)
    person = Person(steps, manner, progress.tick)

    async def converse() -> None:
        if url is not None:
            await person.talk(lambda hearer: there(hearer, url, os.environ.get("VIVAVOCE_TOKEN")))
            return
        from vivavoce.app.build import conversations
        from vivavoce.channels.metrics import Metrics

        async with conversations(loaded.settings, Metrics(), progress.loading) as house:
            await person.talk(lambda hearer: here(hearer, house.offered, loaded.settings.talk.language))

    failed: Closed | None = None
    with progress:
        try:
            asyncio.run(converse())
        except Closed as error:  # what was said until then is still worth to see
            failed = error
    if as_json:
        typer.echo(json.dumps(person.record.as_json(person.clock / 1000), ensure_ascii=False, indent=2))
    else:
        _print(person)
    _write(person, out, timeline)
    if failed is not None:
        raise failed


def _steps(sounds: Sequence[Path], texts: Sequence[str], pause: int) -> list[Step]:
    from vivavoce.app.talk import plan
    from vivavoce.app.talk.sounds import read_sound

    steps: list[Step] = []
    for file in sounds:
        pcm = read_sound(file)
        steps += plan.utterances(pcm, pause) if pause else plan.whole(pcm)
    return [*steps, *(plan.Type(line) for line in texts)]


def _print(person: Person) -> None:
    """Each turn with its timings, as people read them."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for turn in person.record.turns:
        console.print(Text.assemble(("you    ", "bold blue"), turn.said or "(an announcement)"))
        text, heard = turn.text.strip(), turn.heard.strip()
        line = Text.assemble(("reply  ", "bold green"), heard)
        if text.startswith(heard) and text != heard:
            line.append(" ✂ ", "bold red").append(text[len(heard) :].strip(), "strike dim")
        console.print(line)
        console.print(Text(f"       {_timings(turn)}", "dim"))
    for problem in person.record.problems:
        console.print(Text.assemble((f"{problem.code}: ", "bold red"), problem.message))
    count = len(person.record.turns)
    console.print(Text(f"{count} turn{'' if count == 1 else 's'} in {person.clock / 1000:.1f} s", "dim"))


def _timings(turn: Turn) -> str:
    parts = [turn.reason or "no reply"]
    metrics = turn.as_json()["metrics"]
    if "until_heard_ms" in metrics:
        parts.append(f"{metrics['until_heard_ms']} ms until heard")
    parts += [f"{stage['name']} {stage['start']}…{stage['end']}" for stage in metrics.get("stages", ())]
    return " · ".join(parts)


def _write(person: Person, out: Path | None, timeline: Path | None) -> None:
    rate = person.loudspeaker.rate
    if out is not None:
        from vivavoce.app.talk.sounds import write_stereo

        write_stereo(out, bytes(person.tracks.said), bytes(person.tracks.heard), rate)
    if timeline is not None:
        from vivavoce.app.talk.timeline import draw

        draw(timeline, person.record, person.tracks, rate)


class _Progress:
    """One line on the terminal while it takes time: what is loaded, how long the talk is. Nothing when piped."""

    def __init__(self, *, quiet: bool) -> None:
        from rich.console import Console

        self._status = Console(stderr=True, quiet=quiet).status("beginning …")

    def __enter__(self) -> None:
        self._status.start()

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def loading(self, what: str) -> None:
        self._status.update(f"loading {what} …")

    def tick(self, clock: int) -> None:
        if clock % 200 == 0:
            self._status.update(f"talking, {clock / 1000:.1f} s")
