"""The labels of codes that staff and partners share: English message ids of the staff's domain, which `_()` looks up on the page.

Each table of a closed vocabulary has a row for each code, or the program does not start. Templates know it as `labels`. Labels for
the desk alone are in `app/web/desk/labels.py`, those for members and proposals in `app/web/account/labels.py`.
"""

from types import MappingProxyType
from typing import Any, Final, get_args

from app.cases.appointment_states import AppointmentState
from app.cases.appointments import WAYS
from app.cases.need_states import NeedState
from app.cases.states import CaseState
from app.cases.unread_letters import UnreadLetter
from app.casework.readiness import Item
from app.casework.team_readiness import TeamItem
from app.core.i18n import N_
from app.core.vocabulary import complete
from app.directory import rule_sets
from app.directory.edit_states import EditState
from app.intake.vocabulary import CHANNELS, GOOD_HOURS, HELPS
from app.matching.facts import Urgency
from app.referrals import quality, reasons
from app.referrals.states import ReferralActor, ReferralState
from app.staff import proposal_states
from app.staff import service as staff

__all__ = ["CHANNELS", "GOOD_HOURS", "HELPS"]

WEEKDAYS: Final = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))
# Word, and the shape that says the same without colour.
URGENCIES: Final = complete(
    get_args(Urgency),
    {
        "emergency": ("▲", N_("Emergency")),
        "urgent": ("◆", N_("Urgent")),
        "normal": ("●", N_("Normal")),
    },
)
APPOINTMENT_STATES: Final = complete(
    AppointmentState,
    {
        "open": N_("Times offered"),
        "agreed": N_("A time is agreed"),
        "declined": N_("The person declined"),
        "others_wanted": N_("The person asks for other times"),
        "withdrawn": N_("Withdrawn"),
        "expired": N_("Not answered in time"),
    },
)
APPOINTMENT_WAYS: Final = complete(
    WAYS,
    {
        "office": N_("In the office"),
        "phone": N_("By phone"),
        "safe_call": N_("By an encrypted call"),
    },
)
CASE_STATES: Final = complete(
    CaseState,
    {
        "submitted": N_("New"),
        "in_review": N_("In review"),
        "referred": N_("Waiting for a partner"),
        "helped": N_("Closed: helped"),
        "advised": N_("Closed: advised"),
        "unmet": N_("Unmet: no organisation found yet"),
        "withdrawn": N_("Closed: withdrawn"),
        "erased": N_("Erased"),
    },
)
NEED_STATES: Final = complete(
    NeedState,
    {
        "open": N_("Nobody has it"),
        "offered": N_("Somebody is asked"),
        "with_centre": N_("With an organisation"),
        "helped": N_("Helped"),
        "advised": N_("Advised"),
        "unmet": N_("Nobody was found"),
        "not_wanted": N_("No longer wanted"),
    },
)
RULE_STATES: Final = complete(
    rule_sets.RuleSetState,
    {
        "proposed": N_("Waiting for a second person"),
        "published": N_("Published"),
        "rejected": N_("Rejected"),
        "withdrawn": N_("Withdrawn"),
    },
)
REFERRAL_STATES: Final = complete(
    ReferralState,
    {
        "draft": N_("Draft"),
        "awaiting_consent": N_("Waiting for the person's consent"),
        "offered": N_("Offered"),
        "acknowledged": N_("Seen by the organisation"),
        "info_requested": N_("More information requested"),
        "waitlisted": N_("On the waiting list"),
        "accepted": N_("Accepted"),
        "in_progress": N_("Work is under way"),
        "on_hold": N_("On hold"),
        "completed": N_("Completed"),
        "declined": N_("Declined"),
        "handed_back": N_("Handed back"),
        "withdrawn": N_("Withdrawn by the desk"),
        "client_declined": N_("Declined by the person"),
        "expired": N_("No answer in time"),
        "entered_in_error": N_("Entered in error"),
    },
)
VERBS: Final = MappingProxyType(
    {
        "file": N_("received"),
        "submit": N_("received"),
        "create": N_("drafted"),
        "ask_consent": N_("waiting for the person's consent"),
        "consent": N_("the person agreed"),
        "refuse": N_("the person refused"),
        "offer": N_("offered"),
        "acknowledge": N_("seen"),
        "ask_info": N_("more information requested"),
        "answer": N_("answered"),
        "waitlist": N_("put on the waiting list"),
        "accept": N_("accepted"),
        "decline": N_("declined"),
        "start": N_("work started"),
        "hold": N_("put on hold"),
        "resume": N_("resumed"),
        "complete": N_("completed"),
        "hand_back": N_("handed back"),
        "withdraw": N_("withdrawn"),
        "client_withdraw": N_("the person withdrew"),
        "expire": N_("expired without an answer"),
        "reopen": N_("reopened"),
        "undo_accept": N_("acceptance undone"),
        "undo_withdraw": N_("withdrawal undone"),
        "narrow": N_("continues for fewer needs"),
        "moved": N_("moved to another country"),
        "void": N_("entered in error"),
        "take": N_("taken into review"),
        "refer": N_("referred"),
        "return": N_("returned to the desk"),
        "help": N_("closed as helped"),
        "advise": N_("closed as advised"),
        "unmet": N_("marked unmet"),
        "erase": N_("erased"),
        "put_back": N_("returned to New"),
        "recall": N_("withdrawal undone"),
        "case:taken": N_("taken"),
        "case:moved_in": N_("moved in from a list"),
        "case:assigned": N_("owner changed"),
        "case:snoozed": N_("snoozed"),
        "case:woken": N_("snooze ended"),
        "case:words_opened": N_("story opened"),
        "case:contact_opened": N_("contact opened"),
        "case:document_opened": N_("document opened"),
        "case:document_added": N_("document added by the person"),
        "case:document_removed": N_("document taken back by the person"),
        "case:document_sent": N_("document sent to the person"),
        "case:document_taken_back": N_("document to the person taken back"),
        "case:letter_entered": N_("letter read and entered"),
        "case:note_added": N_("note added"),
        "case:message_sent": N_("message sent"),
        "case:key_granted": N_("key granted to an organisation"),
        "case:compared": N_("compared with other cases"),
        "case:merged": N_("merged"),
        "case:unmerged": N_("separated"),
        "case:undone": N_("last step undone"),
        "case:by_hand_agreed": N_("an organisation without an account may be asked"),
        "case:link_made": N_("a link with a code was made"),
        "case:link_revoked": N_("the link was ended"),
        "case:link_code_shown": N_("the code of the link was shown"),
        "case:given_to_account": N_("the referral was given to the organisation's account"),
        "case:centre_asked": N_("an organisation was asked by a coordinator"),
        "case:need_ended": N_("a need was ended"),
        "correct": N_("answers corrected"),
        "choose": N_("consent changed"),
    }
)
OUTCOMES: Final = complete(
    reasons.OUTCOMES,
    {
        "represented": N_("Represented before an authority or court"),
        "advised": N_("Advised"),
        "referred_on": N_("Referred to another service"),
        "resolved": N_("Resolved"),
        "contact_lost": N_("Contact lost"),
    },
)
PASSED_OVER: Final = complete(
    reasons.PASSED_OVER,
    {
        "not_said": N_("No reason given"),
        "person_wishes": N_("The person wants this organisation"),
        "knows_person": N_("They already know the person or the family"),
        "sooner": N_("They have time sooner"),
        "first_is_away": N_("The first one is full, paused or does not answer"),
        "language": N_("They speak the person's language better"),
        "nearer": N_("They are nearer"),
        "expertise": N_("They know this kind of case better"),
        "other": N_("Another reason"),
    },
)
QUALITY: Final = complete(
    quality.QUALITY,
    {
        "complete": N_("Everything that we needed was there"),
        "facts_missing": N_("Important facts were missing"),
        "facts_wrong": N_("Something was not as it was written"),
        "other_need": N_("The person needed something else"),
        "not_for_us": N_("It was not a case for us"),
        "too_late": N_("It came too late"),
        "contact_failed": N_("The contact details did not work"),
        "not_prepared": N_("The person did not expect us"),
    },
)
QUESTIONS: Final = complete(
    reasons.QUESTIONS,
    {
        "letter_date": N_("What date is printed on the letter, and when did it arrive?"),
        "papers": N_("Which documents does the person have?"),
        "language": N_("Which language can a lawyer use with the person?"),
        "region": N_("Which region does the person live in now?"),
        "reach": N_("Can the person be reached by phone or messenger?"),
        "family": N_("Who else in the family needs help?"),
        "other": N_("Another question (a coordinator will ask you about it)"),
    },
)
WORK_DONE: Final = complete(
    reasons.WORK_DONE,
    {
        "contact_made": N_("Spoke with the person"),
        "advised": N_("Gave advice"),
        "papers_collected": N_("Collected documents"),
        "application_filed": N_("Filed an application"),
        "appeal_filed": N_("Filed an appeal"),
        "hearing_attended": N_("Attended a hearing"),
    },
)
EDIT_STATES: Final = complete(
    EditState,
    {
        "proposed": N_("waiting"),
        "published": N_("in force"),
        "rejected": N_("rejected"),
        "withdrawn": N_("withdrawn"),
        "superseded": N_("replaced by a later change"),
    },
)
READINESS: Final = complete(
    Item,
    {
        "confirmed": N_("The entry in the directory is confirmed by a source"),
        "takes_cases": N_("A service accepts referrals through this network"),
        "member": N_("The organisation has a member who can sign in"),
        "key": N_("The organisation has a key, so that cases can be encrypted for it"),
        "holder": N_("A member holds the key and can read accepted cases"),
        "notices": N_("An address for notices is set, so that an offer does not wait unseen"),
        "capacity": N_("It is known whether each service has places"),
    },
)
"""What a centre needs before it can be sent cases through an account."""
READINESS_HOW: Final = complete(
    Item,
    {
        "confirmed": N_("The desk calls the organisation and proposes the source of the entry."),
        "takes_cases": N_("The desk proposes it, under “Accepts referrals through this network”."),
        "member": N_("An admin proposes the first member under Members, and a second person approves it."),
        "key": N_("An admin proposes it under Proposals, once there is a member; a second person approves it."),
        "holder": N_("A member who holds the key grants it under Members, after comparing fingerprints."),
        "notices": N_("A member who holds the key sets it under Notices."),
        "capacity": N_("A member sets it under Our services, or the desk on the page of the organisation."),
    },
)
TEAM_READINESS: Final = complete(
    TeamItem,
    {
        "senior": N_("The team has a senior coordinator who can sign in"),
        "key": N_("The team has a key, so that requests can be encrypted for it"),
        "second_holder": N_("A second member holds the key"),
        "notices": N_("A notice reaches somebody of the team"),
        "rota": N_("The rota says who is on call"),
        "directory": N_("The directory has services in each country of the team"),
    },
)
"""What a team needs to take the cases of its countries."""
TEAM_READINESS_HOW: Final = complete(
    TeamItem,
    {
        "senior": N_("An admin proposes a senior under Members. A code that was given works for three days."),
        "key": N_("An admin proposes it here once the senior has joined; a second person approves it."),
        "second_holder": N_(
            "A senior or an admin proposes the member under Members. Without a second one nobody can read while the first is away."
        ),
        "notices": N_("A member sets it under their own name, on the page “My notices”."),
        "rota": N_("A member of the team fills it in, under Rota."),
        "directory": N_("A coordinator proposes the first organisations under Directory."),
    },
)
ACTORS: Final = complete(
    (*ReferralActor, "desk", "client"),
    {
        "person": N_("the person"),
        "coordinator": N_("the desk"),
        "senior": N_("the desk"),
        "desk": N_("the desk"),
        "partner": N_("the partner"),
        "on_behalf": N_("the desk, for the organisation"),
        "clock": N_("the system"),
        "client": N_("the API"),
    },
)
PROPOSAL_STATES: Final = complete(
    proposal_states.ProposalState,
    {
        "open": N_("Waiting for a second person"),
        "approved": N_("Approved"),
        "declined": N_("Declined"),
        "withdrawn": N_("Withdrawn"),
        "expired": N_("Expired"),
        "done": N_("Carried out"),
    },
)


def verb(code: Any) -> str:
    return VERBS.get(str(code), str(code))


def state(code: str) -> str:
    """The label of the state that an error names: of a case, a referral, a proposal, a rule set or an edit. Raises KeyError."""
    tables = (CASE_STATES, REFERRAL_STATES, PROPOSAL_STATES, RULE_STATES, EDIT_STATES)
    return next(table for table in tables if code in table)[code]


ACCOUNT_NOTICES: Final = complete(
    staff.TOLD,
    {
        "staff:passphrase_changed": N_("Your passphrase has been changed"),
        "staff:code_app_changed": N_("Another code app has been set up for you"),
        "staff:passkey_added": N_("A passkey has been added to your sign-in"),
        "staff:passkey_removed": N_("A passkey has been removed from your sign-in"),
        "member:returned": N_("Your sign-in has been reset, with a new passphrase and a new code app"),
        "member:key_granted": N_("A colleague has granted you the key"),
        "member:role_changed": N_("Your role has been changed"),
        "member:let_in": N_(
            "A colleague has restored your access, so that for 15 minutes wrong attempts did not lock you out"
        ),
    },
)
"""What members are told about their own account."""

SHORTCUT_KEYS: Final = MappingProxyType({"/desk/": "q", "/desk/next": "n", "/desk/shortcuts": "?"})
"""Shortcuts that work on every page, by where they lead."""
UNREAD_LETTERS: Final = complete(
    UnreadLetter,
    {
        "photo": N_("The person added a document that may be a letter, and nobody has read it yet."),
        "details": N_("The person added a document about their letter, and nobody has read it yet."),
        "photo_seen": N_("It is still not known whether a letter sets a deadline, or which."),
        "details_seen": N_("What the letter is about or its date is still not known."),
    },
)
"""Why a deadline is only a careful assumption."""
