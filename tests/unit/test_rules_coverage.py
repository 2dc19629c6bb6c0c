"""The coverage map counts what is there, says what is not, and names who is nearest; the packs' own examples hold."""

from datetime import date

import pytest

from app.directory.packs import load_packs
from app.matching.coverage import SPOKEN, coverage
from app.matching.examples import check, read

DIRECTORY = load_packs()
CELLS = coverage(DIRECTORY, date(2026, 11, 24))
NO_DEAD_END = {"PL", "GE", "LT", "DE"}  # where somebody is near for every need; a new country may begin with less


def test_there_is_a_cell_for_every_need_and_country() -> None:
    expected = {(need.id, country.code) for need in DIRECTORY.needs for country in DIRECTORY.countries}
    assert len(CELLS) == len(expected)
    assert {(cell.need, cell.country) for cell in CELLS} == expected


def test_a_cell_counts_the_confirmed_services_that_list_the_need_and_no_others() -> None:
    for cell in CELLS:
        for key in (*cell.helps, *cell.asks):
            entry = DIRECTORY.service(key)
            assert entry is not None
            assert entry.verified
            assert cell.need in entry.service.needs
            assert cell.country in entry.countries
        assert not set(cell.unverified) & {*cell.helps, *cell.asks}


def test_the_holes_of_today_are_holes() -> None:
    holes = {(cell.country, cell.need) for cell in CELLS if cell.is_hole}
    assert {("PL", "dublin"), ("LT", "children"), ("GE", "deportation"), ("DE", "statelessness")} <= holes
    assert ("PL", "asylum") not in holes
    nowhere = {cell.country for cell in CELLS if cell.ends_nowhere}
    assert not nowhere & NO_DEAD_END
    assert all(DIRECTORY.emergency(country) for country in nowhere), "at least a number to call is left"


def test_every_hole_names_somebody_to_ask_and_what() -> None:
    for cell in CELLS:
        if cell.is_hole and not cell.unverified and not cell.ends_nowhere:
            assert cell.nearest
            assert all(found.reasons[0].key == "need.related" for found in cell.nearest)


def test_the_languages_are_those_a_source_names() -> None:
    by_place = {(cell.country, cell.need): cell.speaks for cell in CELLS}
    assert by_place["PL", "asylum"] == {"ru", "be", "uk", "en"}
    assert "ru" not in by_place["LT", "deportation"]
    assert set(SPOKEN) >= by_place["DE", "gbv"]


@pytest.mark.parametrize("country", [country.code.lower() for country in DIRECTORY.countries])
def test_the_examples_of_each_pack_hold_and_are_at_least_a_dozen(country: str) -> None:
    from app.directory.packs import PACKS

    assert len(read(PACKS / country)) >= 12, f"app/countries/{country}/examples.yaml has fewer than a dozen examples"
    _count, faults = check(DIRECTORY)
    assert [fault for fault in faults if fault.country == country.upper()] == []
