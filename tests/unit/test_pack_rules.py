"""How the facts' words are read as rules: for each word that excludes somebody, one who is meant and one who is not.

Written a second time, by hand, from the facts; a lawyer can read it. `yes`: a candidate; `ask`: one answer is missing, or
only the centre knows; `no`: not for this person.
"""

from datetime import date
from typing import Any

import pytest

from app.directory.packs import load_packs
from app.matching.engine import evaluate, related_needs
from app.matching.facts import Facts

DIRECTORY = load_packs()
READINGS: list[tuple[str, dict[str, Any], str]] = [
    # "asylum seekers, refugees, stateless people, trafficking victims; Ukrainians under temporary protection"
    ("pl-hnlac/legal-help", {"needs": "asylum"}, "yes"),
    ("pl-hnlac/legal-help", {"needs": "gbv", "status": "protected"}, "yes"),
    ("pl-hnlac/legal-help", {"needs": "gbv"}, "ask"),
    ("pl-hnlac/legal-help", {"needs": "gbv", "status": "visa"}, "no"),
    # "above all" is no exclusion
    ("pl-hfhr/legal-help", {"needs": "residence_permit", "status": "visa_free"}, "yes"),
    # "staying legally"; the page is about Mazovia, but help from afar is named and no one elsewhere left out
    ("pl-pfm/legal-help", {"needs": "integration", "status": "visa", "region": "PL-14"}, "yes"),
    ("pl-pfm/legal-help", {"needs": "integration", "status": "asylum_seeker", "region": "PL-14"}, "yes"),
    ("pl-pfm/legal-help", {"needs": "integration", "status": "no_status", "region": "PL-14"}, "no"),
    ("pl-pfm/legal-help", {"needs": "integration", "region": "PL-14"}, "ask"),
    ("pl-pfm/legal-help", {"needs": "integration", "status": "visa"}, "yes"),
    ("pl-pfm/legal-help", {"needs": "integration", "status": "visa", "region": "PL-12"}, "yes"),
    # "mainly Lublin region" is no exclusion; "seeking or holding international protection" is one
    ("pl-ipp/legal-help", {"needs": "asylum", "region": "PL-22"}, "yes"),
    ("pl-ipp/legal-help", {"needs": "residence_permit", "status": "protected"}, "yes"),
    ("pl-ipp/legal-help", {"needs": "residence_permit", "status": "visa"}, "no"),
    # "living in Lublin": the region alone does not say it
    ("pl-homofaber/legal-help", {"needs": "discrimination", "region": "PL-06"}, "ask"),
    ("pl-homofaber/legal-help", {"needs": "discrimination", "region": "PL-14"}, "no"),
    # "regardless of status"
    ("pl-caritas-lublin/legal-help", {"needs": "asylum", "status": "no_status", "region": "PL-06"}, "yes"),
    ("pl-caritas-lublin/legal-help", {"needs": "asylum", "region": "PL-32"}, "ask"),
    ("pl-nomada/legal-help", {"needs": "detention", "status": "no_status"}, "yes"),
    # "migrants in Poznań region"
    ("pl-mip/information", {"needs": "work_rights", "region": "PL-30"}, "yes"),
    ("pl-mip/information", {"needs": "work_rights", "region": "PL-14"}, "no"),
    ("pl-mip/information", {"needs": "work_rights"}, "ask"),
    # Belarusians; Russians
    ("pl-cbs/legal-help", {"needs": "asylum", "nationality": "BY"}, "yes"),
    ("pl-cbs/legal-help", {"needs": "asylum", "nationality": "RU"}, "no"),
    ("pl-cbs/legal-help", {"needs": "asylum"}, "ask"),
    ("pl-okno/legal-help", {"needs": "integration", "nationality": "RU"}, "yes"),
    ("pl-zwr/peer-support", {"needs": "integration", "nationality": "RU", "region": "PL-14"}, "yes"),
    ("pl-zwr/peer-support", {"needs": "integration", "nationality": "BY", "region": "PL-14"}, "no"),
    # "anyone, including legally resident foreigners"; the state is not named to somebody who may fear it
    ("pl-npp/state-legal-aid", {"needs": "housing", "status": "visa"}, "yes"),
    ("pl-npp/state-legal-aid", {"needs": "housing"}, "ask"),
    ("pl-npp/state-legal-aid", {"needs": "housing", "status": "no_status"}, "no"),
    ("de-beratungshilfe/state-legal-aid", {"needs": "housing", "status": "no_status"}, "no"),
    # victims of trafficking: help with work or housing is for them
    ("pl-kcik/helpline", {"needs": "trafficking housing"}, "yes"),
    ("pl-kcik/helpline", {"needs": "housing"}, "no"),
    # advice for anyone; in court for the groups of the law, and for who cannot pay, which we never ask
    ("ge-las/legal-advice", {"needs": "appeals", "status": "visa_free"}, "yes"),
    # "asylum seekers (regular procedure)": not in the fast one, and nobody asks which one it is
    ("ge-las/court-representation", {"needs": "appeals", "status": "asylum_seeker"}, "ask"),
    ("ge-las/court-representation", {"needs": "criminal_defence", "age": "minor"}, "yes"),
    ("ge-las/court-representation", {"needs": "gbv", "status": "visa_free"}, "yes"),
    ("ge-las/court-representation", {"needs": "appeals", "status": "visa_free"}, "ask"),
    ("ge-rights/legal-help", {"needs": "citizenship", "status": "visa_free"}, "no"),
    ("ge-rights/legal-help", {"needs": "statelessness"}, "yes"),
    ("ge-wv/support", {"needs": "psychosocial", "status": "asylum_seeker", "region": "GE-TB"}, "yes"),
    ("ge-wv/support", {"needs": "psychosocial", "status": "visa_free", "region": "GE-TB"}, "no"),
    ("ge-wisg/legal-help", {"needs": "gbv", "region": "GE-TB"}, "yes"),
    ("ge-wisg/legal-help", {"needs": "discrimination", "groups": "lgbtq", "region": "GE-TB"}, "yes"),
    ("ge-wisg/legal-help", {"needs": "discrimination", "gender": "woman", "region": "GE-TB"}, "yes"),
    ("ge-wisg/legal-help", {"needs": "discrimination", "region": "GE-TB"}, "ask"),
    ("ge-wisg/legal-help", {"needs": "lgbtq", "region": "GE-AJ"}, "ask"),
    ("ge-temida/legal-help", {"needs": "housing", "groups": "student"}, "no"),
    ("ge-ombud/complaint", {"needs": "detention", "status": "no_status"}, "yes"),
    # "asylum seekers in the procedure and on first-instance appeal"
    ("lt-ria/state-legal-aid", {"needs": "asylum", "status": "asylum_seeker"}, "yes"),
    ("lt-ria/state-legal-aid", {"needs": "asylum appeals", "status": "no_status"}, "yes"),
    ("lt-ria/state-legal-aid", {"needs": "asylum", "status": "visa"}, "no"),
    ("lt-ria/state-legal-aid", {"needs": "detention"}, "ask"),
    # "first" is no exclusion; "Russian- and English-speaking" is one; "regardless of status"
    ("lt-iom/legal-help", {"needs": "integration", "nationality": "RU"}, "yes"),
    ("lt-plius/legal-help", {"needs": "integration", "languages": "ru", "region": "LT-VL"}, "yes"),
    ("lt-plius/legal-help", {"needs": "integration", "languages": "ka", "region": "LT-VL"}, "no"),
    ("lt-sienos/legal-help", {"needs": "housing", "status": "no_status"}, "yes"),
    # Berlin and Brandenburg; the city and district of Aschaffenburg are only a part of Bavaria
    ("de-rlc-berlin/student-advice", {"needs": "asylum", "region": "DE-BB"}, "yes"),
    ("de-rlc-berlin/student-advice", {"needs": "asylum", "region": "DE-SN"}, "no"),
    ("de-caritas-ab/counselling", {"needs": "asylum", "region": "DE-BY"}, "ask"),
    ("de-caritas-ab/counselling", {"needs": "asylum", "region": "DE-BE"}, "no"),
    ("de-caritas-ab/counselling", {"needs": "psychosocial", "status": "visa", "region": "DE-BY"}, "no"),
    ("de-frnrw/information", {"needs": "humanitarian_visa", "region": "DE-NW"}, "yes"),
    ("de-frnrw/information", {"needs": "humanitarian_visa", "region": "DE-BE"}, "no"),
    # "humanitarian admissions": some of those who hold a residence permit
    ("de-awo-kyr/legal-help", {"needs": "social_benefits", "status": "protected", "region": "DE-BE"}, "yes"),
    ("de-awo-kyr/legal-help", {"needs": "social_benefits", "status": "residence_permit", "region": "DE-BE"}, "ask"),
    ("de-awo-kyr/legal-help", {"needs": "social_benefits", "status": "temporary_protection", "region": "DE-BE"}, "no"),
    ("de-kub/legal-help", {"needs": "asylum", "region": "DE-BE"}, "yes"),
    ("de-kub/legal-help", {"needs": "asylum", "region": "DE-HH"}, "ask"),
    ("de-diakonie-bs/social-law-advice", {"needs": "housing asylum", "region": "DE-BE"}, "yes"),
    ("de-diakonie-bs/social-law-advice", {"needs": "housing", "status": "visa", "region": "DE-BE"}, "no"),
    ("de-avb/counselling", {"needs": "dublin", "languages": "ka"}, "yes"),
    # Russian-speaking LGBTIQ people; journalists; people from Belarus; women, relatives and professionals
    ("de-quarteera/peer-support", {"needs": "asylum", "groups": "lgbtq"}, "yes"),
    ("de-quarteera/peer-support", {"needs": "asylum"}, "ask"),
    ("de-quarteera/peer-support", {"needs": "lgbtq", "languages": "ka"}, "no"),
    ("de-hai/support", {"needs": "hrd_journalists", "groups": "journalist"}, "yes"),
    ("de-hai/support", {"needs": "hrd_journalists", "groups": "lawyer"}, "no"),
    ("de-libereco/legal-help", {"needs": "humanitarian_visa", "nationality": "RU"}, "no"),
    ("de-hilfetelefon/helpline", {"needs": "gbv", "gender": "man"}, "yes"),
    # across borders: the language of a page excludes nobody, the people meant do
    ("x-idite/support", {"needs": "conscientious_objection", "languages": "uk", "country": "LT"}, "yes"),
    ("x-idite/support", {"needs": "evacuation", "groups": "draft_refuser", "country": "GE"}, "yes"),
    ("x-idite/support", {"needs": "evacuation", "groups": "student", "country": "GE"}, "no"),
    ("x-kovcheg/support", {"needs": "housing", "nationality": "BY", "country": "GE"}, "no"),
    ("x-comingout/legal-help", {"needs": "psychosocial", "nationality": "RU", "groups": "lgbtq", "country": "PL"}, "yes"),
    ("x-frontline/support", {"needs": "evacuation", "groups": "human_rights_defender", "country": "DE"}, "yes"),
    ("x-frontline/support", {"needs": "evacuation", "groups": "student", "country": "DE"}, "no"),
    ("x-arga/legal-help", {"needs": "asylum", "country": "GE"}, "no"),
    ("x-arga/legal-help", {"needs": "asylum extradition_interpol", "country": "GE"}, "yes"),
    ("x-fairtrials/legal-help", {"needs": "criminal_defence", "country": "LT"}, "no"),
    # "facing domestic or sexual violence": help for a child is a part of that
    ("x-labirint/information", {"needs": "children", "country": "LT"}, "no"),
    ("x-labirint/information", {"needs": "children gbv", "country": "LT"}, "yes"),
]  # fmt: skip


def said(service: str, case: dict[str, Any]) -> str:
    """What the engine says of this service. A Russian speaker, unless the case says otherwise."""
    entry = DIRECTORY.service(service)
    assert entry is not None, f"there is no service {service}"
    codes = dict(case)
    groups = codes.pop("groups", None)
    facts = Facts(
        needs=frozenset(codes.pop("needs").split()),
        country=codes.pop("country", service[:2].upper()),
        languages=tuple(codes.pop("languages", "ru").split()),
        groups=frozenset(groups.split()) if groups else None,
        **codes,
    )
    result = evaluate(facts, (entry,), date(2026, 11, 24))
    assert len(result.candidates) + len(result.nearest) + len(result.not_matched) == 1
    return "yes" if result.candidates else "ask" if result.nearest else "no"


@pytest.mark.parametrize(("service", "case", "answer"), READINGS, ids=[f"{s}-{c}" for s, c, _ in READINGS])
def test_the_words_of_the_facts_are_read_so(service: str, case: dict[str, Any], answer: str) -> None:
    assert said(service, case) == answer


@pytest.mark.parametrize("entry", DIRECTORY.services, ids=lambda entry: entry.key)
def test_each_need_a_service_lists_can_be_met_by_somebody(entry: Any) -> None:
    """No need in a list is a dead end: there are answers with which the service says yes to it."""
    tests: dict[str, set[str]] = {}
    for leaf in entry.service.rule.leaves():
        tests.setdefault(leaf.kind, set()).update(getattr(leaf.test, "any_of", ()))
    only_part = any(leaf.kind == "region" and leaf.test.only_part for leaf in entry.service.rule.leaves())
    facts = Facts(
        needs=frozenset(entry.service.needs),
        country=sorted(entry.countries)[0],
        region=min(tests.get("region", {""})) or None,
        languages=tuple(sorted(tests["language"])),
        nationality=min(tests.get("nationality", {"RU"})),
        status=min(tests.get("status", {"visa"}) - {"no_status"} or {"visa"}),
        groups=frozenset(tests.get("group", ())),
    )
    result = evaluate(facts, (entry,), date(2026, 11, 24))
    assert result.nearest if only_part else result.candidates


def test_a_rule_says_of_help_from_afar_what_its_service_says() -> None:
    for entry in DIRECTORY.services:
        for leaf in entry.service.rule.leaves():
            assert leaf.kind != "remote_ok" or leaf.test == entry.service.remote, entry.key


def test_the_authorities_have_no_service() -> None:
    authorities = {entry.id for entry in DIRECTORY.organisations if entry.kind == "authority"}
    assert authorities == {"pl-udsc", "ge-md", "lt-md", "de-bamf"}
    assert not {entry.key for entry in DIRECTORY.services if entry.organisation.id in authorities}


@pytest.mark.parametrize("need", [need.id for need in DIRECTORY.needs])
@pytest.mark.parametrize("country", ["PL", "GE", "LT", "DE"])
def test_no_need_ends_nowhere(need: str, country: str) -> None:
    """A Russian speaker who said nothing else is told of somebody, if only of who is nearest."""
    facts = Facts(needs=frozenset({need}), country=country, languages=("ru",))
    services = DIRECTORY.services_for(country)
    result = evaluate(facts, services, date(2026, 11, 24), related=related_needs(DIRECTORY))
    assert result.candidates or result.nearest


def reasons(service: str, needs: str) -> set[str]:
    entry = DIRECTORY.service(service)
    assert entry is not None
    facts = Facts(
        needs=frozenset({needs}), country=min(entry.countries), languages=("ru",), region="GE-TB", nationality="RU",
        status="visa",
    )  # fmt: skip
    (found,) = evaluate(facts, (entry,), date(2026, 11, 24)).candidates
    return {reason.key for reason in found.reasons}


def test_what_one_has_to_know_first_is_said_with_the_centre() -> None:
    assert {"note.contact_is_sensitive", "note.ask_before_referral"} <= reasons("ge-wisg/legal-help", "gbv")
    assert "note.confirm_before_referral" in reasons("ge-unhcr/advice", "asylum")
    assert "state_run" in reasons("ge-las/legal-advice", "work_rights")
    assert {"means_test", "by_yourself"} <= reasons("de-beratungshilfe/state-legal-aid", "asylum")
    assert "cost_unknown" in reasons("x-arga/legal-help", "deportation")
    assert "not_verified" in reasons("x-arga/legal-help", "deportation")
    assert not {"selective", "means_test", "by_yourself"} & reasons("de-proasyl/advice", "asylum")


def test_who_takes_no_referrals_is_never_offered_a_case_and_stands_behind_who_does() -> None:
    facts = Facts(needs=frozenset({"asylum", "housing", "work_rights"}), country="DE", languages=("de",))
    result = evaluate(facts, DIRECTORY.services_for("DE"), date(2026, 11, 24))
    named = [found.service for found in result.candidates if found.verified]
    assert named.index("de-handbook/information") > named.index("de-proasyl/advice")
    assert not {"de-handbook/information", "de-beratungshilfe/state-legal-aid"} & {
        found.service for found in result.offerable()
    }
    assert "de-proasyl/advice" in {found.service for found in result.offerable()}
