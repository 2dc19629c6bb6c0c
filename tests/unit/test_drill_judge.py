"""The judge of `make drill` finds what is lost, doubled and missed in ledgers that are made up."""

from dataclasses import replace

import pytest

from drill.judge import Event, Kept, Ledger, judge, longest_gap

OFFERED = Event("e1", "r1", 1, "referral.offered")
ACCEPTED = Event("e2", "r1", 2, "referral.accepted")
OTHER = Event("e3", "r2", 1, "referral.offered")


def ledger() -> Ledger:
    return Ledger(
        filed={"key-1": "A", "key-2": "B", "key-3": "C"}, accepted={"r1"}, read=[OFFERED, ACCEPTED, OFFERED, OTHER]
    )


KEPT = Kept(labels=["A", "B", "C"], acceptances=["r1"], feed=[OFFERED, ACCEPTED, OTHER])


def test_a_run_that_lost_nothing_is_clean_and_a_repeated_event_is_no_fault() -> None:
    verdict = judge(ledger(), KEPT)
    assert verdict.is_clean
    assert "lost: 0" in verdict.lines()[0]


@pytest.mark.parametrize(
    ("kept", "kind", "names"),
    [
        (replace(KEPT, labels=["A", "C"]), "intakes", ["B"]),
        (replace(KEPT, labels=[]), "intakes", ["A", "B", "C"]),
        (replace(KEPT, labels=["A", "C", "X"]), "intakes", ["B"]),
        (replace(KEPT, acceptances=["r2"]), "acceptances", ["r1"]),
        (replace(KEPT, feed=[OFFERED, ACCEPTED]), "events that were read", ["e3"]),
    ],
)
def test_what_was_acknowledged_and_is_gone_is_lost(kept: Kept, kind: str, names: list[str]) -> None:
    verdict = judge(ledger(), kept)
    assert verdict.lost[kind] == names
    assert verdict.lost_count == len(names)
    assert not verdict.is_clean
    assert names[0] in verdict.lines()[0]


@pytest.mark.parametrize(
    ("kept", "kind", "names"),
    [
        (replace(KEPT, labels=["A", "B", "C", "D"]), "intakes", ["D"]),
        (replace(KEPT, labels=["A", "B", "C", "C"]), "intakes", ["C"]),
        (replace(KEPT, acceptances=["r1", "r1"]), "acceptances", ["r1"]),
        (replace(KEPT, feed=[*KEPT.feed, replace(ACCEPTED, id="e9")]), "events", ["r1 version 2"]),
    ],
)
def test_what_is_there_twice_is_doubled(kept: Kept, kind: str, names: list[str]) -> None:
    verdict = judge(ledger(), kept)
    assert verdict.doubled[kind] == names
    assert not verdict.is_clean


def test_an_event_that_the_reader_never_got_is_missed() -> None:
    late = Event("e4", "r3", 1, "referral.offered")
    verdict = judge(ledger(), replace(KEPT, feed=[*KEPT.feed, late]))
    assert verdict.missed == ["e4"]
    assert not verdict.is_clean


def test_an_acknowledged_acceptance_whose_event_never_came_is_missed_even_if_the_feed_lost_it_too() -> None:
    seen = ledger()
    seen.read.remove(ACCEPTED)
    verdict = judge(seen, replace(KEPT, feed=[OFFERED, OTHER]))
    assert verdict.missed == ["the acceptance of r1"]
    assert not verdict.is_clean


def test_a_filing_without_an_answer_explains_one_case_and_is_not_clean() -> None:
    seen = ledger()
    seen.unanswered.add("key-4")
    one = judge(seen, replace(KEPT, labels=["A", "B", "C", "D"]))
    assert not one.doubled["intakes"]
    assert (one.is_clean, one.is_sound) == (False, True)
    assert judge(seen, replace(KEPT, labels=["A", "B", "C", "D", "E"])).doubled["intakes"] == ["E"]


def test_the_longest_gap_is_between_neighbours() -> None:
    assert longest_gap([5.0, 1.0, 2.0]) == 3.0
    assert longest_gap([1.0]) == 0.0
