"""The case page's view of referrals whose organisation a coordinator speaks for. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from app.cases.models import Case
from app.casework import by_hand, by_link
from app.casework.coordinator import Desk
from app.core import keyholders
from app.core.i18n import N_
from app.core.ids import named_id
from app.directory.languages import language_of_centre
from app.directory.packs import Directory, Organisation
from app.links import service as links
from app.links.models import ReferralLink
from app.referrals import centre_contacts, reasons
from app.referrals.referral_summaries import ReferralSummary
from app.referrals.states import MAY_OPEN, UNDECIDED, ReferralState, ReferralVerb
from app.referrals.ways import BY_COORDINATOR, ContactMeans, ReferralWay, way_of

ANSWERS: Final = MappingProxyType(
    {
        ReferralVerb.ACKNOWLEDGE: N_("They have heard of it and are considering it"),
        ReferralVerb.ACCEPT: N_("They accept"),
        ReferralVerb.ASK_INFO: N_("They have a question for the person"),
        ReferralVerb.WAITLIST: N_("They put it on their waiting list"),
        ReferralVerb.DECLINE: N_("They decline"),
        ReferralVerb.START: N_("They have reached the person"),
        ReferralVerb.HOLD: N_("They have paused work"),
        ReferralVerb.RESUME: N_("They work on it again"),
        ReferralVerb.COMPLETE: N_("Their work is done"),
        ReferralVerb.HAND_BACK: N_("They hand it back"),
        ReferralVerb.UNDO_ACCEPT: N_("They did not accept after all"),
        ReferralVerb.REOPEN: N_("They work on it again"),
    }
)
"""What an organisation can say, in the desk's words, in the order of the page."""


@dataclass(frozen=True, slots=True)
class ContactView:
    """One contact with the organisation. `name` is decrypted only where the story was opened; `is_named`: there is one."""

    at: datetime
    what: str
    how: str
    is_named: bool
    name: str = ""


@dataclass(frozen=True, slots=True)
class ByHand:
    """A referral that a coordinator asks by hand.

    `answers`: what can be recorded now; `may_ask`: the organisation has not decided; `language`: the one in which the organisation
    is written to.
    """

    way: ReferralWay
    entry: Organisation | None
    language: str
    answers: Sequence[ReferralVerb]
    may_ask: bool
    may_hand_over: bool
    has_accepted: bool
    contacts: Sequence[ContactView]
    may_link: bool
    may_mail: bool
    has_account: bool
    link: ReferralLink | None

    @property
    def is_asked(self) -> bool:
        return bool(self.contacts)


def of_case(
    session: Session,
    desk: Desk,
    directory: Directory,
    case: Case,
    summaries: Sequence[ReferralSummary],
    *,
    names_open: bool,
) -> Mapping[UUID, ByHand]:
    """The referrals asked by hand, by id. No statement where every organisation has an account, and one otherwise.

    `names_open`: the story was opened for this page, which is audited; then names are decrypted as well.
    """
    spoken_for = [summary for summary in summaries if way_of(summary.referral.way) in BY_COORDINATOR]
    if not spoken_for:
        return {}
    contacts = centre_contacts.of_case(session, case.id)
    open_links = links.open_of(session, [summary.referral.id for summary in spoken_for])
    names = by_hand.open_names(session, desk, case, contacts) if names_open else {}
    by_referral = {}
    for summary in spoken_for:
        referral, state = summary.referral, ReferralState(summary.referral.state)
        slug = summary.service_key.split("/", 1)[0]
        entry = directory.organisation(slug) if named_id("organisation", slug) == referral.organisation_id else None
        answers = by_hand.answers_open(session, referral, case, desk.now)
        may_link = by_link.may_be_sent(referral)
        by_referral[referral.id] = ByHand(
            way=way_of(referral.way),
            entry=entry,
            language=language_of_centre(directory, slug),
            answers=[verb for verb in ANSWERS if verb in answers],
            may_ask=state in UNDECIDED,
            may_hand_over=referral.offered_at is not None and state in UNDECIDED | MAY_OPEN,
            has_accepted=state in MAY_OPEN,
            contacts=[
                ContactView(
                    contact.at,
                    contact.what,
                    ContactMeans(contact.how),
                    contact.whom is not None,
                    names.get(contact.id, ""),
                )
                for contact in contacts
                if contact.referral_id == referral.id
            ],
            may_link=may_link,
            may_mail=may_link and bool(by_link.address_of(session, desk.keys, referral.organisation_id)),
            has_account=may_link and keyholders.active_key(session, referral.organisation_id) is not None,
            link=open_links.get(referral.id),
        )
    return by_referral


def choices(verb: ReferralVerb) -> dict[str, Sequence[str]]:
    """The codes that have to be chosen with an answer, by field."""
    return {
        "reason": reasons.reasons_for(verb),
        "outcome": list(reasons.OUTCOMES) if verb in reasons.OUTCOME_REQUIRED else [],
        "question": list(reasons.QUESTIONS) if verb in reasons.QUESTION_TAKEN else [],
        "work_done": list(reasons.WORK_DONE) if verb in reasons.WORK_TAKEN else [],
    }
