"""Signatures that receivers' own libraries accept; pauses that add up to four days."""

from base64 import b64decode
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

from app.webhooks import signing
from app.webhooks.retries import PAUSES, pause_after

BODY = b'{"type":"org.pristan.test"}'


def test_a_shared_secret_is_verified_by_the_library_of_standard_webhooks() -> None:
    secret, now = signing.new_secret(), datetime.now(UTC)
    headers = signing.headers("an-id", now, BODY, signing.SHARED, [secret])
    assert Webhook(signing.shown_secret(secret)).verify(BODY, headers) == {"type": "org.pristan.test"}
    with pytest.raises(WebhookVerificationError):
        Webhook(signing.shown_secret(secret)).verify(BODY + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(signing.shown_secret(signing.new_secret())).verify(BODY, headers)


def test_the_example_of_the_specification() -> None:
    """Secret, message and signature as the library's own documentation has them."""
    secret = b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = signing.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}', signing.SHARED, [secret])
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_public_key_verifies_what_its_seed_signed() -> None:
    seed, now = signing.new_secret(), datetime.now(UTC)
    headers = signing.headers("an-id", now, BODY, signing.PUBLIC, [seed])
    kind, _, signature = headers["webhook-signature"].partition(",")
    public = Ed25519PublicKey.from_public_bytes(b64decode(signing.shown_public_key(seed).removeprefix("whpk_")))
    signed = f"an-id.{int(now.timestamp())}.".encode() + BODY
    public.verify(b64decode(signature), signed)
    assert kind == "v1a"
    with pytest.raises(InvalidSignature):
        public.verify(b64decode(signature), signed + b" ")


def test_while_a_secret_is_replaced_both_verify() -> None:
    new, old = signing.new_secret(), signing.new_secret()
    headers = signing.headers("an-id", datetime.now(UTC), BODY, signing.SHARED, [new, old])
    for secret in (new, old):
        Webhook(signing.shown_secret(secret)).verify(BODY, headers)


def test_the_pauses_grow_and_cover_four_days() -> None:
    assert list(PAUSES) == sorted(PAUSES)
    assert timedelta(days=3, hours=23) < sum(PAUSES, timedelta()) < timedelta(days=4, hours=1)
    assert pause_after(len(PAUSES) + 1, Random(1)) is None


def test_nobody_comes_back_at_the_same_moment() -> None:
    chance = Random(7)
    drawn = {pause_after(3, chance) for _ in range(50)}
    assert len(drawn) == 50
    assert all(timedelta(minutes=27) <= pause <= timedelta(minutes=33) for pause in drawn if pause)
