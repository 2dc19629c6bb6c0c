"""A program says how good an accepted referral was: a closed list of codes, of its own referrals alone."""

import sqlalchemy as sa

from app.api import schemas
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
