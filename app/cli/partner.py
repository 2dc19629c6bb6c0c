"""`pristan partner`: the API from a terminal. Needs no open port, no database and no key of the service.

Exit codes: 0 done · 1 something unexpected · 2 wrong usage or not logged in · 3 refused (401, 403) · 4 not found, or no
longer kept · 5 the referral has moved on (409, 412) · 6 no answer: run the same command again · 7 this key does not open it.
"""

import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from app.cli import partner_login, partner_output, partner_tables
from app.cli.partner_tables import Format
from app.client import ApiError, CannotReach, OpenedPart, PartnerClient, Referral, opened, profile
from app.client.api import new_key
from app.client.opening import base64url, from_base64url
from app.client.profile import NoProfile, Profile
from app.core.sealing import CannotOpen, KeyPair

partner_app = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False, help="Work with your referrals over the API."
)

_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_EXIT_BY_STATUS: Final = {401: 3, 403: 3, 404: 4, 410: 4, 409: 5, 412: 5, 429: 6, 502: 6, 503: 6, 504: 6}

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of words for people.")]
Which = Annotated[str, typer.Argument(metavar="REFERRAL", help="A referral's id, or its label like R-7KX-29QM.")]
States = Annotated[list[str] | None, typer.Option("--state", help="Only this state; may be given more than once.")]
Need = Annotated[str | None, typer.Option(help="Only referrals with this need.")]
Since = Annotated[str | None, typer.Option(metavar="INSTANT", help="Only changes since, like 2026-11-24T08:00:00Z.")]


@partner_app.callback()
def speak() -> None:
    """Work with your referrals over the API."""
    partner_output.in_utf8()


@partner_app.command()
def login(
    base_url: Annotated[str | None, typer.Option(help="Address of the service.")] = None,
    client_id: Annotated[str | None, typer.Option(help="Your OAuth client id.")] = None,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Try it with made-up cases: no account is needed.")
    ] = False,
    demo: Annotated[Path | None, typer.Option(help="Take everything from the file that `make run` writes.")] = None,
    organisation: Annotated[str | None, typer.Option(help="With --demo: the slug of the organisation to be.")] = None,
) -> None:
    """Keep address and credentials here. The secret is asked for, or read from PRISTAN_CLIENT_SECRET."""
    with _told():
        if sandbox:
            mine = partner_login.from_sandbox(base_url)
        elif demo:
            mine = partner_login.from_demo(demo, organisation)
        else:
            mine = partner_login.from_prompts(base_url, client_id)
        with _client(mine) as client:
            client.sign_in()
        profile.save(mine)
    typer.echo(f"Logged in at {mine.base_url}{' as ' + mine.organisation if mine.organisation else ''}.")


@partner_app.command()
def keygen(
    replace: Annotated[bool, typer.Option("--replace", help="Make a new key although there is one.")] = False,
) -> None:
    """Make your private key, keep it here, and print the public key for the network to register."""
    with _told():
        mine = profile.load()
        if mine.private_key and not replace:
            typer.echo(
                "There is a key already. With --replace a new one is made; keep the old one to open old referrals.",
                err=True,
            )
            raise typer.Exit(2)
        if mine.private_key:
            _keep_old(mine)
        pair = KeyPair.generate()
        mine.private_key = base64url(pair.seed)
        profile.save(mine)
    typer.echo(base64url(pair.public))


@partner_app.command()
def pull(state: States = None, need: Need = None, since: Since = None, as_json: AsJson = False) -> None:
    """List your referrals, those changed longest ago first."""
    with _told(as_json), _client() as client:
        found = client.referrals(state=state or (), need=need, updated_since=since)
        count = 0
        for referral in partner_output.with_progress(found, "referrals"):
            partner_output.show(referral.raw if as_json else partner_output.line(referral), as_json)
            count += 1
        if not count and not as_json:
            typer.echo("Nothing here.")


@partner_app.command()
def show(which: Which, as_json: AsJson = False) -> None:
    """Show one referral, and after acceptance the sealed part, opened here with your own private key."""
    with _told(as_json):
        mine = profile.load()
        with _client(mine) as client:
            referral = client.referral(_id(client, which))
            parts = _opened(client, mine, referral)
    if as_json:
        opened = [{"part": part.part, "seq": part.seq, "author": part.author, **part.content} for part in parts]
        partner_output.show({**referral.raw, "opened": opened}, as_json)
        return
    typer.echo(partner_output.line(referral))
    typer.echo(f"Next: {', '.join(referral.allowed_actions) or 'nothing for you to do'}")
    for part in parts:
        typer.echo(f"\n{part.part} ({part.author})")
        for name, value in partner_output.flat(part.content):
            typer.echo(f"  {name}: {value}")


@partner_app.command()
def act(
    which: Which,
    verb: Annotated[str, typer.Argument(help="One of the referral's allowed_actions.")],
    reason: Annotated[str | None, typer.Option(help="A reason code, where the step needs one.")] = None,
    outcome: Annotated[str | None, typer.Option(help="An outcome code, where the step needs one.")] = None,
    until: Annotated[str | None, typer.Option(help="A day (2026-12-24), where the step needs one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Take any step that the referral allows."""
    _act(which, verb, as_json, reason=reason, outcome=outcome, until=until)


@partner_app.command()
def acknowledge(which: Which, as_json: AsJson = False) -> None:
    """Say that you have seen it and will answer."""
    _act(which, "acknowledge", as_json)


@partner_app.command()
def accept(which: Which, as_json: AsJson = False) -> None:
    """Take the case. The sealed part opens for you, and the other centres' offers end."""
    _act(which, "accept", as_json)


@partner_app.command()
def decline(
    which: Which,
    reason: Annotated[str, typer.Option(help="A reason code, like no_capacity, out_of_scope, conflict.")],
    as_json: AsJson = False,
) -> None:
    """Say no, with a reason, so that the next centre is asked at once."""
    _act(which, "decline", as_json, reason=reason)


@partner_app.command()
def start(which: Which, as_json: AsJson = False) -> None:
    """Say that work has begun."""
    _act(which, "start", as_json)


@partner_app.command()
def complete(
    which: Which,
    outcome: Annotated[str, typer.Option(help="How it ended, like helped or advised.")],
    as_json: AsJson = False,
) -> None:
    """Close the referral with its outcome."""
    _act(which, "complete", as_json, outcome=outcome)


@partner_app.command()
def listen(
    as_json: AsJson = False,
    once: Annotated[bool, typer.Option("--once", help="Print what is new and stop.")] = False,
    from_start: Annotated[bool, typer.Option("--from-start", help="Begin with the oldest event that is kept.")] = False,
) -> None:
    """Print events as they happen. Goes on where it stopped; an event may be told twice, its id tells."""
    with _told(as_json):
        mine = profile.load()
        with _client(mine) as client:
            cursor = None if from_start else mine.cursor or None
            for page in _until_now(client, cursor) if once else client.listen(cursor, on_silence=_say_so):
                for event in page.events:
                    partner_output.show(
                        partner_output.event_document(event)
                        if as_json
                        else f"{event.time}  {event.type}  {event.referral}",
                        as_json,
                    )
                sys.stdout.flush()
                mine.cursor = page.cursor
                profile.save(mine)


@partner_app.command()
def export(
    file: Annotated[Path | None, typer.Option("--out", help="File to write; otherwise standard output.")] = None,
    style: Annotated[
        Format, typer.Option("--format", help="csv for a spreadsheet; jsonl or fhir for a program.")
    ] = Format.CSV,
    state: States = None,
    since: Since = None,
) -> None:
    """Write all your referrals, without names, as a table or as lines of JSON."""
    with _told(), _client() as client:
        found = partner_output.with_progress(client.referrals(state=state or (), updated_since=since), "referrals")
        with partner_tables.opened(file, sys.stdout) as out:
            partner_tables.write(found, out, style, client)


@contextmanager
def _told(as_json: bool = False) -> Iterator[None]:
    """Errors become one line on standard error, with --json a JSON object, and an exit code."""
    try:
        yield
    except NoProfile as error:
        _fail(str(error), 2, "no-profile", as_json)
    except ApiError as error:
        code = _EXIT_BY_STATUS.get(error.status, 1)
        _fail(partner_output.explained(error), code, error.code, as_json, status=error.status, problem=error.problem)
    except CannotReach as error:
        words = f"The service does not answer: {error}. Run the same command again; nothing is done twice."
        _fail(words, 6, "no-answer", as_json)
    except CannotOpen:
        _fail("The sealed part does not open with this key, or it was changed on the way.", 7, "not-opened", as_json)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _fail(words: str, code: int, error: str, as_json: bool, **more: Any) -> None:
    document = {"error": error, "message": words, "exit_code": code, **more}
    typer.echo(json.dumps(document, ensure_ascii=False) if as_json else partner_output.harmless(words), err=True)
    raise typer.Exit(code)


def _client(mine: Profile | None = None) -> PartnerClient:
    mine = mine or profile.load()
    return PartnerClient(mine.base_url, mine.client_id, mine.client_secret)


def _keep_old(mine: Profile) -> None:
    """The key before stays beside the new one: referrals sealed to it still open."""
    mine.old_keys = [mine.private_key, *mine.old_keys]


def _id(client: PartnerClient, which: str) -> str:
    """The id itself, or that of the referral with this label."""
    which = which.strip()
    if _ID.fullmatch(which.lower()):
        return which.lower()
    label = which.upper()
    matching = [referral for referral in client.referrals() if referral.label == label]
    if not matching:
        raise ApiError(404, {"type": "not-found", "detail": "No referral of yours has this id or label."})
    return matching[-1].id


def _opened(client: PartnerClient, mine: Profile, referral: Referral) -> list[OpenedPart]:
    """What the sealed part says; nothing before acceptance, or while there is no key here."""
    if not referral.raw.get("sealed"):
        return []
    if not mine.private_key:
        typer.echo(
            "There is no private key here (`pristan partner keygen`), so the sealed part stays closed.", err=True
        )
        return []
    document = client.sealed(referral.id)
    keys = [from_base64url(key) for key in (mine.private_key, *mine.old_keys)]
    for key in keys[:-1]:
        try:
            return opened(document, key)
        except CannotOpen:
            continue
    return opened(document, keys[-1])


def _act(which: str, verb: str, as_json: bool, **details: str | None) -> None:
    """Take a step once, however often the command is run: its key is on disk before the request leaves."""
    with _told(as_json):
        mine = profile.load()
        with _client(mine) as client:
            referral_id = _id(client, which)
            name = _name_of(referral_id, verb, details)
            if name not in mine.pending:
                mine.pending[name] = {"key": new_key(), "version": client.referral(referral_id).version}
                profile.save(mine)
            promised = mine.pending[name]
            referral = _answered(
                mine,
                name,
                lambda: client.act(referral_id, verb, version=promised["version"], key=promised["key"], **details),
            )
    partner_output.show(referral.raw if as_json else partner_output.line(referral), as_json)


def _name_of(referral_id: str, verb: str, details: dict[str, str | None]) -> str:
    return hashlib.sha256(json.dumps([referral_id, verb, details], sort_keys=True).encode()).hexdigest()


def _answered(mine: Profile, name: str, call: Callable[[], Referral]) -> Referral:
    """Forget the act's key as soon as the service has answered it, yes or no; keep it while that is not known."""
    try:
        referral = call()
    except ApiError as error:
        if error.status < 500 and error.status not in {401, 403, 429} and error.code != "conflict":
            _forget(mine, name)
        raise
    _forget(mine, name)
    return referral


def _forget(mine: Profile, name: str) -> None:
    mine.pending.pop(name, None)
    profile.save(mine)


def _say_so(_error: Exception) -> None:
    typer.echo("The service does not answer; trying again in a minute.", err=True)


def _until_now(client: PartnerClient, cursor: str | None) -> Iterator[Any]:
    """The pages that are there already."""
    while True:
        page = client.events(cursor)
        yield page
        if not page.more:
            return
        cursor = page.cursor


if __name__ == "__main__":
    partner_app()
