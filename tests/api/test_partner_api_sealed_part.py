"""The hand-over: sealed until acceptance, opened by the partner's own key, noted in the audit."""

import pytest
import sqlalchemy as sa

from app import audit, privacy
from app.api import schemas
from app.audit.models import AuditEntry
from app.cases import transitions
from app.cases.models import Case
from app.client import opened
from app.core.sealing import CannotOpen
from app.referrals.states import ReferralState, ReferralVerb
from tests.support.partners import MINE, OTHER, Network


def sealed_reads(network: Network) -> list[AuditEntry]:
    with network.database.begin(write=False) as session:
        query = sa.select(AuditEntry).where(AuditEntry.action == "referral:sealed_read")
        return list(session.scalars(query.order_by(AuditEntry.seq)))


def test_after_acceptance_the_partners_own_key_opens_it(network: Network):
    referral = network.offer(story="Меня вызвали на допрос", call_me="Анна", happened=[])
    network.act(referral, "accept")
    answer = network.get(f"/v1/referrals/{referral}/sealed")
    assert answer.status_code == 200, answer.text
    found = schemas.Sealed.model_validate(answer.json())
    assert (str(found.referral), found.hpke.kem, found.hpke.kdf, found.hpke.aead) == (referral, 0x647A, 1, 2)
    parts = {part.part: part.content for part in opened(answer.json(), network.clients[MINE].pair.seed)}
    assert parts["contact"]["call_me"] == "Анна"
    assert parts["contact"]["answer_by"]["address"] == "+48 600 000 000"
    assert parts["story"]["story"] == "Меня вызвали на допрос"
    assert parts["happened"] == {"codes": []}
    with pytest.raises(CannotOpen):
        opened(answer.json(), network.clients[OTHER].pair.seed)


def test_the_answer_itself_shows_no_word(network: Network):
    referral = network.offer(story="planted-canary-7731", call_me="planted-name-7731")
    network.act(referral, "accept")
    assert "planted" not in network.get(f"/v1/referrals/{referral}/sealed").text


@pytest.mark.parametrize("verb", [None, "acknowledge", "ask_info", "waitlist", "decline"])
def test_before_acceptance_it_is_not_open(network: Network, verb):
    referral = network.offer()
    if verb:
        body = {"waitlist": {"until": "2026-12-24"}, "decline": {"reason": "other"}}.get(verb, {})
        assert network.act(referral, verb, json=body).status_code == 200
    answer = network.get(f"/v1/referrals/{referral}/sealed")
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:pristan:problem:not-open-yet"
    assert answer.json()["allowed_actions"] == network.get(f"/v1/referrals/{referral}").json()["allowed_actions"]
    assert sealed_reads(network) == []


def test_it_stays_open_until_the_end_and_closes_with_it(network: Network):
    referral = network.offer()
    steps = [("accept", {}), ("start", {}), ("hold", {"until": "2026-12-24"}), ("resume", {})]
    for verb, body in steps:
        network.act(referral, verb, json=body)
        assert network.get(f"/v1/referrals/{referral}/sealed").status_code == 200, verb
        assert network.get(f"/v1/referrals/{referral}").json()["sealed"] is True
    network.act(referral, "hand_back", json={"reason": "no_capacity"})
    assert network.get(f"/v1/referrals/{referral}/sealed").status_code == 409
    assert network.get(f"/v1/referrals/{referral}").json()["sealed"] is False


def test_a_withdrawn_referral_is_closed(network: Network):
    referral = network.offer()
    network.act(referral, "accept")
    network.desk(referral, ReferralVerb.WITHDRAW, reason="no_longer_needed")
    assert network.get(f"/v1/referrals/{referral}/sealed").status_code == 409


def test_each_read_is_audited_in_the_same_transaction(network: Network):
    referral = network.offer()
    network.act(referral, "accept")
    for _ in range(2):
        network.get(f"/v1/referrals/{referral}/sealed")
    reads = sealed_reads(network)
    assert len(reads) == 2
    assert reads[0].codes == {"client": "api-pl-hfhr", "version": 3}
    with network.database.begin(write=False) as session:
        assert audit.verify(session) is None


def test_no_audit_row_no_read(network: Network, monkeypatch):
    referral = network.offer()
    network.act(referral, "accept")

    def broken(*_args: object) -> str:
        raise RuntimeError("no row for you")

    monkeypatch.setattr("app.audit.service._digest", broken)  # SQLite
    monkeypatch.setattr("app.audit.service._INSERT_WAITING", sa.text("INSERT INTO no_such_table VALUES (1)"))
    answer = network.get(f"/v1/referrals/{referral}/sealed")
    assert answer.status_code == 500
    assert "wrap" not in answer.text


def test_what_was_erased_is_gone(network: Network):
    case_id = network.case()
    referral = network.offer(MINE, case_id)
    network.act(referral, "accept")
    network.act(referral, "complete", json={"outcome": "advised"})
    with network.database.begin() as session:
        privacy.erase(session, transitions.locked(session, case_id), actor_kind="person", now=network.now)
    answer = network.get(f"/v1/referrals/{referral}/sealed")
    assert (answer.status_code, answer.json()["type"]) == (410, "urn:pristan:problem:gone")
    found = network.get(f"/v1/referrals/{referral}").json()
    assert (found["needs"], found["card"]) == ([], {"speak": [], "helps": []})


def test_it_needs_a_scope_of_its_own(network: Network):
    referral = network.offer()
    network.act(referral, "accept")
    answer = network.get(f"/v1/referrals/{referral}/sealed", scope="referrals:read referrals:write")
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:pristan:problem:insufficient-scope")


def test_the_label_of_the_case_is_told_only_now(network: Network):
    case_id = network.case()
    referral = network.offer(MINE, case_id)
    with network.database.begin(write=False) as session:
        label = session.get_one(Case, case_id).label
    assert label not in network.get(f"/v1/referrals/{referral}").text
    network.act(referral, "accept")
    assert network.get(f"/v1/referrals/{referral}/sealed").json()["case"] == label
    assert ReferralState.ACCEPTED in network.get(f"/v1/referrals/{referral}").text
