"""The hand-over is signed, opens with an older kind of key too, in two languages, and follows an organisation's new key."""

import base64
import copy
import re
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from app.api import schemas
from app.cases import rewrapping, sealed_parts
from app.cases.models import CaseWrap
from app.client import PartnerClient, opened
from app.client.decryption import base64url, signers_of
from app.core import keyholders, sealing, signing
from app.core.keyholders import OwnerKind, SealingKey
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen, KeyPair
from app.staff.models import Team
from tests.support import javascript
from tests.support.partners import MINE, Network
from tests.support.serving import BASE, SyncTransport

STORY = "Меня вызвали на допрос. " * 300
Open = Callable[[dict[str, Any], bytes, dict[str, Any]], list[dict[str, Any]]]


def in_python(document: dict[str, Any], private_key: bytes, jwks: dict[str, Any]) -> list[dict[str, Any]]:
    names: dict[str, Any] = {}
    page = (Path(__file__).parents[2] / "docs" / "partner-api.md").read_text(encoding="utf-8")
    for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(compile(code, "the documentation", "exec"), names)
    names["verify_hand_over"](document, jwks)
    found: list[dict[str, Any]] = names["open_sealed"](document, private_key)
    return found


def in_javascript(document: dict[str, Any], private_key: bytes, jwks: dict[str, Any]) -> list[dict[str, Any]]:
    given = {"document": document, "private_key": base64url(private_key), "jwks": jwks}
    found: list[dict[str, Any]] = javascript.run("open-sealed.mjs", given)
    return found


OPENERS: dict[str, Open] = {"python": in_python, "javascript": in_javascript}
REFUSALS = (InvalidSignature, StopIteration, subprocess.CalledProcessError)


def register(network: Network, public: bytes) -> SealingKey:
    owner = network.clients[MINE].organisation_id
    assert owner
    with network.database.begin() as session:
        return keyholders.register(session, OwnerKind.ORGANISATION, owner, public, network.now)


@pytest.fixture
def older(network: Network) -> bytes:
    """The centre has an X25519 key, whose private half this is."""
    private = X25519PrivateKey.generate()
    register(network, private.public_key().public_bytes_raw())
    return private.private_bytes_raw()


def handed_over(network: Network, **answers: Any) -> dict[str, Any]:
    referral = network.offer(**answers)
    network.act(referral, "accept")
    answer = network.get(f"/v1/referrals/{referral}/sealed")
    assert answer.status_code == 200, answer.text
    schemas.Sealed.model_validate(answer.json())
    found: dict[str, Any] = answer.json()
    return found


def jwks(network: Network) -> dict[str, Any]:
    answer = network.http.get("/.well-known/jwks.json")
    schemas.PublicKeys.model_validate(answer.json())
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("language", javascript.LANGUAGES)
@pytest.mark.parametrize("story", ["", "я", STORY], ids=["nothing", "a letter", "long"])
def test_an_x25519_key_opens_it_as_the_documentation_shows(network: Network, older: bytes, language: str, story: str):
    document = handed_over(network, story=story, call_me="Анна")
    assert document["hpke"] == {"kem": 0x0020, "kdf": 1, "aead": 2}
    parts = {part["part"]: part["content"] for part in OPENERS[language](document, older, jwks(network))}
    assert parts["contact"]["call_me"] == "Анна"
    assert parts["story"]["story"] == story.strip()


@pytest.mark.parametrize("language", javascript.LANGUAGES)
@pytest.mark.parametrize(
    "path",
    [["referral"], ["case"], ["key_id"], ["wrap"], ["info"], ["parts", 0, "ciphertext"], ["parts", 0, "seq"],
     ["parts", 1, "author"], ["signature", "kid"], ["signature", "signed_at"], ["signature", "value"]],
    ids=str,
)  # fmt: skip
def test_what_was_changed_on_the_way_is_refused(network: Network, older: bytes, language: str, path: list[Any]):
    document = handed_over(network)
    changed = copy.deepcopy(document)
    *way, last = path
    place = changed
    for step in way:
        place = place[step]
    place[last] = 99 if isinstance(place[last], int) else place[last][:-4] + "AAAA"
    keys = jwks(network)
    with pytest.raises(CannotOpen):
        opened(changed, older, signers=signers_of(keys))
    if way or last == "wrap":  # the samples, for a few of them: each is a process
        with pytest.raises(REFUSALS):
            OPENERS[language](changed, older, keys)


def test_another_service_s_signature_is_refused(network: Network, older: bytes):
    document = handed_over(network)
    elsewhere = signing.jwks(KeyRing.generate(date(2026, 11, 24)))
    with pytest.raises(CannotOpen):
        opened(document, older, signers=signers_of(elsewhere))
    with pytest.raises(CannotOpen):
        opened({name: value for name, value in document.items() if name != "signature"}, older, signers={})


def test_the_client_verifies_and_opens_both_kinds(network: Network, older: bytes):
    import httpx

    document = handed_over(network, story="one")
    with httpx.Client(transport=SyncTransport(network.http)) as http:
        program = network.clients[MINE]
        client = PartnerClient(BASE, program.client_id, program.secret, private_key=older, http=http)
        parts = {part.part: part.content for part in client.open(document["referral"])}
    assert parts["story"]["story"] == "one"


def test_the_signing_key_changes_with_the_epoch_and_the_old_one_stays_published():
    days, root = {1: date(2026, 1, 1), 2: date(2026, 2, 1)}, bytes(range(100, 132))
    epochs = {1: bytes(range(32)), 2: bytes(range(50, 82))}
    first = KeyRing({1: epochs[1]}, 1, root, {1: days[1]})
    second = KeyRing(epochs, 2, root, days)
    kids = [key["kid"] for key in signing.jwks(second)["keys"]]
    assert kids == [signing.current_kid(second), signing.current_kid(first)]
    assert len(set(kids)) == 2


def test_only_an_organisation_may_have_the_older_kind(network: Network):
    public = X25519PrivateKey.generate().public_key().public_bytes_raw()
    with network.database.begin() as session:
        team = session.scalars(sa.select(Team.id)).one()
        with pytest.raises(ValueError):
            keyholders.register(session, OwnerKind.TEAM, team, public, network.now)


@pytest.mark.parametrize("public", [b"", bytes(32), b"\x01" + bytes(31), bytes(31), bytes(1217)])
def test_what_is_no_public_key_is_not_registered(public: bytes):
    with pytest.raises(ValueError):
        sealing.check_public_key(public)


def team_keys(network: Network) -> dict[UUID, KeyPair]:
    """The team's key as a coordinator's session holds it: here a fresh one, registered before any case comes."""
    pair = KeyPair.generate()
    with network.database.begin() as session:
        team = session.scalars(sa.select(Team.id)).one()
        return {keyholders.register(session, OwnerKind.TEAM, team, pair.public, network.now).id: pair}


def test_a_new_key_gets_what_the_old_one_had_where_the_team_can_open_it(network: Network):
    held = team_keys(network)
    referral = network.offer(story="sealed before the new key")
    network.act(referral, "accept")
    untouched = network.offer()
    private = X25519PrivateKey.generate()
    new = register(network, private.public_key().public_bytes_raw())
    with network.database.begin(write=False) as session:
        found = list(rewrapping.outdated_cases(session, new, held, 10))
    assert len(found) == 2
    for case_id in found:
        with network.database.begin() as session:
            assert rewrapping.rewrap(session, network.keys, case_id, new, held)
        with network.database.begin() as session:
            assert not rewrapping.rewrap(session, network.keys, case_id, new, held)
            assert not rewrapping.outdated_cases(session, new, {}, 10)
    document = network.get(f"/v1/referrals/{referral}/sealed").json()
    assert document["key_id"] == str(new.id)
    parts = {part.part: part.content for part in opened(document, private.private_bytes_raw())}
    assert parts["story"]["story"] == "sealed before the new key"
    with pytest.raises(CannotOpen):
        opened({**document, "hpke": {"kem": sealing.X_WING}}, network.clients[MINE].pair.seed)
    assert network.act(untouched, "accept").status_code == 200


def test_consent_that_was_taken_back_stays_taken_back(network: Network):
    held = team_keys(network)
    case_id = network.case()
    new = register(network, KeyPair.generate().public)
    owner = network.clients[MINE].organisation_id
    with network.database.begin() as session:
        sealed_parts.destroy_wraps(session, case_id, [new.owner_id])
        assert not rewrapping.rewrap(session, network.keys, case_id, new, held)
        assert owner not in sealed_parts.organisations_with_key(session, case_id)
        assert session.scalar(sa.select(sa.func.count()).where(CaseWrap.key_id == new.id)) == 0


def test_until_then_the_old_key_opens_it(network: Network):
    referral = network.offer(story="before")
    network.act(referral, "accept")
    register(network, KeyPair.generate().public)
    document = network.get(f"/v1/referrals/{referral}/sealed").json()
    parts = {part.part: part.content for part in opened(document, network.clients[MINE].pair.seed)}
    assert (parts["story"]["story"], document["hpke"]["kem"]) == ("before", sealing.X_WING)
    assert base64.urlsafe_b64decode(document["wrap"] + "==")
