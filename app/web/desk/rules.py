"""The rules at the desk: what is in force, what is proposed, what the linter says; proposed by one and published by another."""

from datetime import UTC, date
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from sqlalchemy.orm import Session

from app.casework import rule_replay
from app.core.dependencies import Db, Keys, Now, ReadDb
from app.core.errors import FieldError, Invalid, NotFound
from app.directory import published, rule_overlay, rule_sets
from app.directory.packs import Directory
from app.directory.rule_sets import RuleProposal, RuleSetState, RuleSetVerb
from app.matching import publication
from app.matching.lint import Finding, lint
from app.staff import service as staff
from app.staff.models import Role
from app.staff.sessions import SignedIn
from app.web.account.policies import Packs, field, requires_role
from app.web.components import (
    path_convertors,  # noqa: F401  registers them
    staff_pages,
)

router = APIRouter(prefix="/desk/rules")

readers: Final = requires_role(Role.COORDINATOR, Role.SENIOR, Role.ADMIN, Role.AUDITOR)
editors: Final = requires_role(Role.SENIOR, Role.ADMIN)
Reads = Annotated[SignedIn, Depends(readers)]
Edits = Annotated[SignedIn, Depends(editors)]
ProposalId = Annotated[str, Path(max_length=36)]
TRIED: Final = 500
"""How many of the newest cases the desk plays again; the command plays all."""


@router.get("", name="rules")
def show_rules(request: Request, who: Reads, session: ReadDb, packs: Packs, now: Now) -> Response:
    """What is in force, what waits for a second person, and what the linter says of today's rules."""
    proposals = rule_sets.proposals(session)
    today = now.astimezone(UTC).date()
    in_force = rule_sets.published(session, today)
    return staff_pages.page(
        request,
        "desk/rules/list.html",
        proposals=proposals,
        names_of=staff.names(session, [one for row in proposals for one in (row.proposed_by, row.decided_by) if one]),
        in_force=in_force[0] if in_force else None,
        digest=packs.digest[:12],
        services=len(packs.services),
        findings=_told(_linted(packs, today)),
        may_edit=who.role in editors.roles,
    )


@router.get("/new", name="new_rules")
def new_rules(
    request: Request,
    _who: Edits,
    session: ReadDb,
    now: Now,
    service: Annotated[str, Query(max_length=130)] = "",
) -> Response:
    """A form with the present rule of one service, to be changed."""
    present = rule_sets.with_last_set(session, _base(request, session))
    text = publication.as_yaml(present, [service]) if present.service(service) else ""
    return _form(request, present, {"text": text, "why": "", "effective_on": now.date().isoformat()})


@router.post("", name="propose_rules")
def propose_rules(request: Request, who: Edits, session: Db, now: Now) -> Response:
    """What can not be read, or what the linter refuses, comes back with every word that was typed."""
    base = _base(request, session)
    present = rule_sets.with_last_set(session, base)
    typed = {name: field(request, name) for name in ("text", "why", "effective_on")}
    try:
        content = publication.read(typed["text"], present)
        proposal = publication.propose(
            session,
            base,
            content,
            effective_on=_day(typed["effective_on"]),
            why=typed["why"],
            by=who.member_id,
            now=now,
        )
    except Invalid as error:
        return _form(request, present, typed, errors=error.errors)
    return staff_pages.to(f"/desk/rules/{proposal.id}?done=rules_proposed")


@router.get("/{proposal_id:uuid}", name="rule_set")
def show_rule_set(request: Request, proposal_id: ProposalId, who: Reads, session: ReadDb, now: Now) -> Response:
    """What it changes, service by service, what the linter says, what a replay said; and the buttons for who may."""
    proposal = _found(session, proposal_id)
    base = _base(request, session)
    said = rule_sets.content(session, proposal.digest)
    before = _before(session, base, proposal)
    try:
        tried, findings = publication.checked(base, said, now.date())
    except Invalid as error:
        tried, findings = None, [Finding("error", "unreadable", "rules", found["detail"]) for found in error.errors]
    changes = [
        (key, publication.as_yaml(before, [key]), publication.as_yaml(tried, [key]) if tried else "")
        for key in proposal.changed
    ]
    known = {(finding.code, finding.position) for finding in _linted(before, now.date())}
    return staff_pages.page(
        request,
        "desk/rules/show.html",
        proposal=proposal,
        names_of=staff.names(session, [one for one in (proposal.proposed_by, proposal.decided_by) if one]),
        changes=changes,
        findings=_told([finding for finding in findings if (finding.code, finding.position) not in known]),
        verbs=_verbs(proposal, who),
        may_edit=who.role in editors.roles,
        tried=TRIED,
    )


@router.post("/{proposal_id}/replay", name="replay_rule_set")
def replay_rule_set(
    request: Request, proposal_id: ProposalId, _who: Edits, session: Db, keys: Keys, now: Now
) -> Response:
    """Put the newest cases to it and keep the counts."""
    proposal = _found(session, proposal_id)
    base = _base(request, session)
    tried, _ = publication.checked(base, rule_sets.content(session, proposal.digest), now.date())
    summary = rule_replay.replay_cases(session, keys, tried, rule_replay.newest_cases(session, TRIED))
    publication.store_replay_counts(session, proposal, summary.counts())
    return staff_pages.to(f"/desk/rules/{proposal.id}?done=replayed")


@router.post("/{proposal_id}/{verb:rule_set_verb}", name="decide_rule_set")
def decide_rule_set(
    request: Request,
    proposal_id: ProposalId,
    verb: Annotated[str, Path(max_length=12)],
    who: Edits,
    session: Db,
    now: Now,
) -> Response:
    """Publish or reject (somebody else than who proposed it), or withdraw (who proposed it)."""
    proposal = _found(session, proposal_id)
    publication.decide(session, _base(request, session), proposal.id, RuleSetVerb(verb), by=who.member_id, now=now)
    return staff_pages.to(f"/desk/rules/{proposal.id}?done=rules_{proposal.state}")


_kept: Final[dict[tuple[str, date], list[Finding]]] = {}


def _linted(directory: Directory, on: date) -> list[Finding]:
    """What the linter says of a directory today: it takes a while, and stays the same all day."""
    key = (directory.digest, on)
    if key not in _kept:
        found = lint(directory, on)
        while len(_kept) >= 8:
            _kept.pop(next(iter(_kept)), None)
        _kept[key] = found
    return _kept[key]


def _base(request: Request, session: Session) -> Directory:
    """The directory without published rules, as this transaction sees it."""
    return published.without_rules(session, request.app.state.current.packs)


def _before(session: Session, base: Directory, proposal: RuleProposal) -> Directory:
    """What it was proposed upon."""
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


def _verbs(proposal: RuleProposal, who: SignedIn) -> list[str]:
    if proposal.state != RuleSetState.PROPOSED.value or who.role not in editors.roles:
        return []
    return ["withdraw"] if proposal.proposed_by == who.member_id else ["publish", "reject"]


def _found(session: Session, proposal_id: str) -> RuleProposal:
    try:
        return publication.proposal_by_id(session, UUID(proposal_id))
    except ValueError:
        raise NotFound("This rule set does not exist.") from None


def _told(findings: list[Finding]) -> dict[str, list[Finding]]:
    """Errors, then warnings by kind."""
    told: dict[str, list[Finding]] = {}
    for finding in findings:
        told.setdefault(finding.code, []).append(finding)
    return told


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        detail = "Write the day as YYYY-MM-DD."
        raise Invalid([FieldError(pointer="/effective_on", code="not_a_day", detail=detail)]) from None


__all__ = ["editors", "readers", "router"]
