"""Decisions of members on the rule changes that refusals have proposed: adopt one as it is or changed, or reject it.

Whoever adopts it is the author of a rule set like any other, which another member publishes or rejects (`matching.publication`).
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app import audit
from app.directory import rule_sets
from app.directory.packs import Directory
from app.directory.rule_overlay import Content
from app.directory.rule_sets import RuleProposal
from app.matching import publication
from app.referrals import refusal_proposals
from app.referrals.refusal_proposals import RefusalProposal
from app.tasks import service as tasks
from app.tasks.service import TaskKind


def as_yaml(directory: Directory, service: str, filed: RefusalProposal) -> str:
    """The proposed rule as YAML, on top of `directory` (with the rules of the last published set); "" for an unknown service."""
    return publication.without_needs(directory, service, filed.left_out) if directory.service(service) else ""


def changes_nothing(directory: Directory, service: str, filed: RefusalProposal) -> bool:
    """Whether the figures alone suggest no change of the rule (no need stands out, or none would remain)."""
    return as_yaml(directory, service, filed) in {"", publication.as_yaml(directory, [service])}


def adopt(
    session: Session,
    directory: Directory,
    filed_id: UUID,
    content: Content | None,
    *,
    effective_on: date,
    why: str,
    by: UUID,
    now: datetime,
) -> RuleProposal:
    """Propose a rule set from it; another member has to publish it. `directory`: the one without published rules.

    `content`: the member's own, None for what was filed. Raises NotFound, Conflict (it was decided, or changes nothing), Invalid.
    """
    filed, service = refusal_proposals.locked(session, filed_id)
    if content is None:
        present = rule_sets.with_last_set(session, directory)
        content = publication.read(as_yaml(present, service, filed), present)
    proposal = publication.propose(session, directory, content, effective_on=effective_on, why=why, by=by, now=now)
    _decide(session, filed, by, now, proposal.id)
    return proposal


def reject(session: Session, filed_id: UUID, *, by: UUID, now: datetime) -> None:
    """Reject the proposal: the rule stays, and the same is not proposed again for a quarter.

    Raises NotFound, Conflict: decided already.
    """
    filed, _service = refusal_proposals.locked(session, filed_id)
    _decide(session, filed, by, now, None)


def _decide(session: Session, filed: RefusalProposal, by: UUID, now: datetime, adopted_as: UUID | None) -> None:
    refusal_proposals.decide(session, filed, by, now, adopted_as)
    if not refusal_proposals.is_any_open(session, filed.service_id):
        tasks.end_tasks_of_kind(session, TaskKind.CHANGE_RULE, filed.service_id, now)
    audit.record(
        session,
        actor_kind="member",
        actor_id=by.hex,
        action=f"rules:filed_{filed.state}",
        subject_kind="refusal_proposal",
        subject_id=filed.id,
        codes={"reason": filed.reason, "times": filed.times},
        now=now,
    )
