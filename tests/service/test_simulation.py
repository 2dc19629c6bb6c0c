"""The promise, measured: with centres that leave four of ten offers unanswered, nobody who can be helped falls through."""

from collections import Counter
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
import sqlalchemy as sa

from app.cases.models import Case
from app.directory.packs import load_packs
from app.simulation.plot import svg
from app.simulation.population import Plan
from app.simulation.results import DESTINATIONS, Results, destinations_table, results, table
from app.simulation.world import World, played

SMALL = Plan(cases=36, days=30, answers=0.6, seed=4)


@pytest.fixture(scope="module")
def found() -> Results:
    with played(SMALL, load_packs()) as world:
        return results(world)


def test_nearly_all_who_can_be_helped_are_accepted_or_owned_before_the_legal_deadline(found: Results) -> None:
    matched = [case for case in found.cases if case.matched]
    assert len(found.cases) == SMALL.cases
    assert len(matched) >= 12
    assert found.promise >= 0.99


def test_the_play_is_no_mere_idyll(found: Results) -> None:
    """Offers run out, others are accepted, and some cases end with a task alone: all three must have been lived through."""
    assert {"in_time", "expired"} <= {offer.ended for offer in found.offers}
    assert any(case.accepted_at for case in found.cases)
    assert any(case.owned_at and not case.accepted_at for case in found.cases)


def test_the_table_has_every_urgency_and_country_and_the_plot_a_line_an_urgency(found: Results) -> None:
    printed = table(found)
    for word in (
        "emergency",
        "urgent",
        "normal",
        *{case.country for case in found.cases},
        "all",
        "in time",
        "expired",
        "waiting",
    ):
        assert word in printed
    drawn = ElementTree.fromstring(svg(found))
    labels = [node.text for node in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {case.urgency for case in found.cases if case.matched} <= set(labels)


def requests_of(world: World) -> list[tuple[Any, ...]]:
    with world.database.begin(write=False) as session:
        rows = session.scalars(sa.select(Case).order_by(Case.waiting_since, Case.urgency))
        return [
            (one.waiting_since, one.country, one.urgency, one.needs, one.languages, one.last_safe_day) for one in rows
        ]


def test_without_any_account_each_case_goes_somewhere_by_phone_and_by_link() -> None:
    few = replace(SMALL, cases=10, days=6, connected=0)
    with played(few, load_packs()) as world:
        found, asked = results(world), requests_of(world)
    with played(replace(few, connected=3, answers=0.1), load_packs()) as world:
        assert requests_of(world) == asked, "other answers, the same requests"
    ends = Counter(case.went_to for case in found.cases)
    assert set(ends) <= set(DESTINATIONS)
    assert ends["without a next step"] == 0
    assert ends["accepted, asked by a coordinator by phone"] + ends["accepted, through a link with a code"] >= 2
    assert not ends["accepted, by an organisation's own account"]
    assert found.promise >= 0.99
    assert f"{len(found.cases):>5}  all" in destinations_table(found)
