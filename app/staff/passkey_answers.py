"""What the WebAuthn library says of a browser's answer. Only `passkeys` imports this, when there is an answer.

Everything here raises ValueError for what the library refuses, or one of KeyError, TypeError and AttributeError for another shape.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers import base64url_to_bytes, parse_client_data_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.registration.verify_registration_response import VerifiedRegistration


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except WebAuthnException:
        raise ValueError("answer") from None


def registered(document: dict[str, Any], challenge: bytes, rp_id: str, origin: str) -> VerifiedRegistration:
    """The new credential, made by somebody whom the device has verified."""
    with _refusals():
        return verify_registration_response(
            credential=document,
            expected_challenge=challenge,
            expected_rp_id=rp_id,
            expected_origin=origin,
            require_user_verification=True,
        )


def new_sign_count(
    document: dict[str, Any], challenge: bytes, rp_id: str, origin: str, public_key: bytes, sign_count: int
) -> int:
    """The counter of the credential after this use, by somebody whom the device has verified."""
    with _refusals():
        used = verify_authentication_response(
            credential=document,
            expected_challenge=challenge,
            expected_rp_id=rp_id,
            expected_origin=origin,
            credential_public_key=public_key,
            credential_current_sign_count=sign_count,
            require_user_verification=True,
        )
        return int(used.new_sign_count)


def challenge_in(document: dict[str, Any]) -> bytes:
    """The challenge that the answer says it is for."""
    with _refusals():
        return bytes(parse_client_data_json(decoded(document["response"]["clientDataJSON"])).challenge)


def decoded(text: str) -> bytes:
    with _refusals():
        return bytes(base64url_to_bytes(text))
