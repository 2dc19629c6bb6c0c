"""The distinct leaf tests of one kind, answered together for a case.

The outcome and reason of each test are prepared for people who did not answer, and for those whose answer the test does not list.
The codes that a person did give are looked up in an index from a code to the tests that list it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from app.matching.facts import Facts
from app.matching.leaves import (
    CODES_OF_PERSON,
    NAMES_CODES_OF_PERSON,
    NO_LIVE_STATUS,
    Check,
    CodeTest,
    LiveStatus,
    reason_of,
)
from app.matching.outcomes import NEGATED, NO_, YES_, Outcome
from app.matching.reasons import Reason


class Answers(NamedTuple):
    """The outcomes and reasons of some tests, in the order of the tests."""

    outcomes: list[Outcome]
    reasons: list[Reason]


class CodeMatch(NamedTuple):
    """A test that lists a code: its position in the column, its outcome, and the reason.

    `reason` is None if the reason names the codes that the person shares with the test.
    """

    position: int
    outcome: Outcome
    reason: Reason | None


@dataclass(frozen=True, slots=True, eq=False)
class CodeColumn:
    """Tests that compare codes of one kind, either all below a `not` or none of them.

    Attributes:
        first: the number of the first test; the others follow.
        otherwise: the answers for other codes; without reasons, if those name what the person said.
    """

    name: str
    below_not: bool
    first: int
    not_said: Answers
    otherwise: Answers
    index: Mapping[str, Sequence[CodeMatch]]

    def answers(self, facts: Facts, _live: Mapping[str, LiveStatus], _on: date) -> Answers:
        codes_said = CODES_OF_PERSON[self.name](facts)
        if codes_said is None:
            return self.not_said
        outcomes = self.otherwise.outcomes.copy()
        reasons = self.otherwise.reasons.copy() or [self._naming(codes_said, NO_)] * len(outcomes)
        shared = dict[int, tuple[str, ...]]()
        for code in codes_said:
            for position, outcome, reason in self.index.get(code, ()):
                outcomes[position] = outcome
                if reason is None:
                    shared[position] = (*shared.get(position, ()), code)
                else:
                    reasons[position] = reason
        naming = {codes: self._naming(codes, YES_) for codes in set(shared.values())}
        for position, codes in shared.items():
            reasons[position] = naming[codes]
        return Answers(outcomes, reasons)

    def listing(self, codes: Iterable[str]) -> Iterator[tuple[int, Outcome]]:
        """The tests that list at least one of the codes: their numbers, and the outcome for such a person."""
        for code in codes:
            for position, outcome, _ in self.index.get(code, ()):
                yield self.first + position, outcome

    def _naming(self, codes: Sequence[str], outcome: Outcome) -> Reason:
        """The reason of an outcome, for one that names these codes of the person."""
        params = {NAMES_CODES_OF_PERSON[self.name, outcome.answer]: list(codes)}
        return reason_of(self.name, NEGATED[outcome] if self.below_not else outcome, params)


@dataclass(frozen=True, slots=True, eq=False)
class CheckColumn:
    """Checks of one kind. `owners`: for each the key of the service whose state it asks for, or ""."""

    name: str
    below_not: bool
    first: int
    checks: Sequence[Check]
    owners: Sequence[str]

    def answers(self, facts: Facts, live: Mapping[str, LiveStatus], on: date) -> Answers:
        answers = Answers([], [])
        for check, owner in zip(self.checks, self.owners, strict=True):
            outcome = check.answer(facts, live.get(owner, NO_LIVE_STATUS), on)
            params = check.params(facts, outcome)
            if self.below_not:
                outcome = NEGATED[outcome]
            answers.outcomes.append(outcome)
            answers.reasons.append(reason_of(self.name, outcome, params))
        return answers


Column = CodeColumn | CheckColumn


def code_column(tests: Sequence[CodeTest], first: int, *, below_not: bool) -> CodeColumn:
    """The column of these tests, which are of one kind."""
    index = dict[str, list[CodeMatch]]()
    for position, test in enumerate(tests):
        for code, outcome in test.listed.items():
            index.setdefault(code, []).append(CodeMatch(position, *_answer(test, outcome, below_not)))
    return CodeColumn(
        tests[0].name,
        below_not,
        first,
        _answers([_answer(test, test.not_said, below_not) for test in tests]),
        _answers([_answer(test, test.otherwise, below_not) for test in tests]),
        index,
    )


def _answers(each: Sequence[tuple[Outcome, Reason | None]]) -> Answers:
    return Answers([outcome for outcome, _ in each], [reason for _, reason in each if reason is not None])


def _answer(test: CodeTest, outcome: Outcome, below_not: bool) -> tuple[Outcome, Reason | None]:
    """An outcome of a test as the index stores it, with its reason if that names what the rule says."""
    shown = NEGATED[outcome] if below_not else outcome
    if (test.name, outcome.answer) in NAMES_CODES_OF_PERSON:
        return shown, None
    return shown, reason_of(test.name, shown, test.params_of.get(outcome.answer, test.params))
