"""State legal aid is not named to somebody without permission to stay: neither as a centre nor as an urgent number."""

import pytest

from app.directory.packs import load_packs
from app.matching import engine, runs
from tests.support.partners import START

PACKS = load_packs()


@pytest.mark.parametrize("country", [country.code for country in PACKS.countries])
def test_no_state_legal_aid_without_status(country: str) -> None:
    needs = [need.id for need in PACKS.needs]
    answers = {
        "needs": needs,
        "how_soon": "none",
        "country": country,
        "language": "ru",
        "consent": {"mode": "ask_first"},
    }
    of_the_state = {
        entry.key for entry in PACKS.services if entry.organisation.state_run and entry.service.cost == "state_funded"
    }
    for status, is_named in (("no_status", False), ("asylum_seeker", True)):
        facts, _letter = runs.facts_and_deadline({**answers, "status": status}, PACKS, START)
        result = engine.evaluate(facts, PACKS.services_for(country), START.date(), related=engine.related_needs(PACKS))
        named = {found.service for found in (*result.candidates, *result.nearest)} & of_the_state
        assert bool(named) is is_named, (country, named)
        lines = [
            line for line in PACKS.urgent_contacts(country, needs, status=status) if line.purpose == "state_legal_aid"
        ]
        assert is_named or not lines
    assert any(line.purpose == "state_legal_aid" for line in PACKS.urgent_contacts("GE", ["asylum"]))
