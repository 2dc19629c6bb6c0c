"""`pristan partner`: the API from a terminal. Needs no open port, no database and no key of the service.

Exit codes: 0 success · 1 unexpected error · 2 wrong usage or not logged in · 3 refused (401, 403) · 4 not found or
deleted · 5 the referral has changed (409, 412) · 6 no answer: run the same command again · 7 the key does not decrypt it.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from app.cli import files, partner_files, partner_login, partner_output, partner_tables
from app.cli.partner_documents import documents_app
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
from app.cli.partner_tables import Format
from app.client import (
    OpenedMessage,
    PartnerClient,
    Referral,
    forwarding,
    opened,
    opened_key,
    opened_messages,
    profile,
)
from app.client.api import new_key
from app.client.decryption import base64url, from_base64url
from app.client.documents import with_deleted
from app.client.forwarding import Forwarder
from app.client.profile import Profile
from app.core.sealing import CannotOpen, KeyPair

partner_app = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False, help="Work with your referrals over the API."
)
partner_app.add_typer(documents_app, name="documents")

States = Annotated[
    list[str] | None, typer.Option("--state", help="Only referrals in this state. Can be given several times.")
]
Need = Annotated[str | None, typer.Option(help="Only referrals with this need.")]
Since = Annotated[
    str | None,
    typer.Option(metavar="INSTANT", help="Only referrals changed since this time, for example 2026-11-24T08:00:00Z."),
]


@partner_app.callback()
def main() -> None:
    """Work with your referrals over the API."""
    partner_output.use_utf8()


@partner_app.command()
def login(
    base_url: Annotated[str | None, typer.Option(help="Address of the service.")] = None,
    client_id: Annotated[str | None, typer.Option(help="Your OAuth client id.")] = None,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Log in to the sandbox with made-up cases. No account is needed.")
    ] = False,
    demo: Annotated[
        Path | None, typer.Option(help="Take the credentials from the file that `make run` writes.")
    ] = None,
    organisation: Annotated[str | None, typer.Option(help="With --demo: slug of your organisation.")] = None,
) -> None:
    """Check and store address and credentials. The secret is asked for, or read from PRISTAN_CLIENT_SECRET."""
    with reporting_errors():
        if sandbox:
            account = partner_login.from_sandbox(base_url)
        elif demo:
            account = partner_login.from_demo(demo, organisation)
        else:
            account = partner_login.from_prompts(base_url, client_id)
        with open_client(account) as client:
            client.sign_in()
        profile.save(account)
    typer.echo(f"Logged in at {account.base_url}{' as ' + account.organisation if account.organisation else ''}.")


@partner_app.command()
def keygen(
    replace: Annotated[bool, typer.Option("--replace", help="Create a new key even if there is one.")] = False,
) -> None:
    """Create and store your private key, and print the public key for the network to register."""
    with reporting_errors():
        account = profile.load()
        if account.private_key and not replace:
            typer.echo(
                "There is already a key. Use --replace to create a new one; the old one is kept to decrypt older referrals.",
                err=True,
            )
            raise typer.Exit(2)
        if account.private_key:
            _keep_old(account)
        pair = KeyPair.generate()
        account.private_key = base64url(pair.seed)
        profile.save(account)
    typer.echo(base64url(pair.public))


@partner_app.command()
def pull(state: States = None, need: Need = None, since: Since = None, as_json: AsJson = False) -> None:
    """List your referrals, in the order of their last change, oldest first."""
    with reporting_errors(as_json), open_client() as client:
        referrals = client.referrals(state=state or (), need=need, updated_since=since)
        count = 0
        for referral in partner_output.with_progress(referrals, "referrals"):
            partner_output.print_value(referral.raw if as_json else partner_output.referral_line(referral), as_json)
            count += 1
        if not count and not as_json:
            typer.echo("No referrals.")


UNTOUCHED_WARNING: Final = (
    "Nobody has looked into untouched files. Open them only to check their signature, on a computer that has nothing else to "
    "lose."
)


@partner_app.command()
def show(
    id_or_label: ReferralArgument,
    files: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Also decrypt the documents, and write their pages to this folder as JPEG files that only you can read. "
            "Files that are there already stay as they are.",
        ),
    ] = None,
    originals: Annotated[
        bool,
        typer.Option(
            help="With --files: also the untouched files that were kept because they are electronically signed. They are as "
            "they were sent and may be dangerous to open."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show one referral and, after acceptance, the encrypted part, decrypted on this machine with your private key."""
    with reporting_errors(as_json):
        account = profile.load()
        with open_client(account) as client:
            referral = client.referral(referral_id_of(client, id_or_label))
            document, key = sealed_part(client, account, referral)
            parts = with_deleted(document, opened(document, key)) if document else []
            written = _write_documents(client, referral, document, key, files, originals) if document and files else []
    if as_json:
        opened_parts = [{"part": part.part, "seq": part.seq, "author": part.author, **part.content} for part in parts]
        paths = {"files": [str(file) for file in written]} if files else {}
        partner_output.print_value({**referral.raw, "opened": opened_parts, **paths}, as_json)
        return
    typer.echo(partner_output.referral_line(referral))
    typer.echo(f"Possible actions: {', '.join(referral.allowed_actions) or 'none'}")
    for part in parts:
        typer.echo(f"\n{part.part} ({part.author})")
        for name, value in partner_output.flatten(part.content):
            typer.echo(f"  {name}: {value}")
    if files:
        typer.echo(f"\nFiles written to {files}: {len(written)}")


@partner_app.command()
def act(
    id_or_label: ReferralArgument,
    verb: Annotated[str, typer.Argument(help="One of the referral's allowed_actions.")],
    reason: Annotated[str | None, typer.Option(help="Reason code, if the action needs one.")] = None,
    outcome: Annotated[str | None, typer.Option(help="Outcome code, if the action needs one.")] = None,
    until: Annotated[str | None, typer.Option(help="Date, for example 2026-12-24, if the action needs one.")] = None,
    question: Annotated[
        str | None, typer.Option(help="With ask_info: code of your question to the person, for example letter_date.")
    ] = None,
    done: Annotated[
        list[str] | None,
        typer.Option(
            help="With hand_back: code of what you did already, for example contact_made. Can be given several times."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Carry out any action that the referral allows."""
    details = {"reason": reason, "outcome": outcome, "until": until, "question": question, "work_done": done}
    _act(id_or_label, verb, as_json, **details)


@partner_app.command()
def acknowledge(id_or_label: ReferralArgument, as_json: AsJson = False) -> None:
    """Confirm that you have seen the referral and will answer."""
    _act(id_or_label, "acknowledge", as_json)


@partner_app.command()
def accept(id_or_label: ReferralArgument, as_json: AsJson = False) -> None:
    """Accept the case. You can then decrypt the encrypted part, and the offers to others for the same needs end."""
    _act(id_or_label, "accept", as_json)


@partner_app.command()
def decline(
    id_or_label: ReferralArgument,
    reason: Annotated[str, typer.Option(help="Reason code, for example no_capacity, out_of_scope or conflict.")],
    as_json: AsJson = False,
) -> None:
    """Decline with a reason. Somebody else is asked for these needs."""
    _act(id_or_label, "decline", as_json, reason=reason)


@partner_app.command()
def start(id_or_label: ReferralArgument, as_json: AsJson = False) -> None:
    """Report that work has started."""
    _act(id_or_label, "start", as_json)


@partner_app.command()
def complete(
    id_or_label: ReferralArgument,
    outcome: Annotated[str, typer.Option(help="Outcome code, for example represented or advised.")],
    outcome_of: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NEED=CODE",
            help="The outcome of one need, if it is another, for example psychosocial=advised. Can be given several times.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Complete the referral: each of its needs ends with the outcome."""
    outcomes = dict[str, str]()
    for pair in outcome_of or ():
        need, equals, code = pair.partition("=")
        if not (need and equals and code) or need in outcomes:
            typer.echo("--outcome-of takes a need and its outcome, each need once: psychosocial=advised", err=True)
            raise typer.Exit(2)
        outcomes[need] = code
    _act(id_or_label, "complete", as_json, outcome=outcome, outcomes=outcomes or None)


@partner_app.command()
def messages(
    id_or_label: ReferralArgument,
    write: Annotated[
        bool,
        typer.Option(
            "--write",
            help="Read a message from standard input, encrypt it on this machine and send it. It is sent once, however often "
            "the command is run with the same words before the service has answered.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the conversation with the team about a referral, decrypted on this machine, or write to the team."""
    with reporting_errors(as_json):
        account = profile.load()
        with open_client(account) as client:
            referral_id = referral_id_of(client, id_or_label)
            if write:
                sent = _write_message(account, client, referral_id)
                partner_output.print_value({"seq": sent} if as_json else f"Message {sent} was sent.", as_json)
                return
            document = client.sealed_messages(referral_id)
        found = [_opened_message(account, document, message) for message in document["messages"]]
        for message in found:
            if message is not None:
                partner_output.print_value(
                    partner_output.message_document(message) if as_json else partner_output.message_text(message),
                    as_json,
                )
        if not found and not as_json:
            typer.echo("No messages.")
        if None in found:
            raise CannotOpen


@partner_app.command()
def listen(
    as_json: AsJson = False,
    once: Annotated[bool, typer.Option("--once", help="Print new events and stop.")] = False,
    from_start: Annotated[bool, typer.Option("--from-start", help="Start with the oldest stored event.")] = False,
    forward: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="For developers: send each event to this address too, signed like a webhook. "
            "For example http://127.0.0.1:9000/hook.",
        ),
    ] = "",
    secret: Annotated[
        str,
        typer.Option(
            envvar="PRISTAN_WEBHOOK_SECRET",
            metavar="whsec_…",
            help="The secret to sign with. Default: a new one, which is printed.",
        ),
    ] = "",
) -> None:
    """Print events as they happen, starting after the last one printed. An event may be repeated, with the same id."""
    with reporting_errors(as_json):
        forwarder = _forwarder(forward, secret) if forward else None
        account = profile.load()
        with open_client(account) as client:
            cursor = None if from_start else account.cursor or None
            for page in _available_pages(client, cursor) if once else client.listen(cursor, on_silence=_report_silence):
                for event in page.events:
                    if forwarder and (problem := forwarder.send(event, int(time.time()))):
                        typer.echo(
                            f"{forwarder.url} did not accept the event: {problem}. It is not sent again.", err=True
                        )
                    partner_output.print_value(
                        partner_output.event_document(event)
                        if as_json
                        else f"{event.time}  {event.type}  {event.referral}",
                        as_json,
                    )
                sys.stdout.flush()
                account.cursor = page.cursor
                profile.save(account)


def _forwarder(url: str, secret: str) -> Forwarder:
    shared = secret or forwarding.new_secret()
    forwarder = Forwarder(forwarding.check_address(url), shared)
    forwarding.signed(shared, "", 0, b"")
    if not secret:
        typer.echo(f"Signed with {shared}", err=True)
    return forwarder


@partner_app.command()
def export(
    file: Annotated[
        Path | None, typer.Option("--out", help="File to write. Default: standard output.", callback=files.writable)
    ] = None,
    file_format: Annotated[
        Format,
        typer.Option("--format", help="csv for a spreadsheet; jsonl or fhir (one document per line) for a program."),
    ] = Format.CSV,
    state: States = None,
    since: Since = None,
) -> None:
    """Export all your referrals, without names, as CSV or as lines of JSON."""
    with reporting_errors(), open_client() as client:
        referrals = partner_output.with_progress(client.referrals(state=state or (), updated_since=since), "referrals")
        with partner_tables.output_file(file, sys.stdout) as out:
            partner_tables.write(referrals, out, file_format, client)


def _keep_old(account: Profile) -> None:
    """Keep the present key as an old one, so that referrals encrypted to it can still be decrypted."""
    account.old_keys = [account.private_key, *account.old_keys]


def _write_documents(
    client: PartnerClient, referral: Referral, sealed: dict[str, Any], key: bytes, folder: Path, originals: bool
) -> list[Path]:
    """Decrypt the documents and write their pages, and `originals`, into the folder; the new files. Raises CannotOpen.

    A document whose files are all there is not asked for again: each five pages are one read of the day.
    """
    case_key, written = opened_key(sealed, key), list[Path]()
    for document in sealed.get("documents", ()):
        files = partner_files.page_files(folder, referral.label, document)
        if originals and document.get("original_pieces"):
            file = partner_files.original_file(folder, referral.label, document)
            typer.echo(UNTOUCHED_WARNING, err=True)
            if not file.exists() and partner_files.write_whole(file, client.original(referral.id, document, case_key)):
                written.append(file)
        if all(file.exists() for file in files):
            continue
        for file in partner_files.write_pages(files, client.pages(referral.id, document, case_key)):
            written.append(file)
    return written


def _opened_message(account: Profile, document: dict[str, Any], message: dict[str, Any]) -> OpenedMessage | None:
    """One message, with the key or an older one on this machine. None: none of them opens it."""
    for key in (account.private_key, *account.old_keys):
        try:
            return opened_messages({**document, "messages": [message]}, from_base64url(key))[0]
        except (CannotOpen, ValueError):
            continue
    return None


def _write_message(account: Profile, client: PartnerClient, referral_id: str) -> int:
    """Send what is on standard input once; returns its number. Its id is stored before the request, and the words never are."""
    text = typer.get_text_stream("stdin", encoding="utf-8").read().strip()
    if not text:
        typer.echo("There is no text on standard input.", err=True)
        raise typer.Exit(2)
    name = action_name(referral_id, "message", {"text": text})
    if name not in account.pending:
        account.pending[name] = {"key": new_key()}
        profile.save(account)
    return act_once(account, name, lambda: client.write(referral_id, text, message_id=account.pending[name]["key"]))


def _act(id_or_label: str, verb: str, as_json: bool, **details: str | list[str] | dict[str, str] | None) -> None:
    """Carry out an action once, however often the command is run: its idempotency key is stored before the request."""
    with reporting_errors(as_json):
        account = profile.load()
        with open_client(account) as client:
            referral_id = referral_id_of(client, id_or_label)
            name = action_name(referral_id, verb, details)
            if name not in account.pending:
                account.pending[name] = {"key": new_key(), "version": client.referral(referral_id).version}
                profile.save(account)
            action = account.pending[name]
            referral = act_once(
                account,
                name,
                lambda: client.act(referral_id, verb, version=action["version"], key=action["key"], **details),
            )
    partner_output.print_value(referral.raw if as_json else partner_output.referral_line(referral), as_json)


def _report_silence(_error: Exception) -> None:
    typer.echo("The service does not answer; trying again in a minute.", err=True)


def _available_pages(client: PartnerClient, cursor: str | None) -> Iterator[Any]:
    """The pages of events that are available now."""
    while True:
        page = client.events(cursor)
        yield page
        if not page.more:
            return
        cursor = page.cursor


if __name__ == "__main__":
    partner_app()
