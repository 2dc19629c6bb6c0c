"""Who counts as two people."""

from uuid import UUID

import pytest

from app.staff.lineage import independent, lineage

A, B, C, D, E = (UUID(int=number) for number in range(1, 6))


def test_the_lineage_goes_back_through_everybody_who_had_a_part() -> None:
    ties = {C: {B, E}, B: {A}}
    assert lineage(C, ties) == {A, B, C, E}
    assert lineage(A, ties) == {A}


def test_a_circle_ends() -> None:
    assert lineage(A, {A: {B}, B: {A}}) == {A, B}


@pytest.mark.parametrize(
    ("one", "other", "ties", "expected"),
    [
        (A, B, {}, True),
        (A, A, {}, False),
        (A, B, {B: {A}}, False),
        (B, A, {B: {A}}, False),
        (A, C, {B: {A}, C: {B}}, False),
        (B, C, {B: {A}, C: {A}}, False),
        (B, C, {B: {A}, C: {D}}, True),
        (B, C, {B: {A}, C: {D}, D: {A}}, False),
    ],
    ids=["strangers", "oneself", "seated", "seated, asked the other way", "a chain", "siblings", "apart", "cousins"],
)
def test_who_counts_as_two(one: UUID, other: UUID, ties: dict[UUID, set[UUID]], expected: bool) -> None:
    assert independent(one, other, ties) is expected
