"""OAuth 2.0 for machines: metadata (RFC 8414), client credentials (RFC 6749 §4.4), revocation (RFC 7009).

Errors here are the documents of RFC 6749 §5.2, which OAuth libraries expect, and not problem documents.
"""

import base64
import binascii
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_plus

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy.orm import Session

from app.api import oauth_forms, schemas
from app.api.dependencies import REALM, Config, anyone
from app.api.open_addresses import OPEN
from app.api.openapi_components import CHALLENGE, PUBLIC, Responses, problems, ref, success
from app.core.dependencies import Body, Keys, Now
from app.partners import credentials
from app.partners import oauth_clients as partners
from app.partners.credentials import Proof, RefusedAssertion, Secret, SignedAssertion

LONGEST: Final = timedelta(minutes=15)
METHODS: Final = ["private_key_jwt", "client_secret_basic", "client_secret_post"]
ALGORITHMS: Final = ["EdDSA", "Ed25519", "ES256"]
_BEARER: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_NEVER_STORED: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_SECRET: Final = re.compile(r"[ -~]{1,256}")
_FORM: Final = "application/x-www-form-urlencoded"

router = APIRouter(dependencies=[Depends(anyone)], tags=["Signing in"])


_REFUSALS: Final[Responses] = {
    400: {
        "model": schemas.OAuthProblem,
        "description": "The request does not fit.",
        **success(
            {
                "error": "unsupported_grant_type",
                "error_description": "The only grant here is client_credentials.",
            }
        ),
    },
    401: {
        "model": schemas.OAuthProblem,
        "description": "The client is unknown, or its proof does not hold.",
        **success(
            {
                "error": "invalid_client",
                "error_description": "The client is unknown, or its proof does not hold.",
            },
            headers=CHALLENGE,
        ),
    },
    413: {
        "model": schemas.OAuthProblem,
        "description": "The body is too large.",
        **success({"error": "invalid_request", "error_description": "The request is too large."}),
    },
    **{status: answer for status, answer in problems().items() if status != 413},
}


class OAuthError(Exception):
    """An error code of RFC 6749 §5.2 with a sentence that repeats no part of the input."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(code)
        self.code = code
        self.description = description

    def answer(self, status: int = 400) -> JSONResponse:
        """`status`: for an error that is not the client's identity."""
        unknown = self.code == "invalid_client"
        challenge = {"WWW-Authenticate": f'Basic realm="{REALM}", charset="UTF-8"'} if unknown else {}
        return JSONResponse(
            {"error": self.code, "error_description": self.description},
            status_code=401 if unknown else status,
            headers={**_NEVER_STORED, **challenge},
        )


def too_large() -> JSONResponse:
    """The answer to a body that is larger than the service reads: 413, in the form that OAuth libraries can read."""
    return OAuthError("invalid_request", "The request is too large.").answer(413)


@router.get(
    "/.well-known/oauth-authorization-server",
    operation_id="getAuthorizationServerMetadata",
    response_model=schemas.ServerMetadata,
    response_description="The metadata.",
    responses={200: {"headers": PUBLIC}, 422: ref("responses", "Invalid")},
)
async def metadata(config: Config) -> JSONResponse:
    """Where and how to get a token."""
    issuer = config.base_url.rstrip("/")
    return JSONResponse(
        {
            "issuer": issuer,
            "token_endpoint": f"{issuer}/oauth/token",
            "token_endpoint_auth_methods_supported": METHODS,
            "token_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
            "revocation_endpoint": f"{issuer}/oauth/revoke",
            "revocation_endpoint_auth_methods_supported": METHODS,
            "revocation_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": [],
            "scopes_supported": list(partners.SCOPES),
        },
        headers={**OPEN, "Cache-Control": "public, max-age=3600"},
    )


@router.post(
    "/oauth/token",
    operation_id="createToken",
    response_model=schemas.AccessTokenAnswer,
    response_description="A token.",
    responses={
        200: success(
            {"access_token": "…", "token_type": "Bearer", "expires_in": 900, "scope": "events:read referrals:read"}
        ),
        **_REFUSALS,
    },
    openapi_extra=oauth_forms.TOKEN,
)
async def token(request: Request, body: Body, keys: Keys, config: Config, now: Now) -> Response:
    """A bearer token for at most 15 minutes, for the requested scopes, or for all scopes of the client."""
    ttl = min(config.token_ttl, LONGEST)

    def issue(session: Session, proof: Proof, form: dict[str, str]) -> dict[str, Any]:
        wanted = form.get("scope", "").split() or None
        try:
            issued = partners.issue_token(session, keys, proof, wanted, now, ttl)
        except ValueError:
            raise OAuthError("invalid_scope", "This client was not given all of these scopes.") from None
        if issued is None:
            raise _unknown_client()
        return {
            "access_token": issued.token,
            "token_type": "Bearer",
            "expires_in": max(int(issued.lasts.total_seconds()), 1),
            "scope": " ".join(issued.scopes),
        }

    try:
        form = _form(request, body)
        _take_grant(form)
        return await _run_as_client(request, form, issue)
    except OAuthError as error:
        return error.answer()


@router.post(
    "/oauth/revoke",
    operation_id="revokeToken",
    response_description="The token is no longer valid, or never was.",
    responses={
        200: success(media={"application/json": {"type": "object", "maxProperties": 0}}),
        **_REFUSALS,
    },
    openapi_extra=oauth_forms.REVOCATION,
)
async def revoke(request: Request, body: Body, keys: Keys, now: Now) -> Response:
    """Revoke one of your tokens. The answer is the same for one that is unknown, expired or another client's."""

    def end(session: Session, proof: Proof, form: dict[str, str]) -> dict[str, Any]:
        client = credentials.authenticate(session, keys, proof, now)
        if client is None:
            raise _unknown_client()
        partners.revoke(session, client.id, form["token"])
        return {}

    try:
        form = _form(request, body)
        if not form.get("token"):
            raise OAuthError("invalid_request", "The parameter token is missing.")
        return await _run_as_client(request, form, end)
    except OAuthError as error:
        return error.answer()


async def _run_as_client(
    request: Request, form: dict[str, str], act: Callable[[Session, Proof, dict[str, str]], dict[str, Any]]
) -> Response:
    """Read the client's proof of identity before a transaction is opened. Raises OAuthError."""
    proof = _assertion(request, form) if "client_assertion" in form else _secret(request, form)
    try:
        async with request.app.state.transactions.open(write=True) as session:
            done = await run_sync(act, session, proof, form)
    except RefusedAssertion as refused:
        raise OAuthError("invalid_client", str(refused)) from None
    return JSONResponse(done, headers=_NEVER_STORED)


def _form(request: Request, body: bytes) -> dict[str, str]:
    if request.query_params:
        raise OAuthError("invalid_request", "Send the parameters in the body, and none in the address.")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise OAuthError("invalid_request", f"Send the parameters as {_FORM}.")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError:
        raise OAuthError("invalid_request", "The parameters cannot be read.") from None
    if len({name for name, _ in pairs}) != len(pairs):
        raise OAuthError("invalid_request", "A parameter is given more than once.")
    return dict(pairs)


def _take_grant(form: dict[str, str]) -> None:
    grant = form.get("grant_type")
    if not grant:
        raise OAuthError("invalid_request", "The parameter grant_type is missing.")
    if grant != "client_credentials":
        raise OAuthError("unsupported_grant_type", "The only grant here is client_credentials.")


def _assertion(request: Request, form: dict[str, str]) -> Proof:
    """RFC 7523 §2.2. The audience may be the issuer or the endpoint, and nothing else."""
    if "client_secret" in form or request.headers.getlist("authorization"):
        raise OAuthError("invalid_request", "Send the client's credentials in one way only.")
    if form.get("client_assertion_type") != _BEARER:
        raise OAuthError("invalid_request", "The parameter client_assertion_type does not fit.")
    issuer = request.app.state.settings.base_url.rstrip("/")
    ours = frozenset({issuer, f"{issuer}/oauth/token", f"{issuer}{request.url.path}"})
    return SignedAssertion(form["client_assertion"], ours, form.get("client_id"))


def _secret(request: Request, form: dict[str, str]) -> Proof:
    """Client id and secret, from the header or from the form, never from both."""
    headers = request.headers.getlist("authorization")
    if headers and ("client_secret" in form or len(headers) > 1):
        raise OAuthError("invalid_request", "Send the client's credentials in one way only.")
    client_id, secret = _basic(headers[0]) if headers else (form.get("client_id", ""), form.get("client_secret", ""))
    if headers and form.get("client_id", client_id) != client_id:
        raise OAuthError("invalid_request", "The parameter client_id names another client.")
    if not partners.CLIENT_ID.fullmatch(client_id) or not _SECRET.fullmatch(secret):
        raise _unknown_client()
    return Secret(client_id, secret)


def _basic(header: str) -> tuple[str, str]:
    """RFC 6749 §2.3.1: id and secret are form-encoded before they are joined."""
    kind, _, text = header.partition(" ")
    if kind.lower() != "basic":
        raise _unknown_client()
    try:
        joined = base64.b64decode(text.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise _unknown_client() from None
    client_id, _, secret = joined.partition(":")
    return unquote_plus(client_id), unquote_plus(secret)


def _unknown_client() -> OAuthError:
    return OAuthError("invalid_client", "The client is unknown, or its proof does not hold.")
