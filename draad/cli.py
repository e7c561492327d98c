"""The commands. Each is a sentence here; what it does stands in a file of its own.

Exit codes: 0 it is done, 1 it could not be done or something needs your attention, 2 the command or a setting is wrong.
"""

import asyncio
import os
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import typer.core

from draad.settings import Misconfigured, Settings
from schemas.errors import DraadError

FAILED: Final = 1
MISUSED: Final = 2


class Commands(typer.core.TyperGroup):
    """A user's mistake is answered in one sentence, never with a stack trace."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401  # As typer has it.
        try:
            return super().invoke(ctx)
        except* DraadError as group:
            error = first(group)
        typer.echo(f"draad: {error}", err=True)
        raise typer.Exit(MISUSED if isinstance(error, Misconfigured) else FAILED)


def first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Draad: every contact on one thread. Settings come from DRAAD_LOG, DRAAD_HOST, DRAAD_PORT, DRAAD_TOKEN and "
    "DRAAD_PEPPER; on many machines docs/scaling.md names the others. Exit codes: 0 done, 1 failed or something needs "
    "attention, 2 wrong command or setting.",
)

Log = Annotated[
    str | None, typer.Option("--log", help="Where the log is: sqlite:///path or kafka://host:port", show_default=False)
]
Host = Annotated[str | None, typer.Option("--host", help="Listen here; 127.0.0.1 is this machine only")]
Port = Annotated[int | None, typer.Option("--port", help="Listen at this port; 0 takes a free one")]
Name = Annotated[str, typer.Argument(help="A part, as `draad parked` and `draad doctor` name it")]


def settings(log: str | None = None, host: str | None = None, port: int | None = None) -> Settings:
    """What the environment says, and what the command says over it."""
    from draad.logs import configure

    configure("warning")
    given = {"DRAAD_LOG": log, "DRAAD_HOST": host, "DRAAD_PORT": None if port is None else str(port)}
    return Settings.from_env({**os.environ, **{name: value for name, value in given.items() if value is not None}})


def done(work: Coroutine[Any, Any, bool | None]) -> None:
    """Do it; exit code 1 if it says false."""
    if asyncio.run(work) is False:
        raise typer.Exit(FAILED)


def begin(chosen: Settings, role: str) -> None:
    from draad.pace import collect_rarely

    collect_rarely()
    import uvloop

    from draad.logs import configure
    from draad.serve import Role, serve

    configure("info")
    collect_rarely()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(chosen, say, Role(role)))


@app.command()
def run(log: Log = None, host: Host = None, port: Port = None) -> None:
    """Start Draad, and say where it is. Ctrl-C or SIGTERM stops it after the work at hand."""
    begin(settings(log, host, port), "all")


@app.command()
def simulate(
    host: Host = None,
    port: Port = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed makes the same day")] = 1,
    minutes: Annotated[float, typer.Option("--minutes", min=1, max=1440, help="How long a day takes")] = 25.0,
) -> None:
    """Start Draad with a town hall around it that does not exist: a lively day, on a log that ends with it."""
    import uvloop

    from draad.logs import configure
    from draad.simulated import simulate

    chosen = settings(None, host, port)
    configure("warning")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(simulate(chosen, say, seed, minutes * 60))


@app.command()
def work(log: Log = None, host: Host = None, port: Port = None) -> None:
    """Only step the parts, beside other machines on the same log; its door tells how it is, and nothing else."""
    begin(settings(log, host, port), "work")


@app.command()
def desk(log: Log = None, host: Host = None, port: Port = None) -> None:
    """Only answer: the API and the pages, while `draad work` steps the parts."""
    begin(settings(log, host, port), "desk")


@app.command()
def link(log: Log = None, host: Host = None, port: Port = None) -> None:
    """Print a fresh link that opens the desk of the running Draad, once."""
    from draad.links import fresh

    say(fresh(settings(log, host, port)))


@app.command(name="log")
def facts(  # noqa: PLR0913, PLR0917  # typer makes an option of each.
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes in")] = False,
    type: Annotated[list[str] | None, typer.Option("--type", "-t", help="Only this type; contact.* for a noun")] = None,
    subject: Annotated[str, typer.Option("--subject", "-s", help="Only this subject; case/* for a topic")] = "",
    after: Annotated[int | None, typer.Option("--after", min=0, help="From after this position on")] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=0, help="At most so many; 20 if nothing is said")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object per line")] = False,
    data: Annotated[bool, typer.Option("--data", help="What they say too, with personal fields masked")] = False,
    personal: Annotated[bool, typer.Option("--personal", help="With --data: personal fields as they are")] = False,
    log: Log = None,
) -> None:
    """Show the facts on the log: the last ones, or those after a position. It may look beside a running Draad."""
    from draad.facts import Wish, show

    wish = Wish(follow, tuple(type or ()), subject, after, limit, json=json, data=data, personal=personal)
    done(show(settings(log), wish, say))


@app.command()
def parked(log: Log = None) -> None:
    """Show what is set aside, and why. Exit code 1 if anything is."""
    from draad.redo import parked

    done(parked(settings(log)))


@app.command()
def redrive(
    name: Name,
    subject: Annotated[str | None, typer.Argument(help="Only this subject; all of them if nothing is said")] = None,
    log: Log = None,
) -> None:
    """Try what is parked again, now that the cause is mended. Exit code 1 if any of it fails again."""
    from draad.redo import redrive

    done(redrive(settings(log), name, subject))


@app.command()
def rebuild(name: Name, log: Log = None) -> None:
    """Make a view or a state anew from the log, beside the one that runs, and switch when it has caught up."""
    from draad.redo import rebuild

    done(rebuild(settings(log), name))


@app.command()
def doctor(log: Log = None, host: Host = None, port: Port = None) -> None:
    """Say what is installed, reachable or misconfigured, a sentence each. Exit code 1 if anything is wrong."""
    from draad.doctor import examine

    done(examine(settings(log, host, port), say))


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="A folder that is not there yet")],
    log: Log = None,
) -> None:
    """Copy the log, its files and its key to a folder, whole and checked, while Draad runs. It holds personal data."""
    from draad.backup import backup

    backup(settings(log), folder, say)


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="What draad backup made")],
    log: Log = None,
) -> None:
    """Put a backup back, after a look whether it is whole. What is there is never overwritten."""
    from draad.backup import restore

    restore(settings(log), folder, say)


topics = typer.Typer(no_args_is_help=True, help="The topics of a log on Kafka, as infra/kafka/topics.yaml has them.")
app.add_typer(topics, name="topics")


@topics.command()
def apply(log: Log = None) -> None:
    """Make the topics that are missing, and mend their settings. Partitions are never added to one."""
    from draad.topics import apply

    done(apply(settings(log), say))


@topics.command()
def check(log: Log = None) -> None:
    """Say what is wrong with the topics, a sentence each. Exit code 1 if anything is."""
    from draad.topics import check

    done(check(settings(log), say))


proofs = typer.Typer(no_args_is_help=True, help="What can be proved of what residents were told.")
app.add_typer(proofs, name="proof")


@proofs.command()
def verify(file: Annotated[Path, typer.Argument(help="A dossier, as /v1/notifications/{id}/proof gives it")]) -> None:
    """Say whether a dossier is as it was made. Exit code 1 if it is not."""
    from draad.proved import proved

    if not proved(file, say):
        raise typer.Exit(FAILED)


texts = typer.Typer(no_args_is_help=True, help="What residents read.")
app.add_typer(texts, name="texts")


@texts.command()
def preview(
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Mails go there as pages too, and letters as PDF")
    ] = None,
) -> None:
    """Show every text with an example filled in, on each road, and what to mend. Exit code 1 if anything is."""
    from draad.site import read_site
    from draad.texts import preview

    if not preview(read_site(settings().site, os.environ), folder, say):
        raise typer.Exit(FAILED)


tokens = typer.Typer(no_args_is_help=True, help="What lets programs in, each until a day and to what it needs.")
app.add_typer(tokens, name="token")


@tokens.command()
def create(
    scope: Annotated[list[str], typer.Option("--scope", help="What it opens; several with commas, or said again")],
    until: Annotated[str, typer.Option("--until", help="Its last day, such as 2027-06-30; or 90d for so many days")],
    name: Annotated[str, typer.Option("--name", help="Whose it is, such as kiss")] = "",
    log: Log = None,
) -> None:
    """Make a token, and print it: this once, and nothing else on standard output."""
    from draad.tokens import asked, create

    done(create(settings(log), asked(scope, until, name, datetime.now(UTC)), say, partial(typer.echo, err=True)))


@tokens.command(name="list")
def listed(log: Log = None) -> None:
    """Show the tokens: whose they are, what they open, until when, and when they were last used. Never the token."""
    from draad.tokens import show

    done(show(settings(log)))


@tokens.command()
def revoke(
    name: Annotated[str, typer.Argument(help="Its name, or how it begins, as `draad token list` shows it")],
    log: Log = None,
) -> None:
    """Let a token open nothing any more, on any machine."""
    from draad.tokens import revoke

    done(revoke(settings(log), name, say))


zaken = typer.Typer(no_args_is_help=True, help="The case system, as the table zaken of the site file has it.")
app.add_typer(zaken, name="zaken")


@zaken.command()
def subscribe() -> None:
    """Have the Notificaties API tell us what changes. Draad has to run, for it is tried at once. Repeat it freely."""
    from draad.zaken import subscribe

    done(subscribe(settings(), say))


@app.command(name="import")
def move(  # noqa: PLR0913, PLR0917  # typer makes an option of each.
    source: Annotated[str, typer.Argument(help="The other register's API, up to and with /klantinteracties/api/v1")],
    token_file: Annotated[Path, typer.Option("--token-file", help="Holds the token that the other register takes")],
    own_token_file: Annotated[
        Path | None, typer.Option("--own-token-file", help="Holds a token of this Draad; else DRAAD_TOKEN is taken")
    ] = None,
    here: Annotated[
        str, typer.Option("--to", help="This Draad's API, where it is not at DRAAD_HOST and DRAAD_PORT")
    ] = "",
    progress: Annotated[Path | None, typer.Option("--progress", help="Keep here how far it is, to go on later")] = None,
    compare: Annotated[bool, typer.Option("--compare", help="Move nothing: only say what differs")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Remove here what was removed there since")] = False,
    log: Log = None,
    host: Host = None,
    port: Port = None,
) -> None:
    """Take over all that another register of the Klantinteracties API holds; both may be in use meanwhile.

    Run it again at any time: what was changed there since is changed here, unless it was changed here too. Exit code 1
    where something differs.
    """
    from draad.moving import moved, secret
    from draad.register import client

    chosen = settings(log, host, port)
    own = secret(own_token_file, chosen.token, "--own-token-file, or the token in DRAAD_TOKEN")
    ours = here or f"{chosen.address}/klantinteracties/api/v1"
    theirs = secret(token_file, None, "--token-file")
    done(moved(client(source, theirs), client(ours, own), progress, only_compare=compare, remove=remove))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def bench(context: typer.Context) -> None:
    """Measure this machine: ratios first. What follows is passed on to `python -m bench`."""
    from draad.measure import measure

    raise typer.Exit(measure(context.args))


def say(line: str) -> None:
    """To the user, at once: whoever started us in a pipe wants to see the address now."""
    typer.echo(line)
    sys.stdout.flush()


def main() -> None:
    app(prog_name="draad")
