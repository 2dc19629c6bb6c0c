"""Implementation of `pristan init`, `pristan directory` and `pristan audit verify`."""

from collections.abc import Sequence
from pathlib import Path

import typer

from app import audit
from app.app_context import migrate, open_app_context
from app.audit import witness
from app.cli import files, recovery_proof
from app.core.clock import utc_now
from app.core.errors import AppError, Invalid
from app.directory import loader as directory_loader
from app.directory.packs import PackError, load_packs
from app.operations import heartbeats
from app.staff import passphrases, recovery, team_setup
from app.staff import service as staff
from app.staff.models import Role


def set_up_interactively(team: str, countries: list[str], member: str) -> None:
    """Ask for a passphrase, create the schema, the directory and the first team, and print its secrets once."""
    context = open_app_context()
    unknown = set(countries) - {country.code for country in context.directory.places}
    if unknown:
        raise typer.BadParameter(f"no country pack for {', '.join(sorted(unknown))}")
    migrate(context.database)
    with context.database.begin(write=False) as session:
        if recovery.has_team(
            session
        ):  # a second team is a second person for organisations and admins: not by the server alone
            recovery_proof.require(session)
    passphrase = _passphrase(member, team)
    now = utc_now()
    with context.database.begin() as session:
        directory_loader.upsert(session, context.directory, now)
        new_team = team_setup.create_team(session, team, team, countries, now)
        served = staff.served_countries(session)
        totp_secret = team_setup.add_coordinator(session, context.keys, new_team, member, Role.SENIOR, passphrase, now)
    typer.echo(f"Secret for the authenticator app: {totp_secret}")
    typer.echo("The recovery key. Write it on paper and store it away from the server; it is not shown again:")
    typer.echo(new_team.recovery)
    unserved = sorted({country.code for country in context.directory.countries} - served)
    if unserved:
        typer.echo(
            f"Warning: no team takes requests from {', '.join(unserved)}. The form does not offer these countries, and POST "
            "/v1/intakes answers `country-not-served`. An admin can propose a team for them on the page Teams of the desk."
        )
    typer.echo("Next steps: pristan members invite-admin NAME, and pristan keys backup-key. See docs/operations.md.")


def add_team_interactively(slug: str, name: str, countries: list[str], member: str) -> None:
    """Ask for the recovery key and a passphrase, and add a further team with its first senior. Exits with 1 if it is refused."""
    context = open_app_context()
    unknown = set(countries) - {country.code for country in context.directory.places}
    if unknown:
        raise typer.BadParameter(f"no country pack for {', '.join(sorted(unknown))}")
    now = utc_now()
    try:
        with context.database.begin(write=False) as session:
            team_setup.check(session, slug, countries)
        recovery_seed = recovery.parse_key(typer.prompt("Recovery key", hide_input=True))
        with context.database.begin(write=False) as session:
            recovery.check_holds_key_of(session, recovery_seed, None)
        passphrase = _passphrase(member, slug)
        with context.database.begin() as session:
            new_team = team_setup.add_further_team(session, slug, name, countries, recovery_seed, now)
            secret = team_setup.add_coordinator(session, context.keys, new_team, member, Role.SENIOR, passphrase, now)
    except (AppError, recovery.WrongKey) as error:
        typer.echo(error.errors[0]["detail"] if isinstance(error, Invalid) else str(error), err=True)
        raise typer.Exit(1) from None
    typer.echo(f"Secret for the authenticator app: {secret}")
    typer.echo(
        "The recovery key holds the key of this team too. Further members are proposed at the desk, by two people."
    )


def _passphrase(member: str, team: str) -> str:
    """A passphrase that is asked for twice. Raises BadParameter for a weak one."""
    passphrase: str = typer.prompt(
        f"Passphrase of the first coordinator (for example: {passphrases.suggestion()})",
        hide_input=True,
        confirmation_prompt=True,
    )
    weakness = passphrases.weakness(passphrase, member, team)
    if weakness:
        raise typer.BadParameter(weakness)
    return passphrase


def load_directory(packs: Path | None) -> None:
    """Load the built-in packs, or those in a folder. Exits with 2 if a pack is not valid."""
    context = open_app_context()
    try:
        directory = load_packs(packs) if packs else context.directory
    except PackError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    with context.database.begin() as session:
        directory_loader.upsert(session, directory, utc_now())
    typer.echo(f"{len(directory.organisations)} organisations with {len(directory.services)} services loaded.")


def verify_audit(witness_files: Sequence[Path] = ()) -> None:
    """Verify the audit chain, and compare it with the signed heads of the worker and with these witnesses.

    Says how many entries are in it, how many are committed and not yet in it, and how many numbers of arrival no entry has.
    Exits with 1 at the first entry that does not verify, with 2 if a file is no witness.
    """
    held = [head for file in witness_files for head in _witnesses(file)]
    context, now = open_app_context(), utc_now()
    settings = context.settings
    audit.place_all(context.database)
    with context.database.begin(write=False) as session:
        if context.database.dialect == "postgresql":
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        with typer.progressbar(length=audit.length(session), label="Entries") as bar:
            found = audit.examine(session, progress=bar.update)
        error = found.broken
        try:
            if error is None:
                heads = settings.audit_heads_file
                if heads.exists():
                    key = witness.signing_key(settings.audit_key_file)
                    error = witness.verify_heads(session, heads, key, kept=settings.audit_kept, now=now)
                else:
                    typer.echo(
                        f"There are no signed heads in {heads}: entries are compared only with each other.", err=True
                    )
        except (witness.NoWitness, ValueError, OSError) as wrong:
            typer.echo(f"The signed heads cannot be read: {wrong}.", err=True)
            raise typer.Exit(2) from None
        if error is None:
            error = witness.compare(session, held, kept=settings.audit_kept, now=now)
    if error is not None:
        typer.echo(f"The audit chain is broken at entry {error.seq}: {error.problem}.", err=True)
        raise typer.Exit(1)
    typer.echo(f"The audit chain is intact. Entries in it: {found.placed}.")
    if found.waiting and found.waiting_since is not None:
        typer.echo(
            f"Not yet in it: {found.waiting}, the oldest of {found.waiting_since.isoformat(timespec='seconds')}."
            " The worker adds them every second; if it is running and this number stays, look at its log."
        )
    if found.unused:
        typer.echo(
            f"Arrival numbers without an entry: {found.unused}. Such a number is left by a transaction that failed while it"
            " committed, up to 32 by each crash or fail-over of the database, and one by each entry that somebody removed before"
            " it was in the chain."
        )


def _witnesses(file: Path) -> list[witness.Witness]:
    """The witnesses in a file. Exits with 2."""
    try:
        return witness.read(files.text(file))
    except witness.NoWitness as wrong:
        files.refuse(file, str(wrong))


def take_witness(out: Path | None) -> None:
    """Print a witness of the audit chain for a second party, and write it to `out` for machines. Exits with 1 if it is broken."""
    context, now = open_app_context(), utc_now()
    audit.place_all(context.database)
    with context.database.begin() as session:
        if (error := audit.verify(session)) is not None:
            typer.echo(f"The audit chain is broken at entry {error.seq}: {error.problem}.", err=True)
            raise typer.Exit(1)
        taken = witness.take(session, witness.signing_key(context.settings.audit_key_file), now)
        if taken is None:
            typer.echo("The audit log is empty.", err=True)
            raise typer.Exit(1)
        if out is not None:
            with files.writing(out), out.open("x") as file:
                file.write(taken.line() + "\n")
        heartbeats.record(session, heartbeats.WITNESS, now, seq=taken.seq)
    typer.echo(taken.paper())
    typer.echo(f"key      {taken.key}")
