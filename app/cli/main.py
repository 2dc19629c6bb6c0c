"""The `pristan` command. Each command imports what it needs when it runs, so that `--help` is quick."""

import gc
from pathlib import Path
from typing import Annotated

import typer

from app.cli import files
from app.cli.case_import import import_app
from app.cli.clients import clients_app
from app.cli.database import database_app
from app.cli.hsds import hsds_app
from app.cli.i18n import i18n_app
from app.cli.maintenance import backup, freeze, keys_app, members_app, recover, restore, status, unfreeze
from app.cli.notices import notices_app
from app.cli.organisation_keys import register, rewrap
from app.cli.partner import partner_app
from app.cli.partner_conflicts import conflicts_app
from app.cli.rules import match, rules_app
from app.cli.sandbox import sandbox_app
from app.cli.sheets import sheet
from app.cli.simulate import simulate
from app.cli.startup import OneLineGroup
from app.cli.teams import teams_app

app = typer.Typer(
    cls=OneLineGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Pristan: legal-aid intake and referral for political exiles.",
)
audit_app = typer.Typer(no_args_is_help=True, help="Check the audit chain.")
app.add_typer(audit_app, name="audit")
app.add_typer(clients_app, name="clients")
app.add_typer(database_app, name="database")
app.add_typer(hsds_app, name="hsds")
app.add_typer(i18n_app, name="i18n")
app.add_typer(import_app, name="import")
app.add_typer(keys_app, name="keys")
# One key in 64 begins with "-" in base64url; it is an argument, not an option that nobody knows.
keys_app.command(context_settings={"ignore_unknown_options": True})(register)
keys_app.command()(rewrap)
app.add_typer(members_app, name="members")
app.add_typer(notices_app, name="notices")
app.add_typer(partner_app, name="partner")
partner_app.add_typer(conflicts_app, name="conflicts")
app.add_typer(rules_app, name="rules")
app.add_typer(sandbox_app, name="sandbox")
app.add_typer(teams_app, name="teams")
app.command()(match)
app.command()(recover)
app.command()(backup)
app.command()(restore)
app.command()(freeze)
app.command()(unfreeze)
app.command()(status)
app.command()(simulate)
app.command()(sheet)

Port = Annotated[int, typer.Option(help="Port to listen on.", envvar="PORT")]
Host = Annotated[str, typer.Option(help="Address to listen on.")]
Surfaces = Annotated[str, typer.Option(help="Surfaces to serve, separated by commas: public, desk, partner.")]


@app.command()
def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    surfaces: Surfaces = "public,desk,partner",
    socket: Annotated[str, typer.Option(help="Listen on this unix socket instead of host and port.")] = "",
) -> None:
    """Serve the pages and the API; unless PRISTAN_WORKER_IN_WEB=false, also run the worker in a thread."""
    gc.disable()  # objects made at start-up are never garbage: collecting meanwhile takes a third of the start-up time
    from app.cli.server import serve as start

    start(host, port, surfaces.split(","), socket=socket)


@app.command()
def worker(
    once: Annotated[bool, typer.Option("--once", help="Run one round and stop, for use with cron.")] = False,
) -> None:
    """Process deadlines, send messages from the outbox and delete expired data. Several workers may run at the same time."""
    from app.cli.server import work

    work(once=once)


@app.command()
def migrate(revision: Annotated[str, typer.Option(help="Alembic revision to migrate to.")] = "head") -> None:
    """Migrate the database schema to the newest revision, or to the one given; roles of the surfaces get their privileges."""
    from app.app_context import direct_database, open_app_context
    from app.app_context import migrate as run
    from app.operations import database_roles

    context = open_app_context()
    context.database.dispose()
    database = direct_database(context.settings)
    run(database, revision)
    database_roles.renew(database)
    database.dispose()
    typer.echo("The schema is up to date.")


@app.command()
def init(
    team: Annotated[str, typer.Option(help="Slug of the first team.")],
    countries: Annotated[str, typer.Option(help="Host countries of the team, for example PL,LT.")],
    member: Annotated[str, typer.Option(help="Sign-in name of the first coordinator.")],
) -> None:
    """Create the keys, the schema, the directory, the first team and its first coordinator. Prints the recovery key once."""
    from app.cli.setup import set_up_interactively

    set_up_interactively(team, [code.strip().upper() for code in countries.split(",")], member)


@app.command()
def demo() -> None:
    """Fill an empty database with a made-up network: two teams, three partners and about 150 cases."""
    from app.app_context import migrate as run
    from app.app_context import open_app_context
    from app.demo.seed import seed_if_empty

    context = open_app_context()
    run(context.database)
    seed_if_empty(context)


@app.command("run-demo")
def run_demo(
    port: Port = 8000,
    small: Annotated[
        bool, typer.Option("--small", help="Only twenty cases, without the three months of history.")
    ] = False,
) -> None:
    """Start the whole demonstration: schema, made-up network, pages, API and worker. `make run` calls this."""
    from app.cli.demo_server import run

    run(port, small=small)


@app.command()
def code(name: Annotated[str, typer.Argument(help="Sign-in name of the demo member.")]) -> None:
    """Print the current one-time code of a demo member. Works in the demonstration only."""
    from app.demo.sign_ins import print_code

    print_code(name)


@app.command()
def directory(
    packs: Annotated[
        Path | None, typer.Option(help="Folder of country packs. Default: the built-in packs.", callback=files.folder)
    ] = None,
) -> None:
    """Load the country packs into the directory. Entries no longer in a pack are marked as retired, never deleted."""
    from app.cli.setup import load_directory

    load_directory(packs)


@audit_app.command()
def verify(
    witness: Annotated[
        list[Path] | None,
        typer.Option(help="A file with a witness that somebody else kept, or that was typed in from paper."),
    ] = None,
) -> None:
    """Verify every entry of the audit chain, and compare it with the signed heads. Exit code 1 if the chain is broken."""
    from app.cli.setup import verify_audit

    verify_audit(witness or ())


@audit_app.command("witness")
def take_witness(
    out: Annotated[Path | None, typer.Option(help="Also write it to this new file.", callback=files.writable)] = None,
) -> None:
    """Print the number and hash of the newest entry, for somebody else to keep. `verify --witness` then finds a rewritten chain."""
    from app.cli.setup import take_witness as run

    run(out)


if __name__ == "__main__":
    app()
