"""The packs say what the facts say. `tests/data` is the facts' table, frozen: a change there is a change of facts.

Of a country that the table does not know, it says nothing.
"""

import csv
from pathlib import Path

import holidays
import pytest

from app.core import i18n
from app.directory.packs import ServiceEntry, load_packs
from app.intake import vocabulary

DATA = Path(__file__).parents[1] / "data"
DIRECTORY = load_packs()
EVERYWHERE = {country.code for country in DIRECTORY.countries}
COUNTRIES = ["PL", "GE", "LT", "DE"]  # of the facts, in the order of the form
LETTERS_OF_OURS = {("DE", "asylum_appeal_accelerated"), ("GE", "detention_appeal")}


def table(name: str) -> list[dict[str, str]]:
    with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def codes(cell: str) -> set[str]:
    return {code for code in cell.split(";") if code}


def services_of(organisation: str) -> list[ServiceEntry]:
    return [entry for entry in DIRECTORY.services if entry.organisation.id == organisation]


def country_of(organisation: str) -> str:
    return DIRECTORY.files[organisation].split("/")[0].upper()


def languages_of(entry: ServiceEntry) -> set[str]:
    return {code for leaf in entry.service.rule.leaves() if leaf.kind == "language" for code in leaf.test.any_of}


def test_every_centre_of_the_facts_is_there_and_no_other() -> None:
    ours = {entry.id for entry in DIRECTORY.organisations if country_of(entry.id) in {*COUNTRIES, "XX"}}
    assert {row["id"] for row in table("centres")} == ours
    assert len(ours) == len(table("centres"))


@pytest.mark.parametrize("row", table("centres"), ids=lambda row: row["id"])
def test_a_centre_is_carried_over_truly(row: dict[str, str]) -> None:
    organisation = DIRECTORY.organisation(row["id"])
    assert organisation is not None
    assert organisation.source.confidence == row["confidence"]
    assert organisation.state_run == (row["state_run"] == "yes")
    assert [organisation.website or "", organisation.email or "", organisation.phone or "", organisation.source.date or ""] == [
        row["website"], row["email"], row["phone"], row["source_date"],
    ]  # fmt: skip
    services = services_of(row["id"])
    assert organisation.kind == ("centre" if row["needs"] else "authority")
    assert bool(services) == bool(row["needs"])
    assert {need for entry in services for need in entry.service.needs} == codes(row["needs"])
    for entry in services:
        assert entry.countries == (EVERYWHERE if row["country"] == "XX" else {row["country"]})
        assert languages_of(entry) == codes(row["languages"])
        assert entry.verified == (row["confidence"] != "low")
        assert entry.service.cost == row["cost"].replace("-", "_")
    if services:
        assert services[0].service.remote == row["remote"].replace("partly", "unknown")


@pytest.mark.parametrize("row", table("deadlines"), ids=lambda row: f"{row['country']}-{row['event']}")
def test_a_deadline_is_carried_over_truly(row: dict[str, str]) -> None:
    deadline = DIRECTORY.deadline(row["country"], row["event"])
    assert deadline is not None
    limit = (str(deadline.limit.value), deadline.limit.unit) if deadline.limit else ("", "")
    assert (*limit, deadline.rolls_over, deadline.source.confidence) == (
        row["limit_value"], row["limit_unit"], row["rolls_over"], row["confidence"],
    )  # fmt: skip


def test_no_limit_is_invented() -> None:
    ours = {(country, row.event) for country in (*COUNTRIES, "EU") for row in DIRECTORY.deadlines(country)}
    extra = ours - {(row["country"], row["event"]) for row in table("deadlines")}
    assert extra == LETTERS_OF_OURS
    for country, event in extra:
        deadline = DIRECTORY.deadline(country, event)
        assert deadline is not None
        assert deadline.letter_kind
        assert deadline.limit is None


def test_every_urgent_contact_is_there_and_no_other() -> None:
    ours = {
        (
            country, contact.purpose, contact.phone, ";".join(contact.languages), contact.source.confidence,
            "yes" if contact.authority else "no", "yes" if contact.state_run else "no",
        )
        for country in (*COUNTRIES, "XX")
        for contact in DIRECTORY.emergency(country)
    }  # fmt: skip
    assert ours == {tuple(row.values()) for row in table("emergency")}


def test_every_letter_says_what_it_is_in_its_country_once() -> None:
    for country in EVERYWHERE:
        labels = [row.label for row in DIRECTORY.deadlines(country) if row.letter_kind]
        assert labels
        assert len(labels) == len(set(labels))


KINDS_THAT_PEOPLE_HOLD = {
    "PL": "residence_permit_refusal_appeal detention_order_complaint detention_release_refusal_complaint entry_refusal_appeal"
    " dublin_appeal report_to_reception_centre departure_after_residence_refusal",
    "LT": "residence_permit_refusal_appeal residence_permit_revocation_appeal return_or_entry_ban_emergency detention_appeal"
    " dublin_appeal",
    "GE": "expulsion_appeal residence_permit_refusal_appeal detention_appeal visa_refusal_complaint",
    "DE": "asylum_appeal_followup_inadmissible asylum_appeal_accelerated residence_permit_refusal_objection detention_complaint"
    " reopen_discontinued_asylum",
}
WITHOUT_AN_APPEAL = {"report_to_reception_centre", "departure_after_residence_refusal"}
NO_LETTER_TO_ANSWER = {
    "PL": "asylum_decision_time asylum_accelerated_decision_time asylum_access_suspension ua_transition_window"
    " mos_electronic_filing time_limit_counting trafficking_reflection refugee_board_reinstatement detention_length_first",
    "GE": "admissibility_decision_time visa_free_stay_ru_by visa_free_stay_ua overstay_consequences non_refoulement_bar"
    " asylum_procedure_order detention_48h detention_length time_limit_counting",
    "LT": "asylum_decision_time detention_48h ru_trp_travel_rule visa_applications_suspended detention_review_request"
    " time_limit_counting",
    "DE": "asylum_appeal_reasons departure_after_simple_rejection departure_after_manifestly_unfounded continue_asylum_after_tp"
    " missing_remedy_notice reinstatement_missed_deadline detention_release_request time_limit_counting humanitarian_admission"
    " sec22_status detention_no_duty_lawyer",
}
"""Rows that are no kind of letter; decision 144 says of each why."""


def test_each_row_was_decided_to_be_a_letter_or_not() -> None:
    for country, events in NO_LETTER_TO_ANSWER.items():
        assert {row.event for row in DIRECTORY.deadlines(country) if not row.letter_kind} == set(events.split())


def test_each_kind_of_letter_has_its_heading_or_says_why_not() -> None:
    with_heading = dict.fromkeys(COUNTRIES, 0)
    for country in COUNTRIES:
        for row in DIRECTORY.deadlines(country):
            if row.letter_kind:
                assert bool(row.heading) != bool(row.no_heading), row.event
                assert not row.no_heading or row.no_heading.endswith(".")
                with_heading[country] += bool(row.heading)
    assert with_heading == {"PL": 8, "GE": 0, "LT": 5, "DE": 8}


def test_a_further_step_counts_from_the_same_letter_and_is_never_the_first() -> None:
    steps = {
        (country, row.event, step.event)
        for country in COUNTRIES
        for row in DIRECTORY.deadlines(country)
        for step in row.then
    }
    assert {country for country, _event, _step in steps} == {"DE"}
    assert {event for _country, event, _step in steps} == {
        row.event
        for row in DIRECTORY.deadlines("DE")
        if row.letter_kind and "asylum" in row.event + str(row.label).lower()
    } - {"reopen_discontinued_asylum"} | {"dublin_appeal"}
    for _country, _event, step in steps:
        row = DIRECTORY.deadline("DE", step)
        assert row is not None
        assert (row.limit and row.limit.unit) == "months"


def test_the_letters_that_people_hold_are_kinds_with_what_to_do() -> None:
    for country, events in KINDS_THAT_PEOPLE_HOLD.items():
        for event in events.split():
            row = DIRECTORY.deadline(country, event)
            assert row is not None
            assert row.letter_kind
            assert row.appeal_to or row.filed_through or (event in WITHOUT_AN_APPEAL and row.remarks)
    for country in COUNTRIES:
        assert DIRECTORY.service_rules(country), "what to look at, to find the day"


def test_nobody_with_a_refusal_is_told_the_longer_time_to_leave() -> None:
    for row in DIRECTORY.deadlines("DE"):
        if row.event.startswith("departure_"):
            assert not row.letter_kind


def test_the_countries_stand_in_the_order_of_the_form() -> None:
    codes = [country.code for country in DIRECTORY.countries]
    assert codes == [*COUNTRIES, *sorted(EVERYWHERE - set(COUNTRIES))]
    assert [len(DIRECTORY.country(code).regions) for code in COUNTRIES] == [16, 12, 10, 16]


def test_every_country_has_a_calendar_of_holidays() -> None:
    for country in DIRECTORY.countries:
        assert holidays.country_holidays(country.holidays, years=2026)
        supported = set(holidays.list_supported_countries()[country.holidays])
        own = {region.split("-", 1)[1] for region in country.regions}
        assert supported <= own | {"Augsburg"}


def test_georgian_partners_are_called_before_anything_is_sent() -> None:
    assert "store_little" in DIRECTORY.country("GE").safety
    for organisation in DIRECTORY.organisations:
        if organisation.id.startswith("ge-") and organisation.services:
            assert "confirm_before_referral" in organisation.safety


@pytest.mark.parametrize(
    "slug", ["x-idite", "x-comingout", "x-kovcheg", "de-quarteera", "ge-wisg", "ge-temida", "ge-em"]
)
def test_contact_that_is_dangerous_at_home_is_marked(slug: str) -> None:
    organisation = DIRECTORY.organisation(slug)
    assert organisation is not None
    assert "contact_is_sensitive" in organisation.safety


def test_the_vocabularies_of_form_and_rules_are_the_same() -> None:
    from app.directory import rules

    assert set(vocabulary.STATUSES) - {"unknown"} == rules.STATUSES
    assert set(vocabulary.GROUPS) == rules.GROUPS


def test_what_the_person_has_to_do_alone_is_known_to_take_no_referrals() -> None:
    alone = {entry.key for entry in DIRECTORY.services if entry.service.takes_referrals == "no"}
    assert {key.split("/")[0] for key in alone} == {
        "pl-npp", "de-beratungshilfe", "de-handbook", "de-hai", "de-hilfetelefon", "x-labirint",
    }  # fmt: skip


def test_legal_terms_stand_in_the_languages_of_the_facts() -> None:
    assert len(DIRECTORY.terms) == 56
    assert DIRECTORY.term("suspensive_effect", "de") == "aufschiebende Wirkung"
    assert DIRECTORY.term("suspensive_effect", "be") is None
    assert DIRECTORY.term("no_such_term", "de") is None
    for term in DIRECTORY.terms:
        assert set(term.read_in) <= set(term.words) <= set(i18n.LANGUAGES)


def test_every_edge_of_the_needs_has_a_reason_and_dublin_is_an_appeal_in_asylum() -> None:
    for need in DIRECTORY.needs:
        assert all({**need.broader, **need.related}.values())
    assert "appeals" in DIRECTORY.broader("dublin")
    assert "asylum" in DIRECTORY.broader("appeals")
    assert "residence_permit" in DIRECTORY.broader("travel_documents")
    assert DIRECTORY.related("no_such_need") == {}


@pytest.mark.parametrize(
    ("country", "event", "code"),
    [
        ("DE", "asylum_appeal_simple", "yes"),
        ("DE", "dublin_appeal", "no"),
        ("PL", "dublin_appeal", "no"),
        ("LT", "return_or_entry_ban_emergency", "partly"),
        ("LT", "decision_appeal_general", "partly"),
        ("DE", "airport_procedure_urgent_motion", "unknown"),
    ],
)
def test_an_appeal_that_stops_removal_only_sometimes_is_never_said_to_stop_it(
    country: str, event: str, code: str
) -> None:
    deadline = DIRECTORY.deadline(country, event)
    assert deadline is not None
    assert deadline.stops_removal == code
    assert code == "yes" or deadline.also, "what to ask the court for besides"
