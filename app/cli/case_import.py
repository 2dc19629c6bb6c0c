"""`pristan import cases`: the cases of a list that a team kept elsewhere, as the page "Moving in" takes them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import files

if TYPE_CHECKING:
    from app.casework.case_import import CaseList, MovedCase, RowReport

import_app = typer.Typer(no_args_is_help=True, help="Move in cases that were kept elsewhere.")


@import_app.callback()
def move_in() -> None:
    """Move in cases that were kept elsewhere."""


@import_app.command()
def cases(
    file: Annotated[Path, typer.Argument(help="XLSX or CSV with headings; - for standard input.")],
    country: Annotated[str, typer.Option(help="Country for rows that name none, for example PL.")] = "",
    column: Annotated[
        list[str] | None,
        typer.Option(help="What a column contains, for example C=story; C= leaves it out. Can be given several times."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only report the result for each row; move nothing in.")
    ] = False,
    leave_out: Annotated[
        bool, typer.Option("--leave-out", help="Leave out rows that cannot be moved in, and move in the others.")
    ] = False,
    cards: Annotated[
        Path | None,
        typer.Option(
            help="HTML page to write: a card with the number of each person who wants one.", callback=files.writable
        ),
    ] = None,
    all_cards: Annotated[bool, typer.Option("--all-cards", help="A card for everybody.")] = False,
) -> None:
    """Make cases of a list: all of its rows or none. Rows that were moved in before are left as they are.

    Columns are named by their letters and rows by their numbers; the content of the list is never printed.
    """
    from app.app_context import open_app_context
    from app.casework import case_import
    from app.core.clock import utc_now
    from app.core.errors import AppError, Invalid
    from app.core.storage_brake import StorageBrake
    from app.directory import published

    context, now = open_app_context(), utc_now()
    content, chosen = files.content(file), _chosen(column or [])
    if all_cards and cards is None:
        raise typer.BadParameter("Give the file for the cards with --cards.")
    with context.database.begin(write=False) as session:
        current = published.DirectoryInForce(context.directory)
        directory = current.refresh(session, now)
        if country and not directory.has_country(country.upper()):
            raise typer.BadParameter("No team can take requests from this country.")
        try:
            listed = case_import.read(content, chosen, directory=directory, country=country.upper(), now=now)
        except Invalid as error:
            files.refuse(file, error.errors[0]["detail"])
        reports = case_import.look(session, listed, keys=context.keys, team_id=None)
    bad = _tell(listed, reports)
    typer.echo(
        "The rows were not compared with earlier cases, which needs a team's key: "
        "the page of each case shows possible duplicates at the desk."
    )
    if dry_run:
        return
    if bad and not leave_out:
        typer.echo(
            f"Nothing was moved in: {bad} rows have errors. Correct them, or leave them out with --leave-out.", err=True
        )
        raise typer.Exit(2)
    wanted = "none" if cards is None else "all" if all_cards else "asked"
    try:
        with context.database.begin() as session:
            StorageBrake(context.settings.storage_limits).check(session)
            moved = case_import.file_all(
                session, listed, keys=context.keys, directory=directory, now=now, by="console", actor_kind="console",
                actor_id=None, team_id=None, leave_out=leave_out, cards=wanted,
            )  # fmt: skip
            if cards is not None:
                _write_cards(cards, moved, context.settings.base_url)
    except AppError as error:
        typer.echo(str(error.detail), err=True)
        raise typer.Exit(5) from None
    new = [case for case in moved if not case.known]
    for case in moved:
        typer.echo(f"row {case.row}: {case.label}{', moved in before' if case.known else ''}")
    typer.echo(f"{len(new)} cases were moved in.")


def _chosen(options: list[str]) -> dict[int, str]:
    """The columns by their position from 0. Raises BadParameter."""
    from app.casework.import_columns import COLUMNS, LEFT_OUT

    chosen = {}
    for option in options:
        letters, equals, name = option.partition("=")
        if not equals or not letters.isascii() or not letters.isalpha() or len(letters) > 2:
            raise typer.BadParameter("Write a column as C=story, for example.")
        if name not in COLUMNS and name != LEFT_OUT:
            raise typer.BadParameter(f"A column is one of: {', '.join(COLUMNS)}.")
        position = 0
        for letter in letters.upper():
            position = position * 26 + ord(letter) - 64
        chosen[position - 1] = name
    return chosen


def _letters(position: int) -> str:
    return chr(64 + position // 26) + chr(65 + position % 26) if position >= 26 else chr(65 + position)


def _tell(listed: "CaseList", reports: "list[RowReport]") -> int:
    """Print how each column is interpreted, and the result for each row; returns how many cannot be moved in."""
    from app.casework.import_columns import COLUMNS

    for position, name in enumerate(listed.columns):
        typer.echo(f"column {_letters(position)}: {COLUMNS[name] if name else 'left out'}")
    if listed.encoding:
        typer.echo(f"read as {listed.encoding}")
    if listed.more_sheets:
        typer.echo(f"{listed.more_sheets} further sheets are not read.", err=True)
    bad = 0
    for report in reports:
        row = report.row
        if row.intake is None:
            bad += 1
            for problem in row.problems:
                where = f", {COLUMNS[problem.column]}" if problem.column else ""
                typer.echo(f"row {row.number}{where}: {problem.why}", err=True)
            continue
        state = "moved in before" if report.known else "can be moved in"
        typer.echo(" ".join((f"row {row.number}: {state}.", *report.remarks)))
    return bad


def _write_cards(file: Path, moved: "list[MovedCase]", address: str) -> None:
    """Write the cards, for the owner of the file alone. Exits with 2 if that fails, before anything is moved in."""
    import os

    from app.web.components import number_cards

    page = number_cards.render([case for case in moved if case.number], address)
    with (
        files.writing(file),
        os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out,
    ):
        out.write(page)
