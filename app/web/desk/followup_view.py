"""View model of the follow-up part of the case page: tasks, household, rerouting, undoing a withdrawal. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from app.cases.models import Case
from app.casework.case_sidebar import CaseSidebar, case_sidebar
from app.casework.coordinator import Desk
from app.directory.packs import Directory
from app.referrals import preconditions
from app.referrals.referral_summaries import ReferralSummary
from app.referrals.states import MAY_OPEN, ReferralState, ReferralVerb


@dataclass(frozen=True, slots=True)
class Followup:
    """What the part shows.

    `undoable`: referrals whose withdrawal can still be undone; `reroutable`: closed referrals that another service can replace;
    `person_reports`: referral, subject and yes or no, as the person reported; `work_done`: referral, codes of the work and day
    of the next step, as the partner reported when it handed the case back.
    """

    sidebar: CaseSidebar
    countries: Sequence[str]
    undoable: Sequence[ReferralSummary]
    reroutable: Sequence[ReferralSummary]
    person_reports: Sequence[tuple[ReferralSummary, str, bool]]
    work_done: Sequence[tuple[ReferralSummary, Sequence[str], str]]


def load_followup(
    session: Session, desk: Desk, packs: Directory, case: Case, summaries: Sequence[ReferralSummary]
) -> Followup:
    """Read the follow-up of a case. One statement, and a few more for each referral withdrawn in the last half hour."""
    by_id: dict[UUID, ReferralSummary] = {summary.referral.id: summary for summary in summaries}
    sidebar = case_sidebar(session, desk.team_id, case.id, me=desk.member.member_id)
    return Followup(
        sidebar=sidebar,
        countries=[country.code for country in packs.places if country.code != case.country],
        undoable=[summary for summary in summaries if _is_undoable(session, desk, case, summary)],
        reroutable=[summary for summary in summaries if ReferralState(summary.referral.state) not in MAY_OPEN]
        if case.closed_at is None
        else [],
        person_reports=[
            (by_id[referral_id], subject, confirmed) for referral_id, subject, confirmed in sidebar.answers
        ],
        work_done=[
            (summary, event.codes.get("work_done", ()), event.codes.get("deadline_on", ""))
            for summary in summaries
            for event in summary.events
            if event.verb == ReferralVerb.HAND_BACK and event.codes
        ],
    )


def _is_undoable(session: Session, desk: Desk, case: Case, summary: ReferralSummary) -> bool:
    if summary.referral.state != ReferralState.WITHDRAWN:
        return False
    return preconditions.may(
        session, summary.referral, case, ReferralVerb.UNDO_WITHDRAW, by=desk.actor.kind, now=desk.now
    )
