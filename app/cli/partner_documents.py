"""`pristan partner documents`: list a request's documents, send the person one, take it back, and ask for photos of a letter."""

import hashlib
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from app.cli import files, partner_output
from app.cli.partner_session import (
    AsJson,
    ReferralArgument,
    act_once,
    action_name,
    open_client,
    referral_id_of,
    reporting_errors,
    sealed_part,
)
from app.client import opened_key, profile
from app.client.api import new_key

documents_app = typer.Typer(
    no_args_is_help=True, help="Documents of the person and for them. `show --files` writes their pages to files."
)

DocumentArgument = Annotated[str, typer.Argument(metavar="DOCUMENT", help="Id of the document, as `send` printed it.")]


@documents_app.command(name="list")
def list_documents(id_or_label: ReferralArgument, as_json: AsJson = False) -> None:
    """List the documents of a referral that you accepted: id, who added it, number of pages, and when. Counts as one read."""
    with reporting_errors(as_json), open_client() as client:
        found = client.sealed(referral_id_of(client, id_or_label)).get("documents", [])
    for document in found:
        partner_output.print_value(document if as_json else _line(document), as_json)
    if not found and not as_json:
        typer.echo("No documents.")


@documents_app.command()
def send(
    id_or_label: ReferralArgument,
    file: Annotated[Path, typer.Argument(help="A photo (JPEG, PNG, HEIC, WebP) or a PDF; - for standard input.")],
    as_json: AsJson = False,
) -> None:
    """Send the person a photo or PDF while you work on the referral: a translation, a power of attorney to sign.

    They get pictures of its pages. The file is stored once, however often the command is run before the service has answered.
    """
    content = files.content(file)
    if not content:
        files.refuse(file, "it is empty")
    with reporting_errors(as_json):
        account = profile.load()
        with open_client(account) as client:
            referral = client.referral(referral_id_of(client, id_or_label))
            sealed, key = sealed_part(client, account, referral)
            if not sealed:
                typer.echo(_NOT_YET, err=True)
                raise typer.Exit(5 if account.private_key else 7)
            name = action_name(referral.id, "document", {"content": hashlib.sha256(content).hexdigest()})
            if name not in account.pending:
                account.pending[name] = {"key": new_key()}
                profile.save(account)
            identity = account.pending[name]["key"]
            case_key = opened_key(sealed, key)
            sent = act_once(
                account,
                name,
                lambda: client.send_document(referral.id, content, document_id=identity, case_key=case_key),
            )
    partner_output.print_value({"id": sent} if as_json else f"Document {sent} was sent.", as_json)


_NOT_YET = "Documents can be sent once you have accepted the referral, and with your private key on this machine."


@documents_app.command()
def take_back(id_or_label: ReferralArgument, document_id: DocumentArgument, as_json: AsJson = False) -> None:
    """Delete a document that your organisation sent. What the person has seen or saved of it stays with them."""
    with reporting_errors(as_json), open_client() as client:
        client.take_back_document(referral_id_of(client, id_or_label), _identity(document_id))
    partner_output.print_value({"deleted": document_id} if as_json else "The document is deleted.", as_json)


@documents_app.command()
def ask(id_or_label: ReferralArgument, as_json: AsJson = False) -> None:
    """Ask the person for photos of a letter: they read it on their page until they add some. Asking again changes nothing."""
    with reporting_errors(as_json), open_client() as client:
        client.ask_for_document(referral_id_of(client, id_or_label))
    partner_output.print_value({"asked": True} if as_json else "The person is asked for photos of a letter.", as_json)


def _identity(text: str) -> str:
    """The id of a document; exits with 2 if it is none."""
    try:
        return str(UUID(text.strip()))
    except ValueError:
        typer.echo("This is not the id of a document: see `pristan partner documents list`.", err=True)
        raise typer.Exit(2) from None


def _line(document: dict[str, Any]) -> str:
    untouched = ", untouched file kept" if document.get("original_pieces") else ""
    pages = f"{document['pages']} page{'' if document['pages'] == 1 else 's'}"
    return f"{document['id']}  {document['created_at']}  {document['author']:<9}  {pages}{untouched}"
