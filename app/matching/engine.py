"""The engine: every service is asked, three-valued and with a trace; then the candidates are put in order.

Unknown is never no: a service one answer away is *nearest*, shown with what to ask first. The leaf tests are in
`leaves`, how rules become a program in `compile`, the order's formula in `order`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import Final, NamedTuple

from app.directory.packs import Directory, ServiceEntry
from app.matching import order
from app.matching.compile import Line, Program, program_of
from app.matching.facts import Facts
from app.matching.leaves import NO_NEWS, Live, always
from app.matching.order import ORDER_VERSION, Circumstances, Share
from app.matching.outcomes import NO, UNKNOWN, YES, Outcome
from app.matching.reasons import Reason
from app.matching.shapes import Reading

_SELF_EVIDENT: Final = frozenset({"country.yes", "consent_allows.yes", "accepts_referrals.yes", "urgency.yes"})
_MANY: Final = 16
"""Reasons of one service from which on it pays to hash them."""
_CAPACITY: Final = {answer: Reason(f"capacity.{answer}") for answer in ("open", "unknown", "full")}


class Found(NamedTuple):
    """One service in the result. `outcomes`: the trace, a value for each leaf; `terms`: what it was ordered by."""

    service: str
    organisation: str
    name: str
    verified: bool
    reasons: tuple[Reason, ...]
    outcomes: tuple[int, ...]
    rank: int = 0
    terms: tuple[int, ...] = ()

    @property
    def offerable(self) -> bool:
        """Whether the clock may offer a case to it: never, while nobody has confirmed the centre, or it takes none."""
        return self.verified and self.rank > 0 and all(reason.key != "by_yourself" for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class MatchResult:
    """Who can help, who nearly, who not, each with reasons."""

    candidates: tuple[Found, ...] = ()
    nearest: tuple[Found, ...] = ()
    not_matched: tuple[Found, ...] = ()
    order_version: int = field(default=ORDER_VERSION)

    def offerable(self) -> tuple[Found, ...]:
        """Candidates that may be offered by the clock: never an unverified one, nor one that takes no referrals."""
        return tuple(found for found in self.candidates if found.offerable)

    def equals_of_first(self) -> tuple[str, ...]:
        """Those who had a claim to the first place as good as its holder's: what the rotation is told of."""
        offerable = self.offerable()
        return tuple(found.service for found in offerable if found.terms[:-1] == offerable[0].terms[:-1])


def related_needs(directory: Directory) -> dict[str, frozenset[str]]:
    return {need.id: frozenset((*need.broader, *need.related)) for need in directory.needs}


def evaluate(
    facts: Facts,
    services: Sequence[ServiceEntry],
    on: date,
    *,
    related: Mapping[str, frozenset[str]] | None = None,
    live: Mapping[str, Live] | None = None,
    answer_days: Mapping[str, float] | None = None,
    shares: Mapping[str, Share] | None = None,
    seed: int = 0,
) -> MatchResult:
    """Ask every service. Pure: the same arguments give the same result, in the same order, in any process.

    Args:
        related: for a need, the broader and related ones; a service that lists only these is nearest.
        live: capacity and pauses by service key; a missing key means unknown capacity and no pause.
        answer_days: how many days a service took to answer, as a rule; a missing key means no history.
        shares: the rotation's accounts by service key; a missing key means weight 1 and an account of nothing.
        seed: decides between equals.
    """
    program = program_of(services)
    around = Circumstances(live or {}, answer_days or {}, shares or {}, program.offered_by, seed)
    case = _Case(program, facts, around, on)
    case.close_to(frozenset(other for need in facts.needs for other in (related or {}).get(need, ())))
    codes, all_is_usual = case.codes, not around.live and not case.blocked
    candidates: list[_Row] = []
    nearest: defaultdict[tuple[int, ...], list[Found]] = defaultdict(list)
    others = list[Found | None]([None]) * len(program.lines)
    for line in program.lines:
        answers, shape = line.pick(codes), line.shape
        reading = shape.readings.get(answers) or shape.read(answers)
        state = None if all_is_usual else case.state_of(line)
        verdict = reading.verdict if state is None else min(reading.verdict, *(value for value, _ in state))
        if verdict == YES:
            candidates.append(case.candidate(line, reading, state))
        elif verdict == UNKNOWN:
            found = case.nearest(line, reading, state)
            nearest[found.terms].append(found)
        elif (close := case.close_reading(line, state)) is not None:
            found = case.related(line, close, state)
            nearest[found.terms].append(found)
        else:
            others[line.place] = case.refused(line, reading, state)
    return MatchResult(
        tuple(_ranked(candidates, around)),
        tuple(found for terms in sorted(nearest) for found in nearest[terms]),
        tuple(found for found in others if found is not None),
    )


State = Sequence[Outcome]
"""The answers to consent, pause and capacity, where they are not simply yes, yes, unknown."""


_Row = tuple[tuple[int, ...], Line, tuple[Reason, ...], tuple[int, ...]]
"""A candidate on its way: its terms but the turn, the service, its reasons, its trace."""


def _ranked(candidates: list[_Row], around: Circumstances) -> Iterable[Found]:
    candidates.sort(key=lambda row: row[0])
    rank = 0
    for terms, rows in groupby(candidates, key=lambda row: row[0]):
        equals = {row[1].key: row for row in rows}
        turns = order.in_turn(tuple(equals), around.shares, around.seed) if len(equals) > 1 else list(equals)
        for turn, key in enumerate(turns):
            rank += 1
            _, line, reasons, outcomes = equals[key]
            yield Found(key, line.organisation, line.name, line.verified, reasons, outcomes, rank, (*terms, turn))


class _Case:
    """One case put to one program: the answer in every cell, and the reasons, each made once and only when needed."""

    def __init__(self, program: Program, facts: Facts, around: Circumstances, on: date) -> None:
        self.program = program
        self.facts = facts
        self.around = around
        self.on = on
        self.blocked = facts.never | facts.excluded
        self.codes = program.answers(facts, around.live, on)
        self.needs = program.bits_of(facts.needs)
        self.close, self.close_codes = 0, self.codes
        self._close_reasons: dict[int, Reason] = {}
        self._same: dict[int, Reason] = {}

    def close_to(self, needs: frozenset[str]) -> None:
        """These are close to the needs of the case: the answers it would have had, had it said them too."""
        self.close = self.program.bits_of(needs)
        if self.close:
            self.close_codes = list(self.codes)
            self.program.look_up(self.close_codes, "need", needs)

    def close_reading(self, line: Line, state: State | None) -> Reading | None:
        """Of a service that refuses the need as such, and would take, or might take, one close to it."""
        if not self.close & line.listed_bits:
            return None
        answers, shape = line.pick(self.close_codes), line.shape
        close = shape.readings.get(answers) or shape.read(answers)
        if close.verdict == NO or (state is not None and any(value == NO for value, _ in state)):
            return None
        return close

    def state_of(self, line: Line) -> State | None:
        """What consent, pauses and capacity say; None for the usual: nothing stands against it, capacity not known."""
        live = self.around.live.get(line.key)
        if live is None and line.organisation not in self.blocked:
            return None
        return tuple(leaf.ask(self.facts, live or NO_NEWS, self.on) for leaf in always(line.organisation))

    def candidate(self, line: Line, reading: Reading, state: State | None) -> _Row:
        reasons = [reason for reason in self.reasons(line, reading) if reason.key not in _SELF_EVIDENT]
        capacity = "unknown" if state is None else state[2][1]
        terms = order.terms(
            line,
            self.facts,
            self.around,
            shares_language=reading.shares_language,
            open_now=capacity == "open",
            made_for=reading.made_for,
        )
        return terms, line, (*reasons, _CAPACITY[capacity], *line.remarks), _whole(reading, state)

    def nearest(self, line: Line, reading: Reading, state: State | None) -> Found:
        """Not yet: which answers would make it a yes, the smallest first, then the other ways."""
        unnamed = len(self.facts.needs) - (self.needs & line.listed_bits).bit_count()
        terms = (int(not line.verified), reading.effort, unnamed)
        return _found(line, (*self.reasons(line, reading), *line.remarks), _whole(reading, state), terms)

    def related(self, line: Line, reading: Reading, state: State | None) -> Found:
        """Close to what is needed, and otherwise open, or open after an answer."""
        asked = self.reasons(line, reading) if reading.verdict == UNKNOWN else []
        reasons = (self.close_reason(line), *asked, *line.remarks)
        terms = (int(not line.verified), 1 + reading.effort, len(self.facts.needs))
        return _found(line, reasons, _whole(reading, state), terms)

    def refused(self, line: Line, reading: Reading, state: State | None) -> Found:
        reasons = self.reasons(line, reading) if reading.verdict == NO else []
        if state is not None:
            asked = zip(always(line.organisation), state, strict=True)
            reasons += [leaf.explain(self.facts, answer) for leaf, (value, answer) in asked if value == NO]
        return _found(line, tuple(reasons), _whole(reading, state), ())

    def close_reason(self, line: Line) -> Reason:
        offered = self.close & line.listed_bits
        reason = self._close_reasons.get(offered)
        if reason is None:
            listed = sorted(need for need in line.listed - self.facts.needs if self.program.bits[need] & offered)
            said = {"needs": sorted(self.facts.needs), "listed": listed}
            reason = self._close_reasons[offered] = Reason("need.related", said)
        return reason

    def reasons(self, line: Line, reading: Reading) -> list[Reason]:
        """The reasons of the leaves that a reading tells of, each once."""
        same, said, cells = self._same, self.program.said, line.cells
        made = [
            said[slot].get(cells[place]) or same.get(slot) or self.program.explain(cells[place], slot, self.facts, same)
            for place, slot in reading.told
        ]
        if len(made) == 1 or not line.shape.repeats:
            return made
        if len(made) > _MANY:
            return list(dict.fromkeys(made))
        return [reason for place, reason in enumerate(made) if reason not in made[:place]]


def _whole(reading: Reading, state: State | None) -> tuple[int, ...]:
    """The trace: the rule's leaves, then consent, pause and capacity."""
    if state is None:
        return reading.values
    return (*reading.values[: -len(state)], *(value for value, _ in state))


def _found(line: Line, reasons: tuple[Reason, ...], outcomes: tuple[int, ...], terms: tuple[int, ...]) -> Found:
    # made thousands of times a case, so not by the constructor, which takes three times as long
    return tuple.__new__(Found, (line.key, line.organisation, line.name, line.verified, reasons, outcomes, 0, terms))


__all__ = ["NO", "UNKNOWN", "YES", "Found", "Live", "MatchResult", "evaluate", "related_needs"]
