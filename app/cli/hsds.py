"""`pristan hsds`: export and import the directory as an Open Referral package (HSDS 3.1)."""

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli import files

hsds_app = typer.Typer(
    no_args_is_help=True, help="Export and import the directory as an Open Referral package (HSDS 3.1)."
)


@hsds_app.command("export")
def export_package(
    file: Annotated[Path, typer.Argument(help="Zip file to write.", callback=files.writable)],
    everything: Annotated[bool, typer.Option("--all", help="Include unverified centres. Not for publication.")] = False,
) -> None:
    """Export the directory as a zip of CSV files with a datapackage.json."""
    from app.app_context import open_app_context
    from app.core.clock import utc_now
    from app.directory import published
    from app.directory.hsds import packages
    from app.directory.hsds.live_status import states
    from app.directory.hsds.records import records

    context, now = open_app_context(), utc_now()
    with context.database.begin(write=False) as session:
        directory = published.with_edits(session, context.directory).directory
        exported = records(directory, states(session, now), unverified=everything)
    with files.writing(file):
        out = file.open("wb")
    with out:
        counts = packages.write(out, exported, now)
    typer.echo("\n".join(f"{count:6} {name}" for name, count in counts.items()))


@hsds_app.command("import")
def import_package(
    file: Annotated[Path, typer.Argument(help="Zip file to read.")],
    by: Annotated[
        str, typer.Option(help="Sign-in name of the member who proposes the changes. Another member publishes them.")
    ],
    report: Annotated[
        Path | None, typer.Option(help="CSV file for the report. Default: standard output.", callback=files.writable)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the report only; write nothing.")] = False,
) -> None:
    """Propose the organisations of another network's package as unverified entries, and report on each row."""
    from app.app_context import open_app_context
    from app.core.clock import utc_now
    from app.directory.edits import Editor
    from app.directory.hsds import package_import, package_reader

    context, now = open_app_context(), utc_now()
    with context.database.begin(write=not dry_run) as session:
        editor = Editor(*_proposer(session, by), origin="import")
        try:
            with files.open_binary(file) as source:
                result = package_import.import_package(
                    session, context.directory, source, by=editor, now=now, only_look=dry_run
                )
        except package_reader.NotAPackage as error:
            files.refuse(file, str(error))
    _write_report(result.lines, report)
    counts = Counter(line.outcome for line in result.lines)
    summary = ", ".join(f"{counts[name]} {name}" for name in ("proposed", "used", "left out"))
    typer.echo(f"{len(result.lines)} rows: {summary}." + (" Nothing was written." if dry_run else ""), err=True)


def _proposer(session: Any, name: str) -> tuple[Any, str]:
    """Id and role of an active coordinator. Raises BadParameter."""
    import sqlalchemy as sa

    from app.staff.models import Member, Role

    roles = [Role.COORDINATOR.value, Role.SENIOR.value]
    query = sa.select(Member.id, Member.role).where(Member.name == name, Member.active, Member.role.in_(roles))
    row = session.execute(query).one_or_none()
    if row is None:
        raise typer.BadParameter("there is no active coordinator of this name")
    return row.id, row.role


def _write_report(lines: Any, report: Path | None) -> None:
    """Write the lines as CSV to the file, or to standard output."""
    from app.core import spreadsheet

    with files.writing(report):
        target = report.open("w", newline="", encoding="utf-8") if report else sys.stdout
    try:
        rows = ((line.file, line.number, line.id, line.outcome, line.detail) for line in lines)
        spreadsheet.write_csv(target, ("file", "line", "id", "outcome", "detail"), rows, line_end="\n")
    finally:
        if report:
            target.close()
