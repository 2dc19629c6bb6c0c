"""What staff and partners read for each code. English message ids of the staff's domain: `_()` looks them up where they are shown.

Each table has a row for each code of its vocabulary, or the program does not start.
"""

from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, get_args

from app.cases import queue, spam_screening
from app.cases.states import CaseState
from app.casework import case_closing, sealed_access
from app.casework.rule_replay import Summary
from app.core.i18n import N_
from app.core.vocabulary import complete
from app.directory import rule_sets
from app.directory.edit_states import EditState
from app.directory.models import ORIGINS
from app.intake.vocabulary import CHANNELS, HELPS
from app.matching.deadlines import Certainty
from app.matching.facts import Urgency
from app.referrals import reasons
from app.referrals.states import Actor, State
from app.staff import proposal_states, proposals
from app.staff.models import Role
from app.tasks.service import RULES, TaskKind

__all__ = ["CHANNELS", "HELPS"]

# Word, and the shape that says the same without colour.
URGENCIES: Final = complete(
    get_args(Urgency),
    {
        "emergency": ("▲", N_("Emergency")),
        "urgent": ("◆", N_("Urgent")),
        "normal": ("●", N_("Normal")),
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
VIEWS: Final = complete(
    (*queue.VIEWS, "dead_letters"),
    {
        "open": N_("All open"),
        "new": N_("New"),
        "mine": N_("Mine"),
        "due": N_("Due today"),
        "overdue": N_("Overdue"),
        "review": N_("In review"),
        "consent": N_("Waiting for consent"),
        "waiting": N_("Waiting for a partner"),
        "declined": N_("Declined"),
        "working": N_("With a partner"),
        "answered": N_("New messages"),
        "unmet": N_("Unmet"),
        "snoozed": N_("Snoozed"),
        "quarantine": N_("Possible spam"),
        "dead_letters": N_("Undelivered notices"),
        "merged": N_("Merged"),
        "closed": N_("Closed"),
    },
)
HINTS: Final = MappingProxyType(
    {
        "quarantine": N_(
            "These requests look as if they were sent by a program. Nobody was refused, and each person has a "
            "number. But the cases are not offered to anyone until one of you has checked them."
        ),
        "dead_letters": N_(
            "Every attempt to send these notices failed. Phone the recipient, then dismiss the notice. Or send it "
            "again once their e-mail works."
        ),
    }
)
EMPTY: Final = complete(
    VIEWS,
    {
        "open": N_("There are no open cases. New cases appear here as soon as they arrive."),
        "new": N_("There are no new cases."),
        "mine": N_("You have no cases. Open a case in “New” and take it."),
        "due": N_("No cases are due for review today."),
        "overdue": N_("No cases are overdue."),
        "review": N_(
            "No cases are in review. A case is in review from the time a coordinator takes it until it is offered."
        ),
        "consent": N_("No cases are waiting for a person's consent."),
        "waiting": N_("No cases are waiting for a partner's answer."),
        "declined": N_(
            "There are no cases that were declined or not answered and still have to be offered to someone else."
        ),
        "working": N_("No partner is working on a case of this team."),
        "answered": N_("All messages have been answered."),
        "unmet": N_("There are no unmet cases. A case is unmet when the desk could not find an organisation for it."),
        "snoozed": N_("There are no snoozed cases."),
        "quarantine": N_("No requests are held as possible spam."),
        "dead_letters": N_("This team has no undelivered notices."),
        "merged": N_("No cases have been merged."),
        "closed": N_("There are no closed cases, or all closed cases have been deleted."),
    },
)
ASKED: Final = MappingProxyType(
    {
        "consent": N_("waiting for the person's consent"),
        "declined": N_("declined or not answered"),
    }
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
RULE_VERBS: Final = complete(
    rule_sets.RuleSetVerb,
    {"publish": N_("Publish the rules"), "reject": N_("Reject the rules"), "withdraw": N_("Withdraw the rules")},
)
PLACES: Final = MappingProxyType(
    {
        "candidate": N_("could help"),
        "nearest": N_("near match"),
        "not_matched": N_("no match"),
        "absent": N_("not in the directory"),
    }
)
REPLAYED: Final = complete(
    Summary().counts(),
    {
        "cases": N_("Cases tried"),
        "unchanged": N_("Unchanged"),
        "first_moved": N_("Different first match"),
        "gained": N_("Additional matches"),
        "lost": N_("Fewer matches"),
        "now_without_anybody": N_("No match any more"),
        "unreadable": N_("No longer readable"),
    },
)
_FINDINGS: Final = MappingProxyType(
    {
        "identical": N_("Two services of an organisation are for the same people"),
        "contradiction": N_("Nobody can ever meet this rule"),
        "only_nearest": N_("The rule can only give near matches"),
        "dead_branch": N_("Part of the rule can never be met"),
        "always_true": N_("Part of the rule is always met"),
        "too_long": N_("Too many combinations to check"),
        "unreachable": N_("The service cannot be reached"),
        "dead_end": N_("A need with no service and no emergency contact"),
        "hole": N_("No confirmed service"),
        "language": N_("No service works in the language"),
        "no_reason": N_("A reason is missing"),
        "no_translation": N_("A translation is missing"),
        "unit": N_("An implausible number"),
        "no_limit": N_("A kind of letter without a time limit"),
        "date": N_("An implausible date"),
        "stale": N_("Not confirmed for a long time"),
        "undated": N_("The confirmation date is missing"),
        "unreadable": N_("Not readable"),
    }
)


def finding(code: str) -> str:
    return _FINDINGS.get(code, code)


REFERRAL_STATES: Final = complete(
    State,
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
        "case:assigned": N_("owner changed"),
        "case:snoozed": N_("snoozed"),
        "case:woken": N_("snooze ended"),
        "case:words_opened": N_("story opened"),
        "case:contact_opened": N_("contact opened"),
        "case:note_added": N_("note added"),
        "case:message_sent": N_("message sent"),
        "case:key_granted": N_("key granted to an organisation"),
        "case:compared": N_("compared with other cases"),
        "case:merged": N_("merged"),
        "case:unmerged": N_("separated"),
        "case:undone": N_("last step undone"),
        "correct": N_("answers corrected"),
        "choose": N_("consent changed"),
    }
)
REASONS: Final = complete(
    reasons.REASONS,
    {
        "conflict": N_("Conflict of interest"),
        "no_capacity": N_("No capacity"),
        "out_of_area": N_("Outside their area"),
        "out_of_scope": N_("Not a kind of help they offer"),
        "not_eligible": N_("The person does not meet their conditions"),
        "unreachable": N_("They could not reach the person"),
        "duplicate": N_("They already know this case"),
        "other": N_("Another reason"),
        "better_option": N_("A better organisation was found"),
        "mistake": N_("Sent by mistake"),
        "no_longer_needed": N_("No longer needed"),
        "moved_away": N_("The person moved to another country"),
        "taken_elsewhere": N_("Another organisation took the case"),
    },
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
TASKS: Final = complete(TaskKind, {kind.value: rule.label for kind, rule in RULES.items()})
HELD_REASONS: Final = complete(
    spam_screening.HELD_REASONS,
    {
        "trap": N_("A hidden field was filled in."),
        "haste": N_("The form was sent faster than anyone can read it."),
        "crowd": N_("Very many forms arrived at the same time."),
    },
)
SAVED_REPLIES: Final = MappingProxyType(
    {
        "letter_date": N_("The date of the letter"),
        "letter_kind": N_("What the letter says"),
        "region": N_("Where they are"),
        "language": N_("Language and interpreter"),
        "papers": N_("Immigration status and documents"),
        "safe_way": N_("A safe way to answer"),
        "still": N_("Whether help is still needed"),
        "centre": N_("Whether an organisation can read the case"),
    },
)
EDIT_STATES: Final = complete(
    EditState,
    {
        "proposed": N_("waiting"),
        "published": N_("in force"),
        "rejected": N_("rejected"),
        "withdrawn": N_("withdrawn"),
        "superseded": N_("replaced later"),
    },
)
EDIT_ORIGINS: Final = complete(
    ORIGINS,
    {
        "desk": N_("at the desk"),
        "partner": N_("by the organisation itself"),
        "import": N_("from an imported package"),
    },
)
ACTORS: Final = complete(
    (*Actor, "desk", "client"),
    {
        "person": N_("the person"),
        "coordinator": N_("the desk"),
        "senior": N_("the desk"),
        "desk": N_("the desk"),
        "partner": N_("the partner"),
        "clock": N_("the system"),
        "client": N_("the API"),
    },
)
ENDS: Final = complete(
    case_closing.ENDS,
    {
        "help": N_("The person was helped"),
        "advise": N_("The person was advised and does not need a partner"),
        "unmet": N_("Unmet: nobody can help now"),
        "withdraw": N_("The person no longer wants help"),
    },
)
PURPOSES: Final = complete(
    sealed_access.PURPOSES,
    {
        "answer": N_("To answer the person"),
        "urgent_call": N_("To reach the person in an emergency"),
        "check_channel": N_("To check the contact, because a partner could not reach the person"),
    },
)
CERTAINTY: Final = complete(
    get_args(Certainty),
    {
        "sourced-high": N_("from a trusted source"),
        "sourced-medium": N_("from a source that should be checked"),
        "sourced-low": N_("from a weak source; check it"),
        "assumed": N_("assumed, because the type or date of the letter is not known"),
    },
)

ROLES: Final = complete(
    Role,
    {
        "coordinator": N_("Coordinator"),
        "senior": N_("Senior coordinator"),
        "auditor": N_("Auditor"),
        "admin": N_("Network admin"),
        "partner": N_("Member of a partner"),
    },
)
PROPOSALS: Final = complete(
    proposals.Kind,
    {
        "new_admin": N_("New admin"),
        "organisation_key": N_("New organisation key"),
        "bulk_export": N_("Bulk export"),
    },
)
PROPOSAL_STATES: Final = complete(
    proposal_states.State,
    {
        "open": N_("Waiting for a second person"),
        "approved": N_("Approved"),
        "declined": N_("Declined"),
        "withdrawn": N_("Withdrawn"),
        "expired": N_("Expired"),
        "done": N_("Carried out"),
    },
)
PROPOSED: Final = MappingProxyType(
    {
        "name": N_("Sign-in name"),
        "organisation": N_("Organisation"),
        "fingerprint": N_("Fingerprint of the organisation's own key"),
        "what": N_("What"),
        "month": N_("Month"),
    }
)
EXPORTS: Final = MappingProxyType({"audit": N_("Audit (codes only)")})
PROBLEMS: Final = MappingProxyType(
    {
        "worker-late": N_(
            "The worker has not run for two minutes. Time limits are not checked and messages are not sent."
        ),
        "worker-job-failed": N_("A job failed in the last worker run. See the log for its name."),
        "messages-late": N_("Messages have been waiting for more than an hour."),
        "messages-dead": N_("Some messages could not be sent, so the recipients were not notified."),
        "clocks-late": N_("A time limit of a referral passed more than ten minutes ago and has not been handled."),
        "rotation-unfinished": N_(
            "A rotation of the epoch key was started but not finished. Run `pristan keys rotate` again."
        ),
        "epoch-key-old": N_(
            "The epoch key is older than five weeks. Data erased since then can still be decrypted from a backup."
        ),
        "backup-old": N_("There is no backup from the last two days."),
        "backup-before-rotation": N_(
            "The last backup was made before the last rotation and can no longer be decrypted. Make a new backup."
        ),
        "directory-old": N_("Some organisations have not been reviewed for 90 days."),
        "honeytoken-read": N_("A decoy case was opened. See the audit entries of kind “alarm”."),
        "partner-reads-frozen": N_("Partner access is stopped."),
        "schema-behind": N_("The database schema is older than the software. Run `pristan migrate`."),
    }
)


def waited(since: datetime, now: datetime) -> str:
    """How long, in the largest unit that says enough."""
    hours = max(0, int((now - since).total_seconds() // 3600))
    return f"{hours} h" if hours < 48 else f"{hours // 24} d"


def takes(hours: int) -> str:
    """About how long, for an expectation: never less than an hour."""
    return f"{max(1, hours)} h" if hours < 48 else f"{round(hours / 24)} d"


def lasts(time: timedelta) -> str:
    """A stretch of time that somebody has set: whole days, or else minutes."""
    return f"{time.days} d" if time.days and not time.seconds else f"{int(time.total_seconds() // 60)} min"


def ago(since: datetime, now: datetime) -> str:
    """How long since, from seconds to days."""
    seconds = max(0, int((now - since).total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else waited(since, now)


def left(deadline: date, today: date) -> str:
    days = (deadline - today).days
    if days < 0:
        return f"{-days} d ago"
    return {0: "today", 1: "tomorrow"}.get(days, f"in {days} d")


def verb(code: Any) -> str:
    return VERBS.get(str(code), str(code))


def state(code: str) -> str:
    """Of whatever an error speaks: a case, a referral, a proposal, a rule set or an edit. Raises KeyError."""
    tables = (CASE_STATES, REFERRAL_STATES, PROPOSAL_STATES, RULE_STATES, EDIT_STATES)
    return next(table for table in tables if code in table)[code]


AWAY: Final = MappingProxyType(
    {
        "all": N_("This service takes no new requests until {day}."),
        "need": N_("This service takes no new requests for this need until {day}."),
        "language": N_("This service takes no new requests in this language until {day}."),
        "full": N_("This service has said that it is full until {day}."),
    }
)
LIKENESS: Final = MappingProxyType(
    {
        "phone": N_("the same phone number"),
        "email": N_("the same e-mail address"),
        "handle": N_("the same user name"),
        "name": N_("a similar name"),
    }
)


KEYS: Final = MappingProxyType({"/desk/": "q", "/desk/next": "n", "/desk/shortcuts": "?"})
"""Shortcuts that work on every page, by where they lead."""
