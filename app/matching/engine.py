"""The engine: evaluates every service with three-valued logic and a trace, then ranks the candidates.

Unknown is never no: a service that lacks one answer is *nearest* and shown with the question to ask first. The leaf tests are in
`leaves`; `rulebook` finds the distinct ones, which are evaluated once for each case; `trees` joins their outcomes; the formula of
the ranking is in `order`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import Final, NamedTuple

from app.directory.catalogue import Directory, ServiceEntry
from app.matching import order
from app.matching.facts import Facts
from app.matching.leaves import NO_LIVE_STATUS, LiveStatus, always, reason_of
from app.matching.order import ORDER_VERSION, Circumstances, Share
from app.matching.outcomes import NO, UNKNOWN, YES, Outcome
from app.matching.reasons import Reason
from app.matching.rulebook import Rulebook, RuledService, rulebook_of
from app.matching.trees import RuleResult

_CAPACITY: Final = {answer: Reason(f"capacity.{answer}") for answer in ("open", "unknown", "full")}


class ServiceMatch(NamedTuple):
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
        """Whether the scheduler may offer a case to this service: only if the centre is verified and takes referrals."""
        return self.verified and self.can_be_referred

    @property
    def can_be_referred(self) -> bool:
        """Whether anybody may refer a case to this service: also a coordinator, who has talked to a centre not verified yet."""
        return self.rank > 0 and all(reason.key != "by_yourself" for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class MatchResult:
    """Services that can help, those that nearly can, and those that cannot, each with reasons."""

    candidates: tuple[ServiceMatch, ...] = ()
    nearest: tuple[ServiceMatch, ...] = ()
    not_matched: tuple[ServiceMatch, ...] = ()
    order_version: int = field(default=ORDER_VERSION)

    def offerable(self) -> tuple[ServiceMatch, ...]:
        """Candidates that the scheduler may offer: verified ones that take referrals."""
        return tuple(match for match in self.candidates if match.offerable)

    def equals_of_first(self) -> tuple[str, ...]:
        """Services that rank equal to the first candidate in every term but the turn: the input of the rotation."""
        offerable = self.offerable()
        return tuple(match.service for match in offerable if match.terms[:-1] == offerable[0].terms[:-1])


def related_needs(directory: Directory) -> dict[str, frozenset[str]]:
    return {need.id: frozenset((*need.broader, *need.related)) for need in directory.needs}


def evaluate(
    facts: Facts,
    services: Sequence[ServiceEntry],
    on: date,
    *,
    related: Mapping[str, frozenset[str]] | None = None,
    live: Mapping[str, LiveStatus] | None = None,
    answer_days: Mapping[str, float] | None = None,
    shares: Mapping[str, Share] | None = None,
    seed: int = 0,
) -> MatchResult:
    """Evaluate every service. Pure: the same arguments give the same result, in the same order, in any process.

    Args:
        related: for a need, the broader and related ones; a service that lists only these is nearest.
        live: capacity and pauses by service key; a missing key means unknown capacity and no pause.
        answer_days: how many days a service took to answer, as a rule; a missing key means no history.
        shares: the rotation's accounts by service key; a missing key means weight 1 and a balance of zero.
        seed: decides between equals.
    """
    book = rulebook_of(services)
    around = Circumstances(live or {}, answer_days or {}, shares or {}, book.offered_by, seed)
    close_needs = frozenset(close for need in facts.needs for close in (related or {}).get(need, ()))
    case = _Case(book, facts, around, on, close_needs)
    candidates: list[_Row] = []
    nearest: defaultdict[tuple[int, ...], list[ServiceMatch]] = defaultdict(list)
    refused: dict[int, ServiceMatch] = {}
    outcomes, is_usual = case.outcomes, case.is_usual
    for service in book.services:
        result = service.tree.evaluate(service.pick_own(outcomes))
        state = None if is_usual else case.state_of(service)
        value = result.value if state is None else min(result.value, *(outcome.value for outcome in state))
        if value == YES:
            candidates.append(case.candidate(service, result, state))
        elif value == UNKNOWN:
            match = case.nearest(service, result, state)
            nearest[match.terms].append(match)
        elif (close := case.result_with_close_need(service, state)) is not None:
            match = case.related(service, close, state)
            nearest[match.terms].append(match)
        else:
            refused[service.position] = case.refused(service, result, state)
    return MatchResult(
        tuple(_ranked(candidates, around)),
        tuple(match for terms in sorted(nearest) for match in nearest[terms]),
        tuple(refused[position] for position in sorted(refused)),
    )


State = Sequence[Outcome]
"""The outcomes of consent, pause and capacity of a service. None stands for the usual: yes, yes, not known."""
_Row = tuple[tuple[int, ...], RuledService, tuple[Reason, ...], tuple[int, ...]]
"""A candidate on its way: its terms but the turn, the service, its reasons, its trace."""


def _ranked(candidates: list[_Row], around: Circumstances) -> Iterable[ServiceMatch]:
    candidates.sort(key=lambda row: row[0])
    rank = 0
    for terms, rows in groupby(candidates, key=lambda row: row[0]):
        equals = {row[1].key: row for row in rows}
        turns = order.rotation_order(tuple(equals), around.shares, around.seed) if len(equals) > 1 else list(equals)
        for turn, key in enumerate(turns):
            rank += 1
            _, service, reasons, trace = equals[key]
            yield _service_match(service, reasons, trace, (*terms, turn), rank)


class _Case:
    """The evaluation of one case. Each distinct leaf is evaluated once, and its reason is built once, when needed.

    `close_needs`: the needs broader than and related to those of the case.
    """

    def __init__(
        self, book: Rulebook, facts: Facts, around: Circumstances, on: date, close_needs: frozenset[str]
    ) -> None:
        self.book = book
        self.facts = facts
        self.around = around
        self.on = on
        self.close_needs = close_needs
        self.blocked = facts.never | facts.excluded | facts.unsafe
        self.is_usual = not around.live and not self.blocked
        self.outcomes, self._reasons = book.answers(facts, around.live, on)
        self._close_outcomes = self.outcomes
        if close_needs:
            self._close_outcomes = book.with_needs(self.outcomes, close_needs)
        self._close_reasons: dict[frozenset[str], Reason] = {}

    def result_with_close_need(self, service: RuledService, state: State | None) -> RuleResult | None:
        """The result of a service that would, or might, take a need close to this one but not this one; None for others."""
        if self.close_needs.isdisjoint(service.listed):
            return None
        if state is not None and any(outcome.value == NO for outcome in state):
            return None
        close = service.tree.evaluate(service.pick_own(self._close_outcomes))
        return None if close.value == NO else close

    def state_of(self, service: RuledService) -> State | None:
        """The outcome of consent, pauses and capacity for a service."""
        live = self.around.live.get(service.key)
        if live is None and service.organisation not in self.blocked:
            return None
        return tuple(leaf.answer(self.facts, live or NO_LIVE_STATUS, self.on) for leaf in always(service.organisation))

    def candidate(self, service: RuledService, result: RuleResult, state: State | None) -> _Row:
        reasons = self.reasons(service, result)
        capacity = "unknown" if state is None else state[2].answer
        terms = order.terms(
            service,
            self.facts,
            self.around,
            shares_language=result.shares_language,
            open_now=capacity == "open",
            made_for=result.made_for,
        )
        return terms, service, (*reasons, _CAPACITY[capacity], *service.remarks), _trace(result, state)

    def nearest(self, service: RuledService, result: RuleResult, state: State | None) -> ServiceMatch:
        """A near match: its reasons are the open questions, the easiest way to a yes first."""
        terms = (int(not service.verified), result.effort, len(self.facts.needs - service.listed))
        reasons = (*self.reasons(service, result), *service.remarks)
        return _service_match(service, reasons, _trace(result, state), terms)

    def related(self, service: RuledService, result: RuleResult, state: State | None) -> ServiceMatch:
        """A near match through a related need."""
        asked = self.reasons(service, result) if result.value == UNKNOWN else ()
        reasons = (self.close_reason(service), *asked, *service.remarks)
        terms = (int(not service.verified), 1 + result.effort, len(self.facts.needs))
        return _service_match(service, reasons, _trace(result, state), terms)

    def refused(self, service: RuledService, result: RuleResult, state: State | None) -> ServiceMatch:
        reasons = self.reasons(service, result) if result.value == NO else ()
        if state is not None:
            asked = zip(always(service.organisation), state, strict=True)
            reasons += tuple(
                reason_of(check.name, outcome, check.params(self.facts, outcome))
                for check, outcome in asked
                if outcome.value == NO
            )
        return _service_match(service, reasons, _trace(result, state), ())

    def close_reason(self, service: RuledService) -> Reason:
        close = self.close_needs & service.listed
        if close not in self._close_reasons:
            codes = {"needs": sorted(self.facts.needs), "listed": sorted(close - self.facts.needs)}
            self._close_reasons[close] = Reason("need.related", codes)
        return self._close_reasons[close]

    def reasons(self, service: RuledService, result: RuleResult) -> tuple[Reason, ...]:
        """The reasons of the leaves that a rule result names, each once."""
        # a close need changes no reason that is told: what is open is never a need
        reasons = result.pick_reasons(service.pick_own(self._reasons))
        return _each_once(reasons) if result.repeats else reasons


def _each_once(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    """The reasons without repetitions: a reason is left out if another of the same kind includes all of its codes."""
    distinct = list(dict.fromkeys(reasons))
    return tuple(
        reason
        for reason in distinct
        if not any(other is not reason and other.key == reason.key and _says(other, reason) for other in distinct)
    )


def _says(longer: Reason, shorter: Reason) -> bool:
    """Whether each list of codes of one reason contains that of the other."""
    if longer.params.keys() != shorter.params.keys():
        return False
    pairs = [(longer.params[name], codes) for name, codes in shorter.params.items()]
    return all(isinstance(codes, list | tuple) and set(codes) <= set(others) for others, codes in pairs)


def _trace(result: RuleResult, state: State | None) -> tuple[int, ...]:
    """The values of the rule's leaves, then of consent, pause and capacity."""
    if state is None:
        return result.trace
    return (*result.trace[: -len(state)], *(outcome.value for outcome in state))


def _service_match(
    service: RuledService, reasons: tuple[Reason, ...], trace: tuple[int, ...], terms: tuple[int, ...], rank: int = 0
) -> ServiceMatch:
    # `ServiceMatch(…)` itself takes twice as long, and every service of every case is found
    fields = (service.key, service.organisation, service.name, service.verified, reasons, trace, rank, terms)
    return tuple.__new__(ServiceMatch, fields)


__all__ = ["NO", "UNKNOWN", "YES", "LiveStatus", "MatchResult", "ServiceMatch", "evaluate", "related_needs"]
