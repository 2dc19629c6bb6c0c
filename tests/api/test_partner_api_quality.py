"""A program says how good an accepted referral was: a closed list of codes, of its own referrals alone."""

from uuid import UUID

import pytest
import sqlalchemy as sa

from app.api import schemas
from app.partners import sandbox_identity
from app.referrals import quality
from app.referrals.models import Referral
from app.referrals.quality import ReferralQuality
from tests.support.partners import MINE, OTHER, Network


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
