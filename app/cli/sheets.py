"""`pristan sheet`: the hand-over sheet of a referral as a page to print, for an organisation without an account."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import files

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from app.casework.by_hand import HandOverSheet
    from app.staff.sessions import SignedIn


def sheet(
    referral: Annotated[str, typer.Argument(help="Label of the referral, for example R-7KX-29QM.")],
    language: Annotated[
        str, typer.Option(help="Language of the sheet: ru, en, be, uk, pl, lt, ka or de. Default: the organisation's.")
    ] = "",
    out: Annotated[
        Path | None, typer.Option(help="HTML file to write. Default: standard output.", callback=files.writable)
    ] = None,
    member: Annotated[
        str, typer.Option("--as", help="Sign-in name of a coordinator, for the whole sheet after the acceptance.")
    ] = "",
) -> None:
    """Print the hand-over sheet, for an organisation that is asked by phone, on paper or with a link.

    Without `--as`: the card, which names nobody. With it, and this coordinator's passphrase and code: the sheet that the desk can
    open, with name, contact and story too once the organisation has accepted. Each printing is audited.
    """
    from app.app_context import open_app_context
    from app.casework import by_hand
    from app.casework.coordinator import desk_of
    from app.cli import member_sign_in
    from app.core.clock import utc_now
    from app.core.errors import AppError, NotFound
    from app.core.i18n import LANGUAGES
    from app.directory import published
    from app.directory.languages import language_of_centre
    from app.web.components import hand_over_sheet

    if language and language not in LANGUAGES:
        raise typer.BadParameter(f"The languages are {', '.join(LANGUAGES)}.")
    context, now, wanted = open_app_context(), utc_now(), referral.strip().upper()

    def rendered(session: "Session", found: "HandOverSheet") -> str:
        directory = published.with_edits(session, context.directory).directory
        spoken = language or language_of_centre(directory, found.row.service.split("/")[0])
        return hand_over_sheet.render(found, spoken, context.keys, directory, now)

    def whole(session: "Session", signed_in: "SignedIn") -> str:
        desk = desk_of(signed_in, context.keys, now, context.settings.member_reads_per_day)
        return rendered(session, by_hand.open_sheet_of(session, desk, wanted))

    try:
        if member:
            page = member_sign_in.act_as(context, member, now, whole)
        else:
            with context.database.begin() as session:
                page = rendered(session, by_hand.card_sheet(session, context.keys, wanted, now))
    except AppError as error:
        typer.echo(str(error.detail), err=True)
        raise typer.Exit(4 if isinstance(error, NotFound) else 5) from None
    if out is None:
        typer.echo(page)
        return
    with files.writing(out):
        out.touch(mode=0o600)
        out.chmod(0o600)  # before anything stands in it, also where it was there already
        out.write_text(page, encoding="utf-8")
