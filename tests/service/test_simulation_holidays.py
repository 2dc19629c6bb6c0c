"""Weeks with many holidays, played: no offer runs out before the centre had a working hour."""

from datetime import date

import pytest

from app.directory.packs import load_packs
from app.simulation.population import Plan
from app.simulation.results import results
from app.simulation.world import played

CHRISTMAS = Plan(cases=16, days=18, answers=0.3, seed=3, start=date(2026, 12, 15))
"""Until New Year's Day; Georgia's Christmas is on 7 January."""
GEORGIAN_EASTER = Plan(cases=12, days=8, answers=0.3, seed=5, start=date(2027, 4, 26))
"""Holidays from Friday 30 April until Monday 3 May, and again on the 9th and the 12th."""


@pytest.mark.parametrize("plan", [CHRISTMAS, GEORGIAN_EASTER])
def test_no_offer_expires_before_the_centre_had_a_working_hour(plan: Plan) -> None:
    with played(plan, load_packs()) as world:
        found = results(world)
    expired = [offer for offer in found.offers if offer.ended == "expired"]
    assert len(expired) >= 3
    assert found.expired_unseen == 0
    assert found.promise >= 0.99
