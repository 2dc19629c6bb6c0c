"""The conversation with the team by API: sealed pieces both ways, opened and sealed by the client; nothing is stored twice."""

import json
from uuid import UUID, uuid4

import sqlalchemy as sa

from app.api import schemas
from app.casework import unread_messages
from app.client import opened_messages, sealed_message
from app.core import keyholders
from app.core.keyholders import OwnerKind
from app.core.sealing import KeyPair
from app.referrals import change_feed, queries, threads
from app.referrals.thread_models import ReferralMessage, UnreadMessage
from tests.support.partners import MINE, OTHER, Network

TEXT = "zinnober-text-of-a-program"


def listed(network: Network, referral: str) -> dict[str, object]:
    answer = network.get(f"/v1/referrals/{referral}/messages")
    assert answer.status_code == 200, answer.text
    schemas.Messages.model_validate(answer.json())
    return answer.json()


def post(network: Network, referral: str, body: object, who: str = MINE) -> int:
    return network.call("POST", f"/v1/referrals/{referral}/messages", who=who, json=body).status_code


def team_writes(network: Network, referral: str, text: str) -> None:
    """As `referral_threads.write_at_desk` does, without a signed-in member."""
    with network.database.begin() as session:
        row, case = queries.locked(session, UUID(referral))
        to = threads.readers(session, case, row).values()
        sealed = threads.seal(to, row.id, uuid4(), "desk", text, network.now)
        threads.add(session, network.keys, row, to, "desk", sealed)
        unread_messages.note(session, row, case, unread_messages.Author.DESK, network.now)


def unread(network: Network) -> int:
    with network.database.begin(write=False) as session:
        return session.scalar(sa.select(sa.func.count()).select_from(UnreadMessage)) or 0


def test_a_program_seals_and_opens(network: Network) -> None:
    referral = network.offer()
    team_writes(network, referral, "zinnober-from-the-team")
    assert unread(network) == 1
    document = listed(network, referral)
    assert unread(network) == 0, "its program has read it"
    assert "zinnober" not in json.dumps(document)
    body = sealed_message(document, TEXT, network.now)
    assert "zinnober" not in json.dumps(body)
    assert post(network, referral, body) == 200
    found = opened_messages(listed(network, referral), network.clients[MINE].pair.seed)
    assert [(message.author, message.text) for message in found] == [
        ("desk", "zinnober-from-the-team"),
        ("partner", TEXT),
    ]


def test_the_same_id_five_times_is_one_message(network: Network) -> None:
    referral = network.offer()
    body = sealed_message(listed(network, referral), TEXT, network.now)
    assert [post(network, referral, body) for _ in range(5)] == [200] * 5
    with network.database.begin(write=False) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(ReferralMessage)) == 1


def test_another_organisation_sees_no_such_referral(network: Network) -> None:
    referral = network.offer()
    body = sealed_message(listed(network, referral), TEXT, network.now)
    assert post(network, referral, body, who=OTHER) == 404
    assert network.get(f"/v1/referrals/{referral}/messages", who=OTHER).status_code == 404


def test_a_message_to_an_old_key_or_a_stranger_is_refused(network: Network) -> None:
    referral = network.offer()
    body = sealed_message(listed(network, referral), TEXT, network.now)
    stranger = {**body, "keys": [body["keys"][0], {**body["keys"][1], "owner": str(uuid4())}]}
    assert post(network, referral, stranger) == 409
    assert post(network, referral, {**body, "keys": body["keys"][:1]}) == 409
    with network.database.begin() as session:
        owner = network.clients[MINE].organisation_id
        assert owner
        keyholders.register(session, OwnerKind.ORGANISATION, owner, KeyPair.generate().public, network.now)
    assert post(network, referral, body) == 409


def test_malformed_bodies_are_refused_with_a_pointer(network: Network) -> None:
    referral = network.offer()
    body = sealed_message(listed(network, referral), TEXT, network.now)
    for change in (
        {"id": "x"}, {"id": 7}, {"ciphertext": ""}, {"ciphertext": "!"}, {"ciphertext": "A" * 100_000},
        {"keys": []}, {"keys": "x"}, {"keys": [{}]}, {"keys": [7]}, {"more": 1},
    ):  # fmt: skip
        assert post(network, referral, {**body, **change}) == 422, change
    assert post(network, referral, []) == 422


def test_a_question_in_own_words_is_sealed_at_once(network: Network) -> None:
    referral = network.offer()
    key = str(uuid4())
    for _ in range(2):
        answer = network.act(referral, "ask_info", version=2, key=key, json={"question": "papers", "text": TEXT})
        assert answer.status_code == 200, answer.text
    assert answer.json()["question"] == "papers"
    (message,) = opened_messages(listed(network, referral), network.clients[MINE].pair.seed)
    assert (message.author, message.text) == ("partner", TEXT)
    assert network.act(referral, "decline", json={"reason": "other", "text": TEXT}).status_code == 422


def test_after_the_end_it_is_closed(network: Network) -> None:
    referral = network.offer()
    body = sealed_message(listed(network, referral), TEXT, network.now)
    network.act(referral, "decline", json={"reason": "other"})
    assert post(network, referral, body) == 409
    assert network.get(f"/v1/referrals/{referral}/messages").status_code == 409


def test_a_message_of_the_team_is_an_event_without_words(network: Network) -> None:
    referral = network.offer()
    network.get("/v1/events")
    with network.database.begin() as session:
        row, _case = queries.locked(session, UUID(referral))

        change_feed.publish_message(session, row, network.now)
    event = network.get("/v1/events").json()["events"][-1]
    assert event["type"] == "org.pristan.message.posted"
    assert event["data"] == {"referral": referral, "state": "offered", "version": 2}
