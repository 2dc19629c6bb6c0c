"""What people type for a field, what the directory keeps of it, and packs with edits laid over them."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Invalid
from app.directory import field_input, fields, opening_hours, overlay
from app.directory.overlay import Edit, apply_edits
from app.directory.packs import load_packs

TODAY = date(2026, 11, 24)
RELEX, HFHR = "lt-relex", "pl-hfhr/legal-help"


def asked(subject: str, name: str, text: str) -> Any:
    field = fields.field_of(subject, name)
    assert field is not None
    return field_input.parse(field, {name: text}, TODAY)


def edit(subject: str, name: str, new: Any, old: Any = None) -> Edit:
    return Edit(subject, name, {"value": old}, {"value": new})


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Mo-Fr 9:00-17:00", [{"days": ["MO", "TU", "WE", "TH", "FR"], "opens": "09:00", "closes": "17:00"}]),
        ("we, mo 10.30 – 12:00", [{"days": ["MO", "WE"], "opens": "10:30", "closes": "12:00"}]),
        ("", []),
    ],
)
def test_opening_hours_are_read_as_people_write_them(text: str, kept: list[Any]) -> None:
    assert opening_hours.parse(text) == kept


@pytest.mark.parametrize(
    "text", ["nine to five", "Mo 17:00-09:00", "Mo 25:00-26:00", "Fr-Mo 09:00-10:00", "Xx 09:00-10:00"]
)
def test_hours_that_can_not_be_are_said_to_be_so(text: str) -> None:
    with pytest.raises(ValueError, match="Line 1"):
        opening_hours.parse(text)


@given(
    st.lists(
        st.tuples(st.sets(st.sampled_from(opening_hours.DAYS), min_size=1), st.integers(0, 22), st.integers(0, 59)),
        max_size=5,
    )
)
def test_written_hours_are_read_back_as_they_were(lines: list[tuple[set[str], int, int]]) -> None:
    entries = [
        {"days": sorted(days, key=opening_hours.DAYS.index), "opens": f"{hour:02}:{minute:02}", "closes": "23:59"}
        for days, hour, minute in lines
        if (hour, minute) < (23, 59)
    ]
    assert opening_hours.parse(opening_hours.format_hours(entries)) == entries


@pytest.mark.parametrize(
    ("subject", "name", "text"),
    [
        (RELEX, "name_en", "  "),
        (RELEX, "website", "javascript:alert(1)"),
        (RELEX, "website", "relex.lt"),
        (RELEX, "email", "nobody at all"),
        (RELEX, "city", "x" * 121),
        (RELEX, "hours", "always"),
        (HFHR, "languages", "Russian!"),
        (HFHR, "remote", "sometimes"),
    ],
)
def test_what_does_not_fit_is_refused_beside_its_field(subject: str, name: str, text: str) -> None:
    with pytest.raises(Invalid) as caught:
        asked(subject, name, text)
    assert [entry["pointer"] for entry in caught.value.errors] == [f"/{name}"]
    assert text.strip() == "" or text not in str(caught.value.errors)


def test_a_verification_needs_a_source_and_a_day_that_was() -> None:
    field = fields.field_of(RELEX, "source")
    assert field is not None
    given_in = {"title": "A call with them", "date": "2026-11-20", "confidence": "high"}
    assert field_input.parse(field, given_in, TODAY) == given_in
    for wrong in (
        {"title": ""},
        {"date": "2026-11-25"},
        {"date": "last week"},
        {"confidence": "certain"},
        {"url": "x"},
    ):
        with pytest.raises(Invalid):
            field_input.parse(field, {**given_in, **wrong}, TODAY)


def test_every_field_writes_what_it_reads() -> None:
    packs = load_packs()
    for subject in (*(one.id for one in packs.organisations), *(entry.key for entry in packs.services)):
        entity = overlay.entity(packs, subject)
        assert entity is not None
        for field in fields.fields_of(subject):
            said = fields.read(entity, field.name)
            if said is not None and not (field.name == "languages" and not said):
                assert fields.with_value(entity, field.name, said) == entity, (subject, field.name)


def test_languages_stand_in_the_rule_and_the_rest_of_the_rule_stays() -> None:
    packs = load_packs()
    laid = apply_edits(packs, [edit(HFHR, "languages", ["ka"])]).directory
    before, after = packs.service(HFHR), laid.service(HFHR)
    assert before is not None
    assert after is not None
    assert fields.languages(after.service.rule) == ("ka",)
    rest = [
        [leaf for leaf in rule.leaves() if leaf.kind != "language"]
        for rule in (before.service.rule, after.service.rule)
    ]
    assert rest[0] == rest[1]


def test_what_is_not_edited_stays_the_very_same_object_and_the_digest_tells() -> None:
    packs = load_packs()
    laid = apply_edits(packs, [edit(RELEX, "city", "Kaunas")]).directory
    same = [after is before for before, after in zip(packs.services, laid.services, strict=True)]
    assert same.count(False) == 1
    assert laid.digest != packs.digest
    assert apply_edits(packs, [edit(RELEX, "city", "Kaunas")]).directory.digest == laid.digest
    assert apply_edits(packs, []).directory is packs
    assert apply_edits(packs, [Edit(RELEX, "city", {}, {"pack": True})]).directory is packs


def test_an_edit_of_what_is_gone_is_named_and_left_out() -> None:
    lost = [edit("lt-nobody", "city", "Kaunas"), edit("lt-relex/gone", "remote", "yes"), edit(RELEX, "cost", "free")]
    laid = apply_edits(load_packs(), lost)
    assert sorted(laid.misfits, key=str) == sorted(lost, key=str)
    assert laid.directory.services == load_packs().services


def test_an_organisation_that_came_in_whole_is_there_until_a_pack_has_it() -> None:
    packs = load_packs()
    relex = packs.organisation(RELEX)
    assert relex is not None
    whole = {**relex.model_dump(mode="json", exclude_none=True, by_alias=True), "id": "lt-new"}
    laid = apply_edits(packs, [edit("lt-new", fields.WHOLE, whole)]).directory
    assert laid.service("lt-new/legal-help") in laid.services_for("LT")
    known = apply_edits(packs, [edit(RELEX, fields.WHOLE, {**whole, "id": RELEX, "city": "Elsewhere"})]).directory
    assert known.organisation(RELEX) == relex
