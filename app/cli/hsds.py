"""`pristan hsds`: the directory as an Open Referral package, out and in."""

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

hsds_app = typer.Typer(no_args_is_help=True, help="The directory as an Open Referral package (HSDS 3.1).")


@hsds_app.command("export")
def export_package(
    file: Annotated[Path, typer.Argument(help="The zip to write.", dir_okay=False)],
    everything: Annotated[bool, typer.Option("--all", help="Unverified centres too: not for publishing.")] = False,
) -> None:
    """Write the directory as a zip of CSV files with their descriptor, datapackage.json."""
    from app.app_context import open_app_context
    from app.core.clock import utc_now
    from app.directory import published
    from app.directory.hsds import packages
    from app.directory.hsds.live_status import states
    from app.directory.hsds.records import records

    house, now = open_app_context(), utc_now()
    with house.database.begin(write=False) as session:
        directory = published.with_edits(session, house.directory).directory
        found = records(directory, states(session, now), unverified=everything)
    with file.open("wb") as out:
        counts = packages.write(out, found, now)
    typer.echo("\n".join(f"{many:6} {name}" for name, many in counts.items()))


@hsds_app.command("import")
def import_package(
    file: Annotated[Path, typer.Argument(help="The zip to read.", exists=True, dir_okay=False)],
    by: Annotated[str, typer.Option(help="Sign-in name of the member who proposes; somebody else publishes.")],
    report: Annotated[Path | None, typer.Option(help="Write the report there, as CSV; else it is printed.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only the report.")] = False,
) -> None:
    """Propose the organisations of a foreign package, unverified, and say what became of every single row."""
    from app.app_context import open_app_context
    from app.core.clock import utc_now
    from app.directory.edits import Editor
    from app.directory.hsds import package_import, package_reader

    house, now = open_app_context(), utc_now()
    with house.database.begin(write=not dry_run) as session:
        editor = Editor(*_proposer(session, by), origin="import")
        try:
            with file.open("rb") as source:
                taken = package_import.import_package(
                    session, house.directory, source, by=editor, now=now, only_look=dry_run
                )
        except package_reader.NotAPackage as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from None
    _tell(taken.lines, report)
    counts = Counter(line.outcome for line in taken.lines)
    told = ", ".join(f"{counts[name]} {name}" for name in ("proposed", "used", "left out"))
    typer.echo(f"{len(taken.lines)} rows: {told}." + (" Nothing was written." if dry_run else ""), err=True)


def _proposer(session: Any, name: str) -> tuple[Any, str]:
    """Id and role of an active member of the desk."""
    import sqlalchemy as sa

    from app.staff.models import Member, Role

    roles = [Role.COORDINATOR.value, Role.SENIOR.value]
    wanted = sa.select(Member.id, Member.role).where(Member.name == name, Member.active, Member.role.in_(roles))
    row = session.execute(wanted).one_or_none()
    if row is None:
        raise typer.BadParameter("there is no active coordinator of this name")
    return row.id, row.role


def _tell(lines: Any, report: Path | None) -> None:
    from app.core import spreadsheet

    target = report.open("w", newline="", encoding="utf-8") if report else sys.stdout
    try:
        rows = ((line.file, line.number, line.id, line.outcome, line.detail) for line in lines)
        spreadsheet.write_csv(target, ("file", "line", "id", "outcome", "detail"), rows, line_end="\n")
    finally:
        if report:
            target.close()
