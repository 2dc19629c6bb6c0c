"""A program says how good an accepted referral was: a closed list of codes, of its own referrals alone."""

from base64 import b64encode
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from app.api import schemas
from app.partners import sandbox_identity
from app.referrals import quality
from app.referrals.models import Referral
from app.referrals.quality import ReferralQuality
from tests.support.partners import MINE, OTHER, Network
from tests.support.sandbox import WHO


def post(network: Network, referral: str, body: object, who: str = MINE) -> int:
    return network.call("POST", f"/v1/referrals/{referral}/quality", who=who, json=body).status_code


def test_the_answer_is_stored_once_it_is_theirs(network: Network) -> None:
    referral = network.offer()
    assert post(network, referral, {"quality": ["complete"]}) == 409
    network.act(referral, "accept")
    answer = network.call("POST", f"/v1/referrals/{referral}/quality", json={"quality": ["too_late", "facts_missing"]})
    assert schemas.Quality.model_validate(answer.json()).quality == ["facts_missing", "too_late"]
    assert post(network, referral, {"quality": ["complete"]}) == 200
    with network.database.begin(write=False) as session:
        assert list(session.scalars(sa.select(ReferralQuality.codes))) == [["complete"]]
    assert post(network, referral, {"quality": ["complete"]}, who=OTHER) == 404
    for wrong in ({}, {"quality": []}, {"quality": "complete"}, {"quality": ["nice"]}, {"quality": [1]}, []):
        assert post(network, referral, wrong) in {400, 422}


def test_answers_are_looked_up_and_counted_for_these_referrals_alone(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = network.offer(), network.offer()
    for referral, code in ((first, "complete"), (second, "too_late")):
        network.act(referral, "accept")
        assert post(network, referral, {"quality": [code]}) == 200
    with network.database.begin(write=False) as session:
        assert quality.of_referrals(session, [UUID(first)]) == {UUID(first): ["complete"]}
        assert quality.counts(session, network.now) == {"complete": 1, "too_late": 1}
        theirs = session.get_one(Referral, UUID(first)).organisation_id
        monkeypatch.setattr(sandbox_identity, "ORGANISATION_ID", theirs)
        assert quality.counts(session, network.now) == {}, "what a sandbox says counts for nothing"


def test_the_sandbox_answers_for_its_own_referrals_alone(sandbox_network: Network) -> None:
    """What it does not keep is checked all the same: a referral of somebody else is unknown there."""
    stranger = sandbox_network.offer(MINE)
    own = sandbox_network.get("/v1/referrals?limit=1", who=WHO).json()["referrals"][0]["id"]
    times = {
        "id": str(uuid4()), "times": 1, "last_hour": (sandbox_network.now + timedelta(days=1)).isoformat(),
        "ciphertext": b64encode(bytes(1052)).decode(),
    }  # fmt: skip

    def answers(referral: str) -> list[int]:
        path = f"/v1/referrals/{referral}/appointments"
        return [
            post(sandbox_network, referral, {"quality": ["complete"]}, who=WHO),
            sandbox_network.call("POST", path, who=WHO, json=times).status_code,
            sandbox_network.call("DELETE", f"{path}/{uuid4()}", who=WHO).status_code,
        ]

    assert answers(own) == [200, 200, 204]
    assert answers(stranger) == answers(str(uuid4())) == [404, 404, 404]
