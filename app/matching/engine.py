"""The engine: every service is asked, three-valued and with a trace; then the candidates are put in order.

Unknown is never no: a service one answer away is *nearest*, shown with what to ask first. The leaf tests are in
`leaves`, how rules become a program in `compile`, the order's formula in `order`.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby
from typing import Final, NamedTuple

from app.directory.packs import Directory, ServiceEntry
from app.matching import order
from app.matching.compile import Line, Program, program_of
from app.matching.facts import Facts
from app.matching.leaves import NO, NO_, NO_NEWS, UNKNOWN, YES, YES_, Ask, Live, Outcome, always
from app.matching.order import ORDER_VERSION, Circumstances, Share
from app.matching.reasons import Reason

_SELF_EVIDENT: Final = frozenset({"country.yes", "consent_allows.yes", "accepts_referrals.yes", "urgency.yes"})
_MADE_FOR: Final = frozenset({"group", "nationality", "status"})
_FREE: Final = (YES, YES, YES)
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
    wide = case.with_needs(frozenset(other for need in facts.needs for other in (related or {}).get(need, ())))
    candidates: list[_Row] = []
    nearest, others = [], []
    values, all_is_usual = case.values, not around.live and not case.blocked
    for line in program.lines:
        verdict = values[line.root]
        state = None if all_is_usual else case.state_of(line)
        if state is not None:
            verdict = min(verdict, *(value for value, _ in state))
        if verdict == YES:
            candidates.append(case.candidate(line, state))
        elif verdict == UNKNOWN:
            nearest.append(case.nearest(line, state))
        elif wide is not None and wide.may_help(line, state):
            nearest.append(wide.related(line, state))
        else:
            others.append(case.refused(line, state))
    nearest.sort(key=lambda found: (found.terms, found.service))
    return MatchResult(tuple(_ranked(candidates, around)), tuple(nearest), tuple(others))


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
    """One case put to one program: the answer to every cell, and the reasons, each made once and only when needed."""

    def __init__(self, program: Program, facts: Facts, around: Circumstances, on: date) -> None:
        self.program = program
        self.facts = facts
        self.around = around
        self.on = on
        self.close: frozenset[str] = frozenset()
        self.blocked = facts.never | facts.excluded
        self.answers = [NO_] * program.size
        self.values = [NO] * program.size
        self._reasons: list[Reason | None] = [None] * program.size
        self._close_to: dict[frozenset[str], Reason] = {}
        self._answer(program.asks, facts)
        self._need(facts.needs)
        for own in program.own:
            answer = own.leaf.ask(facts, around.live.get(own.service or "", NO_NEWS), on)
            self.answers[own.cell], self.values[own.cell] = answer, answer[0]
        program.fill(self.values, program.parts)

    def _answer(self, asks: Iterable[tuple[int, Ask]], facts: Facts) -> None:
        on, answers, values = self.on, self.answers, self.values
        for cell, ask in asks:
            answers[cell] = answer = ask(facts, NO_NEWS, on)
            values[cell] = answer[0]

    def _need(self, needs: frozenset[str]) -> None:
        answers, values, yes_for = self.answers, self.values, self.program.yes_for
        for need in needs:
            for cell in yes_for.get(need, ()):
                answers[cell], values[cell] = YES_, YES

    def with_needs(self, close: frozenset[str]) -> "_Case | None":
        """The same case, had it the needs close to its own as well; None when there are none."""
        if not close - self.facts.needs:
            return None
        wide = copy(self)
        # its reasons are the same but those of the need, which nobody asks for
        wide.close, wide._close_to = close, {}
        wide.answers, wide.values = list(self.answers), list(self.values)
        wide._need(close)
        wide._answer(self.program.needs, replace(self.facts, needs=self.facts.needs | close))
        self.program.fill(wide.values, self.program.after_needs)
        return wide

    def may_help(self, line: Line, state: State | None) -> bool:
        """Whether a service that refuses the need as such would take, or might take, one close to it."""
        if self.values[line.root] == NO or self.close.isdisjoint(line.listed):
            return False
        return state is None or all(value != NO for value, _ in state)

    def state_of(self, line: Line) -> State | None:
        """What consent, pauses and capacity say; None for the usual: nothing stands against it, capacity not known."""
        live = self.around.live.get(line.key)
        if live is None and line.organisation not in self.blocked:
            return None
        return tuple(leaf.ask(self.facts, live or NO_NEWS, self.on) for leaf in always(line.organisation))

    def candidate(self, line: Line, state: State | None) -> _Row:
        plain = line.trace(self.values)
        _, leaves = self.program.reading(line, plain, self.values)
        reasons = [reason for reason in self.reasons(line, leaves) if reason.key not in _SELF_EVIDENT]
        capacity = "unknown" if state is None else state[2][1]
        leaf_of = self.program.leaf_of
        terms = order.terms(
            line,
            self.facts,
            self.around,
            shares_language=all(self.answers[cell][1] == "yes" for cell in line.languages),
            open_now=capacity == "open",
            made_for=any(leaf_of[cell].leaf.name in _MADE_FOR for cell in leaves),
        )
        return terms, line, (*reasons, _CAPACITY[capacity], *line.remarks), _whole(plain, state)

    def nearest(self, line: Line, state: State | None) -> Found:
        """Not yet: which answers would make it a yes, the smallest first, then the other ways."""
        plain = line.trace(self.values)
        effort, leaves = self.program.reading(line, plain, self.values)
        terms = (int(not line.verified), effort, len(self.facts.needs - line.listed))
        return _found(line, (*self.reasons(line, leaves), *line.remarks), _whole(plain, state), terms)

    def related(self, line: Line, state: State | None) -> Found:
        """Close to what is needed, and otherwise open, or open after an answer."""
        offered = self.close & line.listed
        close_to = self._close_to.get(offered)
        if close_to is None:
            said = {"needs": sorted(self.facts.needs), "listed": sorted(offered - self.facts.needs)}
            close_to = self._close_to[offered] = Reason("need.related", said)
        plain, effort, leaves = line.trace(self.values), 0, tuple[int, ...]()
        if self.values[line.root] == UNKNOWN:
            effort, leaves = self.program.reading(line, plain, self.values)
        terms = (int(not line.verified), 1 + effort, len(self.facts.needs))
        reasons = (close_to, *self.reasons(line, leaves), *line.remarks)
        return _found(line, reasons, _whole(plain, state), terms)

    def refused(self, line: Line, state: State | None) -> Found:
        plain, reasons = line.trace(self.values), list[Reason]()
        if self.values[line.root] == NO:
            reasons = self.reasons(line, self.program.reading(line, plain, self.values)[1])
        if state is not None:
            asked = zip(always(line.organisation), state, strict=True)
            reasons += [leaf.explain(self.facts, answer) for leaf, (value, answer) in asked if value == NO]
        return _found(line, tuple(reasons), _whole(plain, state), ())

    def reasons(self, line: Line, leaves: Sequence[int]) -> list[Reason]:
        """The reasons of these leaves, each once."""
        known = self._reasons
        made = [known[cell] or self.reason(cell) for cell in leaves]
        if not line.repeats or len(made) == 1:
            return made
        return [reason for place, reason in enumerate(made) if reason not in made[:place]]

    def reason(self, cell: int) -> Reason:
        answer = self.answers[cell][1]
        known = self.program.said.get(answer)
        if known is None:
            known = self.program.said.setdefault(answer, [None] * self.program.size)
        made = known[cell]
        if made is None:
            leaf = self.program.leaf_of[cell].leaf
            made = leaf.explain(self.facts, answer)
            if answer not in leaf.repeated:
                known[cell] = made
        self._reasons[cell] = made
        return made


def _whole(plain: tuple[int, ...], state: State | None) -> tuple[int, ...]:
    """The trace: the rule's leaves, then consent, pause and capacity."""
    return plain + (_FREE if state is None else tuple([value for value, _ in state]))


def _found(line: Line, reasons: tuple[Reason, ...], outcomes: tuple[int, ...], terms: tuple[int, ...]) -> Found:
    # made thousands of times a case, so not by the constructor, which takes three times as long
    return tuple.__new__(Found, (line.key, line.organisation, line.name, line.verified, reasons, outcomes, 0, terms))


__all__ = ["NO", "UNKNOWN", "YES", "Found", "Live", "MatchResult", "evaluate", "related_needs"]
