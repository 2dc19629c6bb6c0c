"""The result need by need: who helps with each, the one with the letter's deadline first, and for which nobody was found."""

from dataclasses import replace
from uuid import uuid4

from app.cases.models import Case, CaseNeed
from app.casework.person_actions import PersonReferral
from app.directory.packs import load_packs
from app.matching.code_names import CodeNames
from app.matching.engine import ServiceMatch
from app.matching.need_results import candidates_by_need, most_pressing_first
from app.web.person import needs_list

PACKS = load_packs()
HELSINKI = ServiceMatch("pl-hfhr/legal-help", "pl-hfhr", "Helsinki Foundation", True, (), (), 1)
UNCONFIRMED = HELSINKI._replace(verified=False)


def test_each_need_names_who_helps_with_it_and_what_has_a_time_limit_comes_first() -> None:
    needs = ["psychosocial", "asylum", "appeals"]
    plain = candidates_by_need(needs, [HELSINKI], PACKS, has_deadline=False)
    assert list(plain) == needs
    assert plain == {"psychosocial": [], "asylum": [HELSINKI], "appeals": [HELSINKI]}
    assert list(candidates_by_need(needs, [HELSINKI], PACKS, has_deadline=True)) == [
        "appeals",
        "psychosocial",
        "asylum",
    ]


def test_who_is_not_confirmed_is_nobody_that_was_found() -> None:
    assert candidates_by_need(["asylum"], [UNCONFIRMED], PACKS, has_deadline=False) == {"asylum": []}


def test_one_need_is_told_by_the_page_itself_and_several_one_by_one() -> None:
    names = CodeNames("en", PACKS)
    assert needs_list.results({"asylum": [HELSINKI]}, PACKS, names) == []
    several = needs_list.results({"asylum": [HELSINKI], "psychosocial": []}, PACKS, names)
    assert [len(result.centres) for result in several] == [1, 0]
    reply = {"by_need": [{"code": "asylum", "services": [HELSINKI.service]}, {"code": "psychosocial", "services": []}]}
    assert needs_list.results_of_reply(reply, PACKS, names) == several
    assert needs_list.results_of_reply({}, PACKS, names) == [], "a reply that a former version has stored"


def test_who_helps_with_the_need_that_cannot_wait_stands_first() -> None:
    found = ["kovcheg", "hfhr", "ocalenie", "nomada", "other"]
    by_need = [["nomada"], ["hfhr", "nomada"], ["kovcheg", "ocalenie"]]
    assert most_pressing_first(found, by_need, str) == ["nomada", "hfhr", "kovcheg", "ocalenie", "other"]
    assert most_pressing_first(found, [], str) == found


def test_a_need_whose_centre_waits_for_the_persons_yes_is_not_said_to_be_asked_about() -> None:
    case = Case(country="PL", needs=["asylum"], last_safe_day=None)
    rows = {"asylum": CaseNeed(need="asylum", state="offered", referral_id=None)}
    waits = PersonReferral(
        uuid4(), "R-1", "Helsinki", "pl-hfhr", "awaiting_consent", None, None, ("asylum",), None, asks_document=False
    )
    offered = replace(waits, state="offered")
    names = CodeNames("en", PACKS)
    assert needs_list.progress(case, rows, [waits], names)[0][1] == needs_list.BEFORE_CONSENT
    assert needs_list.progress(case, rows, [offered], names)[0][1] == needs_list.STANDING["offered"]
