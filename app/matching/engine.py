"""The engine: every service is asked, three-valued and with a trace; then the candidates are put in order.

Unknown is never no: a service one answer away is *nearest*, shown with what to ask first. The leaf tests are in
`leaves`, how rules become a program in `compile`, the order's formula in `order`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import Final, NamedTuple

from app.directory.packs import Directory, ServiceEntry
from app.matching import order
from app.matching.compile import Line, Program, decisive, program_of, to_ask
from app.matching.facts import Facts
from app.matching.leaves import NO, NO_NEWS, UNKNOWN, YES, Live, Outcome, always
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
    candidates: list[tuple[tuple[int, ...], Line, tuple[Reason, ...], tuple[int, ...]]] = []
    nearest, others = [], []
    for line in program.lines:
        verdict = line.ask(case.values)
        state = case.state_of(line)
        if state is not None:
            verdict = min(verdict, *(value for value, _ in state))
        if verdict == YES:
            candidates.append(case.candidate(line, state))
        elif verdict == UNKNOWN:
            nearest.append(case.nearest(line, state))
        elif wide is not None and _may(line, wide, state):
            nearest.append(wide.related(line, state, facts))
        else:
            others.append(case.refused(line, state))
    nearest.sort(key=lambda found: (found.terms, found.service))
    return MatchResult(tuple(_ranked(candidates, around)), tuple(nearest), tuple(others))


State = Sequence[Outcome]
"""The answers to consent, pause and capacity, where they are not simply yes, yes, unknown."""


def _may(line: Line, wide: "_Case", state: State | None) -> bool:
    """Whether a service that refuses the need as such would take, or might take, one close to it."""
    if wide.close.isdisjoint(line.listed) or (state is not None and any(value == NO for value, _ in state)):
        return False
    return line.ask(wide.values) != NO


def _ranked(
    candidates: list[tuple[tuple[int, ...], Line, tuple[Reason, ...], tuple[int, ...]]], around: Circumstances
) -> Iterable[Found]:
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
    """One case put to one program: the answer to every slot, and the reasons, each made once and only when needed."""

    def __init__(self, program: Program, facts: Facts, around: Circumstances, on: date) -> None:
        self.program = program
        self.facts = facts
        self.around = around
        self.on = on
        self.close: frozenset[str] = frozenset()
        self.answers: list[Outcome] = [
            slot.leaf.ask(facts, around.live.get(slot.service, NO_NEWS) if slot.service else NO_NEWS, on)
            for slot in program.slots
        ]
        self.values = [value for value, _ in self.answers]
        self._reasons: dict[int, Reason] = {}
        self._blocked = facts.never | facts.excluded

    def with_needs(self, close: frozenset[str]) -> "_Case | None":
        """The same case, had it the needs close to its own as well; None when there are none."""
        if not close - self.facts.needs:
            return None
        wide, wider = object.__new__(_Case), Facts(needs=self.facts.needs | close, country=self.facts.country)
        wide.program, wide.around, wide.on, wide.close = self.program, self.around, self.on, close
        wide.answers, wide._reasons, wide._blocked = list(self.answers), {}, self._blocked
        for slot in self.program.need_slots:
            wide.answers[slot] = self.program.slots[slot].leaf.ask(wider, NO_NEWS, self.on)
        wide.facts = self.facts
        wide.values = [value for value, _ in wide.answers]
        return wide

    def state_of(self, line: Line) -> State | None:
        """What consent, pauses and capacity say; None for the usual: nothing stands against it, capacity not known."""
        live = self.around.live.get(line.key)
        if live is None and line.organisation not in self._blocked:
            return None
        return tuple(leaf.ask(self.facts, live or NO_NEWS, self.on) for leaf in always(line.organisation))

    def candidate(
        self, line: Line, state: State | None
    ) -> tuple[tuple[int, ...], Line, tuple[Reason, ...], tuple[int, ...]]:
        slots = decisive(line.root, self.values, YES)
        reasons = [reason for reason in self.reasons(slots) if reason.key not in _SELF_EVIDENT]
        capacity = "unknown" if state is None else state[2][1]
        about = self.program.slots
        terms = order.terms(
            line,
            self.facts,
            self.around,
            shares_language=all(
                self.answers[slot][1] == "yes" for slot in line.leaves if about[slot].leaf.name == "language"
            ),
            open_now=capacity == "open",
            made_for=any(about[slot].leaf.name in _MADE_FOR for slot in slots),
        )
        return terms, line, (*reasons, _CAPACITY[capacity], *line.remarks), self.outcomes(line, state)

    def nearest(self, line: Line, state: State | None) -> Found:
        """Not yet: which answers would make it a yes, the smallest first, then the other ways."""
        effort, ways = self.to_ask(line)
        terms = (int(not line.verified), effort, len(self.facts.needs - line.listed))
        return self.found(line, (*ways, *line.remarks), state, terms)

    def related(self, line: Line, state: State | None, facts: Facts) -> Found:
        """Close to what is needed, and otherwise open, or open after an answer."""
        listed = sorted((self.close & line.listed) - facts.needs)
        reasons = [Reason("need.related", {"needs": sorted(facts.needs), "listed": listed})]
        effort = 0
        if line.ask(self.values) == UNKNOWN:
            effort, ways = self.to_ask(line)
            reasons += ways
        terms = (int(not line.verified), 1 + effort, len(facts.needs))
        return self.found(line, (*reasons, *line.remarks), state, terms)

    def refused(self, line: Line, state: State | None) -> Found:
        slots = decisive(line.root, self.values, NO) if line.ask(self.values) == NO else []
        reasons = self.reasons(slots)
        if state is not None:
            asked = zip(always(line.organisation), state, strict=True)
            reasons += [leaf.explain(self.facts, answer) for leaf, (value, answer) in asked if value == NO]
        return self.found(line, tuple(reasons), state, ())

    def to_ask(self, line: Line) -> tuple[int, list[Reason]]:
        """The effort of the cheapest way to a yes, and the questions: that way's first, then those of other ways."""
        effort, best, rest = to_ask(line.root, self.values, self.program.efforts)
        if len(best) > 1:
            best.sort(key=self.program.asked_when.__getitem__)
        if rest:
            best += sorted(rest, key=self.program.asked_when.__getitem__)
        return effort, self.reasons(best)

    def reasons(self, slots: list[int]) -> list[Reason]:
        """The reasons of these slots, each once."""
        made = [self.reason(slot) for slot in slots]
        if len(made) == 1:
            return made
        if len({reason.key for reason in made}) == len(made):
            return made
        return [reason for place, reason in enumerate(made) if reason not in made[:place]]

    def reason(self, slot: int) -> Reason:
        known = self._reasons.get(slot)
        if known is None:
            known = self._reasons[slot] = self.program.slots[slot].leaf.explain(self.facts, self.answers[slot][1])
        return known

    def outcomes(self, line: Line, state: State | None) -> tuple[int, ...]:
        return line.trace(self.values) + (_FREE if state is None else tuple(value for value, _ in state))

    def found(self, line: Line, reasons: tuple[Reason, ...], state: State | None, terms: tuple[int, ...]) -> Found:
        return Found(
            line.key, line.organisation, line.name, line.verified, reasons, self.outcomes(line, state), 0, terms
        )


__all__ = ["NO", "UNKNOWN", "YES", "Found", "Live", "MatchResult", "evaluate", "related_needs"]
