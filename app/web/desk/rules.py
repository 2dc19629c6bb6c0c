"""The rules at the desk: rule sets in force and proposed, and the linter's findings. One member proposes, another publishes."""

from datetime import UTC, date, datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from sqlalchemy.orm import Session

from app.casework import rule_replay
from app.core.dependencies import Db, Keys, Now, ReadDb
from app.core.errors import FieldError, Invalid, NotFound
from app.core.i18n import N_
from app.directory import published, rule_overlay, rule_sets
from app.directory.packs import Directory
from app.directory.rule_sets import RuleProposal, RuleSetState, RuleSetVerb
from app.matching import publication
from app.matching.lint import Finding, lint
from app.referrals import queries
from app.referrals.reasons import REASONS
from app.staff import service as staff
from app.staff.models import Role
from app.staff.sessions import SignedIn
from app.web.account.policies import Packs, RealNetwork, requires_role
from app.web.components import (
    date_fields,
    path_convertors,  # noqa: F401  registers them
    staff_pages,
)
from app.web.components.forms import field_value

router = APIRouter(prefix="/desk/rules")

readers: Final = requires_role(Role.COORDINATOR, Role.SENIOR, Role.ADMIN, Role.AUDITOR)
editors: Final = RealNetwork(Role.SENIOR, Role.ADMIN)
Reads = Annotated[SignedIn, Depends(readers)]
Edits = Annotated[SignedIn, Depends(editors)]
ProposalId = Annotated[str, Path(max_length=36)]
REPLAYED_CASES: Final = 500
"""How many of the newest cases a replay at the desk tries; the command tries all."""


@router.get("", name="rules")
def show_rules(request: Request, member: Reads, session: ReadDb, packs: Packs, now: Now) -> Response:
    """Show the rule set in force, the proposals, and the linter's findings on today's rules."""
    proposals = rule_sets.proposals(session)
    today = now.astimezone(UTC).date()
    in_force = rule_sets.published(session, today)
    return staff_pages.page(
        request,
        "desk/rules/list.html",
        proposals=proposals,
        member_names=staff.names(
            session, [member_id for row in proposals for member_id in (row.proposed_by, row.decided_by) if member_id]
        ),
        in_force=in_force[0] if in_force else None,
        digest=packs.digest[:12],
        services=len(packs.services),
        findings=_by_code(_linted(packs, today)),
        may_edit=member.role in editors.roles,
        refused=queries.refused_services(session, now - queries.QUARTER),
    )


@router.get("/new", name="new_rules")
def new_rules(
    request: Request,
    _member: Edits,
    session: ReadDb,
    now: Now,
    service: Annotated[str, Query(max_length=130)] = "",
    refused: Annotated[str, Query(max_length=24)] = "",
) -> Response:
    """Show the form, with the present rule of one service to start from.

    `refused`: a reason for which it was refused again and again; the form then begins with what the numbers suggest.
    """
    present = rule_sets.with_last_set(session, _base(request, session))
    text, why = publication.as_yaml(present, [service]) if present.service(service) else "", ""
    since = now - queries.QUARTER
    for found in queries.refused_services(session, since) if text and refused else ():
        if (found.service, found.reason) == (service, refused):
            text = publication.without_needs(present, service, found.never_fit)
            why = _why_refused(request, found, since.date(), now.date())
    return _form(
        request,
        present,
        {
            "text": text,
            "why": why,
            **dict(zip(date_fields.names("effective_on"), date_fields.of_day(now), strict=True)),
        },
    )


def _why_refused(request: Request, refusals: queries.Refusals, since: date, today: date) -> str:
    """The reason of a proposal that refusals have led to: the numbers that its second person should read."""
    names = staff_pages.code_names(request)
    by_need = [
        f"{names.name('need', need)}: {refused}/{asked}"
        for need, (refused, asked) in refusals.by_need.items()
        if refused
    ]
    label = REASONS[refusals.reason].label
    return f"{label}: {refusals.times}x, {since.isoformat()} – {today.isoformat()}. {', '.join(by_need)}."[:500]


@router.post("", name="propose_rules")
def propose_rules(request: Request, member: Edits, session: Db, now: Now) -> Response:
    """Propose the rules. What cannot be read, or what the linter refuses, is shown again as it was typed."""
    base = _base(request, session)
    present = rule_sets.with_last_set(session, base)
    typed = {
        name: field_value(request.state.form, name) for name in ("text", "why", *date_fields.names("effective_on"))
    }
    try:
        content = publication.read(typed["text"], present)
        proposal = publication.propose(
            session,
            base,
            content,
            effective_on=_effective_on(request, now),
            why=typed["why"],
            by=member.member_id,
            now=now,
        )
    except Invalid as error:
        return _form(request, present, typed, errors=error.errors)
    return staff_pages.redirect(f"/desk/rules/{proposal.id}?done=rules_proposed")


@router.get("/{proposal_id:id}", name="rule_set")
def show_rule_set(request: Request, proposal_id: ProposalId, member: Reads, session: ReadDb, now: Now) -> Response:
    """Show one rule set: its changes by service, the new findings, the replay counts, and the decisions open to the member."""
    proposal = _proposal(session, proposal_id)
    base = _base(request, session)
    content = rule_sets.content(session, proposal.digest)
    before = _before(session, base, proposal)
    try:
        candidate, findings = publication.checked(base, content, now.date())
    except Invalid as error:
        candidate, findings = (
            None,
            [Finding("error", "unreadable", "rules", error_field["detail"]) for error_field in error.errors],
        )
    changes = [
        (key, publication.as_yaml(before, [key]), publication.as_yaml(candidate, [key]) if candidate else "")
        for key in proposal.changed
    ]
    known_findings = {(finding.code, finding.position) for finding in _linted(before, now.date())}
    return staff_pages.page(
        request,
        "desk/rules/show.html",
        proposal=proposal,
        member_names=staff.names(
            session, [member_id for member_id in (proposal.proposed_by, proposal.decided_by) if member_id]
        ),
        changes=changes,
        findings=_by_code([finding for finding in findings if (finding.code, finding.position) not in known_findings]),
        verbs=_verbs(proposal, member),
        may_edit=member.role in editors.roles,
        replayed_cases=REPLAYED_CASES,
    )


@router.post("/{proposal_id}/replay", name="replay_rule_set")
def replay_rule_set(
    request: Request, proposal_id: ProposalId, _member: Edits, session: Db, keys: Keys, now: Now
) -> Response:
    """Replay the newest cases with the rule set and store the counts."""
    proposal = _proposal(session, proposal_id)
    base = _base(request, session)
    candidate, _ = publication.checked(base, rule_sets.content(session, proposal.digest), now.date())
    summary = rule_replay.replay_cases(session, keys, candidate, rule_replay.newest_cases(session, REPLAYED_CASES))
    publication.store_replay_counts(session, proposal, summary.counts())
    return staff_pages.redirect(f"/desk/rules/{proposal.id}?done=replayed")


@router.post("/{proposal_id}/{verb:rule_set_verb}", name="decide_rule_set")
def decide_rule_set(
    request: Request,
    proposal_id: ProposalId,
    verb: Annotated[str, Path(max_length=12)],
    member: Edits,
    session: Db,
    now: Now,
) -> Response:
    """Publish or reject (not by the proposer), or withdraw (by the proposer only)."""
    proposal = _proposal(session, proposal_id)
    publication.decide(session, _base(request, session), proposal.id, RuleSetVerb(verb), by=member.member_id, now=now)
    return staff_pages.redirect(f"/desk/rules/{proposal.id}?done=rules_{proposal.state}")


_findings_cache: Final[dict[tuple[str, date], list[Finding]]] = {}


def _linted(directory: Directory, on: date) -> list[Finding]:
    """The linter's findings on a directory, cached: they are slow to compute and stay the same all day."""
    key = (directory.digest, on)
    if key not in _findings_cache:
        findings = lint(directory, on)
        while len(_findings_cache) >= 8:
            _findings_cache.pop(next(iter(_findings_cache)), None)
        _findings_cache[key] = findings
    return _findings_cache[key]


def _base(request: Request, session: Session) -> Directory:
    """The directory without published rules, as this transaction sees it."""
    return published.without_rules(session, request.app.state.current.packs)


def _before(session: Session, base: Directory, proposal: RuleProposal) -> Directory:
    """The directory that the rule set was proposed on."""
    if proposal.upon is None:
        return base
    digest = publication.proposal_by_id(session, proposal.upon).digest
    return rule_overlay.apply_rules(base, rule_sets.content(session, digest), digest)


def _form(
    request: Request, present: Directory, typed: dict[str, str], errors: list[FieldError] | None = None
) -> Response:
    return staff_pages.page(
        request,
        "desk/rules/new.html",
        status=422 if errors else 200,
        typed=typed,
        errors=errors or [],
        services=[entry.key for entry in present.services],
    )


def _verbs(proposal: RuleProposal, member: SignedIn) -> list[str]:
    if proposal.state != RuleSetState.PROPOSED.value or member.role not in editors.roles:
        return []
    return ["withdraw"] if proposal.proposed_by == member.member_id else ["publish", "reject"]


def _proposal(session: Session, proposal_id: str) -> RuleProposal:
    try:
        return publication.proposal_by_id(session, UUID(proposal_id))
    except ValueError:
        raise NotFound("This rule set does not exist.") from None


def _by_code(findings: list[Finding]) -> dict[str, list[Finding]]:
    """The findings grouped by code, in their order."""
    by_code: dict[str, list[Finding]] = {}
    for finding in findings:
        by_code.setdefault(finding.code, []).append(finding)
    return by_code


def _effective_on(request: Request, now: datetime) -> date:
    day = date_fields.read(request.state.form, "effective_on", today=now.date())
    if day is None:
        detail = N_("Write the day from which the rules are in force.")
        raise Invalid([FieldError(pointer="/effective_on", code="required", detail=detail)])
    return day


__all__ = ["editors", "readers", "router"]
