"""State legal aid is not named to somebody without permission to stay: neither as a centre nor as an urgent number."""

import pytest

from app.directory.packs import load_packs
from app.matching import engine, runs
from app.matching.code_names import CodeNames
from app.web.person import waiting_advice
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


def test_no_fact_for_who_waits_sends_somebody_without_status_to_the_state() -> None:
    def facts(*, no_status: bool) -> str:
        told = waiting_advice.while_you_wait(
            "DE", ["residence_permit"], "residence_permit_refusal_action", PACKS, CodeNames("en", PACKS), from_day=None,
            has_deadline=True, no_status=no_status,
        )  # fmt: skip
        return " ".join(text for text, _source in (*told.first, *told.more))

    assert "Beratungshilfe" in facts(no_status=False)
    assert "Beratungshilfe" not in facts(no_status=True)
    assert "urgent motion" in facts(no_status=True), "the rest is told"
