"""Whose turn it was: a place is counted once, for those who had a claim to it, and for nobody else."""

from datetime import timedelta

import pytest

from app.core.db import Database
from app.core.ids import named_id
from app.directory import loader
from app.directory.packs import load_packs
from app.matching import service_history
from app.matching.service_history import record_answer, record_turn
from tests.support.cases import START

A, B, C, STRANGER = (entry.key for entry in load_packs().services[:4])


@pytest.fixture(autouse=True)
def directory(database: Database) -> None:
    with database.begin() as session:
        loader.upsert(session, load_packs(), START)


def known(database: Database) -> service_history.ServiceHistory:
    with database.begin(write=False) as session:
        return service_history.history_of(session, [A, B, C, STRANGER])


def test_a_turn_is_counted_for_those_who_had_a_claim_to_it(database: Database) -> None:
    with database.begin() as session:
        record_turn(session, [A, B], A)
        record_turn(session, [C, STRANGER], STRANGER)
    before = known(database).shares
    with database.begin() as session:
        record_turn(session, [A, B], B)
    after = known(database).shares
    assert [after[key].got - before[key].got for key in (A, B, C, STRANGER)] == [0, 1, 0, 0]
    assert [before[key] == after[key] for key in (A, B, C, STRANGER)] == [False, False, True, True]


def test_a_place_without_a_rival_or_by_hand_is_nobodys_turn(database: Database) -> None:
    with database.begin() as session:
        record_turn(session, [A], A)
        record_turn(session, [A, B], C)
        record_turn(session, [], A)
    assert known(database).shares == {}


def test_the_time_to_answer_is_each_services_own(database: Database) -> None:
    with database.begin() as session:
        for key, hours in ((A, 24), (B, 240), (A, 72)):
            record_answer(session, named_id("service", key), timedelta(hours=hours))
    assert known(database).answer_days == {A: 2.0, B: 10.0}


def test_a_time_to_answer_is_at_least_nothing_and_at_most_the_longest(database: Database) -> None:
    with database.begin() as session:
        record_answer(session, named_id("service", A), timedelta(hours=-1))
        record_answer(session, named_id("service", B), timedelta(hours=service_history.LONGEST_HOURS + 1))
    assert known(database).answer_days == {A: 0.0, B: service_history.LONGEST_HOURS / 24}
