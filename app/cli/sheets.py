"""`pristan sheet`: the card of a referral as a page to print, for an organisation without an account."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli import files


def sheet(
    referral: Annotated[str, typer.Argument(help="Label of the referral, for example R-7KX-29QM.")],
    language: Annotated[
        str, typer.Option(help="Language of the sheet: ru, en, be, uk, pl, lt, ka or de. Default: the organisation's.")
    ] = "",
    out: Annotated[
        Path | None, typer.Option(help="HTML file to write. Default: standard output.", callback=files.writable)
    ] = None,
) -> None:
    """Print the hand-over sheet without a name, for an organisation that is asked by phone, on paper or with a link.

    After the organisation has accepted, the sheet with name, contact and story is opened at the desk, with a member's key.
    """
    from app.app_context import open_app_context
    from app.casework import by_hand
    from app.core.clock import utc_now
    from app.core.errors import Conflict, NotFound
    from app.core.i18n import LANGUAGES
    from app.directory import published
    from app.directory.languages import language_of_centre
    from app.web.components import hand_over_sheet

    if language and language not in LANGUAGES:
        raise typer.BadParameter(f"The languages are {', '.join(LANGUAGES)}.")
    context, now = open_app_context(), utc_now()
    try:
        with context.database.begin() as session:
            found = by_hand.card_sheet(session, context.keys, referral.strip().upper(), now)
            directory = published.with_edits(session, context.directory).directory
            spoken = language or language_of_centre(directory, found.row.service.split("/")[0])
            page = hand_over_sheet.render(found, spoken, directory, now)
    except (Conflict, NotFound) as error:
        typer.echo(str(error.detail), err=True)
        raise typer.Exit(4 if isinstance(error, NotFound) else 5) from None
    if out is None:
        typer.echo(page)
        return
    with files.writing(out):
        out.write_text(page, encoding="utf-8")
    out.chmod(0o600)
