"""What all commands of `pristan partner` share: the connection, errors as exit codes, and actions that are carried out once."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, Final, TypeVar

import typer

from app.cli import partner_output
from app.client import ApiError, CannotReach, PartnerClient, Referral, opened_key, profile
from app.client.decryption import from_base64url
from app.client.forwarding import NoReceiver
from app.client.profile import NoProfile, Profile
from app.core.sealing import CannotOpen

_Answer = TypeVar("_Answer")
_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_EXIT_BY_STATUS: Final = {401: 3, 403: 3, 404: 4, 410: 4, 409: 5, 412: 5, 429: 6, 502: 6, 503: 6, 504: 6}

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ReferralArgument = Annotated[
    str, typer.Argument(metavar="REFERRAL", help="Id of the referral, or its label, for example R-7KX-29QM.")
]


@contextmanager
def reporting_errors(as_json: bool = False) -> Iterator[None]:
    """Turn errors into one line (with --json, one JSON object) on standard error and an exit code."""
    try:
        yield
    except NoProfile as error:
        _fail(str(error), 2, "no-profile", as_json)
    except ApiError as error:
        code = _EXIT_BY_STATUS.get(error.status, 1)
        _fail(partner_output.error_text(error), code, error.code, as_json, status=error.status, problem=error.problem)
    except CannotReach as error:
        message = f"The service does not answer: {error}. Run the same command again; no action is carried out twice."
        _fail(message, 6, "no-answer", as_json)
    except OSError as error:
        _fail(f"The files cannot be written: {error.strerror}.", 1, "not-written", as_json)
    except CannotOpen:
        _fail(
            "The encrypted part cannot be decrypted with this key, or it was changed in transit.",
            7,
            "not-opened",
            as_json,
        )
    except NoReceiver as error:
        _fail(str(error), 2, "no-receiver", as_json)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _fail(message: str, code: int, error: str, as_json: bool, **more: Any) -> None:
    document = {"error": error, "message": message, "exit_code": code, **more}
    typer.echo(
        json.dumps(document, ensure_ascii=False) if as_json else partner_output.without_control_characters(message),
        err=True,
    )
    raise typer.Exit(code)


def open_client(account: Profile | None = None) -> PartnerClient:
    account = account or profile.load()
    return PartnerClient(account.base_url, account.client_id, account.client_secret)


def referral_id_of(client: PartnerClient, id_or_label: str) -> str:
    """The id of a referral given by id or label. Raises ApiError 404."""
    id_or_label = id_or_label.strip()
    if _ID.fullmatch(id_or_label.lower()):
        return id_or_label.lower()
    label = id_or_label.upper()
    matching = [referral for referral in client.referrals() if referral.label == label]
    if not matching:
        raise ApiError(404, {"type": "not-found", "detail": "You have no referral with this id or label."})
    return matching[-1].id


def sealed_part(client: PartnerClient, account: Profile, referral: Referral) -> tuple[dict[str, Any], bytes]:
    """The encrypted part and the private key for it; empty before acceptance or without a private key. Raises CannotOpen."""
    if not referral.raw.get("sealed"):
        return {}, b""
    if not account.private_key:
        typer.echo(
            "There is no private key on this machine, so the encrypted part cannot be shown: run `pristan partner keygen`.",
            err=True,
        )
        return {}, b""
    document = client.sealed(referral.id)
    signers = client.signers(document)
    keys = [from_base64url(key) for key in (account.private_key, *account.old_keys)]
    for key in keys:
        try:
            opened_key(document, key, signers=signers)
        except CannotOpen:
            continue
        return document, key
    raise CannotOpen


def action_name(referral_id: str, verb: str, details: Mapping[str, object]) -> str:
    """A name under which an unanswered action with the same details is found again."""
    return hashlib.sha256(json.dumps([referral_id, verb, details], sort_keys=True).encode()).hexdigest()


def act_once(account: Profile, name: str, call: Callable[[], _Answer]) -> _Answer:
    """Call, and delete the stored idempotency key once the service has answered; keep it while the result is unknown."""
    try:
        answer = call()
    except ApiError as error:
        if error.status < 500 and error.status not in {401, 403, 429} and error.code != "conflict":
            _forget(account, name)
        raise
    _forget(account, name)
    return answer


def _forget(account: Profile, name: str) -> None:
    account.pending.pop(name, None)
    profile.save(account)
