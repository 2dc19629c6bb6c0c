"""The labels of codes for the desk alone: English message ids of the staff's domain, which `_()` looks up on the page.

Each table of a closed vocabulary has a row for each code, or the program does not start. Templates know it as `desk_labels`.
"""

from types import MappingProxyType
from typing import Final, get_args

from app.audit.queries import KINDS
from app.cases import queue_queries, spam_screening
from app.cases.need_states import END_VERBS
from app.cases.unread_letters import UnreadLetter
from app.casework import case_closing, sealed_access
from app.casework.case_clocks import ClockKind
from app.casework.next_actions import ActionCode
from app.casework.rule_replay import Summary
from app.core.i18n import N_
from app.core.vocabulary import complete
from app.directory import rule_sets
from app.directory.hsds import package_reader
from app.directory.models import ORIGINS
from app.documents import confinement
from app.matching.deadlines import Certainty
from app.messaging.kinds import Group
from app.referrals import reasons
from app.referrals.ways import ContactMeans
from app.tasks.service import RULES, TaskKind
from app.web.components.labels import VERBS

PACKAGE_OUTCOMES: Final = complete(
    get_args(package_reader.Outcome), {"proposed": N_("proposed"), "used": N_("used"), "left out": N_("left out")}
)
"""What became of a row of a package."""
VIEWS: Final = complete(
    (*queue_queries.VIEWS, "undelivered"),
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
        "uncovered": N_("Uncovered needs"),
        "unmet": N_("Unmet"),
        "snoozed": N_("Snoozed"),
        "possible_spam": N_("Possible spam"),
        "restricted": N_("Restricted"),
        "undelivered": N_("Undelivered notices"),
        "merged": N_("Merged"),
        "closed": N_("Closed"),
    },
)
CLOCKS: Final = complete(
    ClockKind,
    {
        "first_answer": N_("first answer"),
        "review": N_("review"),
        "seen": N_("they say “seen”"),
        "answer": N_("they answer"),
        "expiry": N_("the offer runs out"),
        "contact": N_("they reach the person"),
        "consent": N_("ask the person again"),
        "check": N_("ask how it goes"),
        "deadline": N_("legal deadline"),
    },
)
"""What happens by the end of each clock of a case."""
NOTICES: Final = complete(
    Group,
    {
        "new_request": N_("New request"),
        "reminder": N_("Reminder to answer"),
        "answer": N_("Answer to a question"),
        "message": N_("New message"),
        "review": N_("Date to review a referral"),
        "ended": N_("Request that has ended"),
        "access_change": N_("Proposed change to who can read requests"),
        "emergency": N_("Emergency"),
        "not_opened": N_("Emergency that nobody has opened"),
        "new_case": N_("New case"),
        "question": N_("New question"),
        "times": N_("Offered times, or an answer about them"),
        "decision": N_("Decision by an organisation"),
        "overdue": N_("Overdue answer"),
        "nobody_left": N_("No organisation is left to ask"),
        "alarm": N_("Alarm"),
        "mention": N_("Note that mentions a colleague"),
        "named": N_("Restricted case that a colleague can now open"),
        "person": N_("Answer or message from the person"),
        "appointment": N_("Appointment that is near"),
        "problem": N_("Problem of the service"),
        "way": N_("Address that refuses notices"),
        "test": N_("Test notice"),
    },
)
VIEW_HINTS: Final = MappingProxyType(
    {
        "possible_spam": N_(
            "These requests look as if they were sent by a program. Nobody was refused, and each person has a "
            "number. But the cases are not offered to anyone until one of you has checked them."
        ),
        "undelivered": N_(
            "Every attempt to send these notices failed. Phone the recipient, then dismiss the notice. Or send it "
            "again once their e-mail works."
        ),
    }
)
EMPTY_VIEWS: Final = complete(
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
        "uncovered": N_("Every need of every open case is covered: an organisation has taken it or is being asked."),
        "unmet": N_("There are no unmet cases. A case is unmet when the desk could not find an organisation for it."),
        "snoozed": N_("There are no snoozed cases."),
        "possible_spam": N_("No requests are held as possible spam."),
        "restricted": N_("No cases are restricted to named members."),
        "undelivered": N_("This team has no undelivered notices."),
        "merged": N_("No cases have been merged."),
        "closed": N_("There are no closed cases, or all closed cases have been deleted."),
    },
)
REFERRAL_STATUSES: Final = MappingProxyType(
    {
        "consent": N_("waiting for the person's consent"),
        "declined": N_("declined or not answered"),
    }
)
RULE_VERBS: Final = complete(
    rule_sets.RuleSetVerb,
    {"publish": N_("Publish the rules"), "reject": N_("Reject the rules"), "withdraw": N_("Withdraw the rules")},
)
MATCH_PLACES: Final = MappingProxyType(
    {
        "candidate": N_("could help"),
        "nearest": N_("near match"),
        "not_matched": N_("no match"),
        "absent": N_("not in the directory"),
    }
)
REPLAY_COUNTS: Final = complete(
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
FINDINGS: Final = MappingProxyType(
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
    """The label of a finding of the linter of rules; the code itself if it has none."""
    return FINDINGS.get(code, code)


REASONS: Final = complete(
    reasons.REASONS,
    {
        "conflict": N_("Conflict of interest"),
        "no_capacity": N_("No capacity"),
        "out_of_area": N_("Outside their area"),
        "out_of_scope": N_("They do not offer this kind of help"),
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
TASKS: Final = complete(TaskKind, {kind.value: rule.label for kind, rule in RULES.items()})
TODOS: Final = complete(
    ActionCode,
    {
        "merged": N_("Nothing: the case continues in another one"),
        "closed": N_("Nothing: the case is closed"),
        "read": N_("Read the person's new message and answer it"),
        "answer": N_("{name} has a question: answer it"),
        "ask_centre": N_("Ask {name} yourself, and record what it says"),
        "call": N_("{name} is late: call them"),
        "hand_over": N_("{name} has accepted: hand over what it may read"),
        "take": N_("Nobody has this case: take it"),
        "refer": N_("Refer the case to {name}"),
        "ask_person": N_("No service fits what is known: ask the person, or look at the near matches"),
        "task": N_("Do the task that is due first"),
        "consent": N_("Wait for the person to say whether {name} may read the case"),
        "wait": N_("Wait for {name}"),
        "work": N_("Nothing: {name} is working on it"),
        "end": N_("Each need has an end: close the case"),
    },
)
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
        "letter_photo": N_("Photos of the letter"),
        "region": N_("Where they are"),
        "language": N_("Language and interpreter"),
        "papers": N_("Immigration status and documents"),
        "safe_way": N_("A safe way to answer"),
        "still": N_("Whether help is still needed"),
        "centre": N_("Whether an organisation can read the case"),
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
CASE_ENDINGS: Final = complete(
    case_closing.ENDS,
    {
        "help": N_("The person was helped"),
        "advise": N_("The person was advised and does not need a partner"),
        "unmet": N_("Unmet: nobody can help now"),
        "withdraw": N_("The person no longer wants help"),
    },
)
NEED_ENDINGS: Final = complete(
    END_VERBS,
    {
        "helped": N_("The person was helped with this"),
        "advised": N_("The person was advised, and that is enough"),
        "unmet": N_("Nobody can help with this now"),
        "not_wanted": N_("The person no longer wants help with this"),
    },
)
CONTACT_PURPOSES: Final = complete(
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
CONFINEMENT: Final = complete(
    confinement.MEASURES,
    {
        "limits": N_("memory, time and files limited"),
        "no_new_privs": N_("no new privileges"),
        "landlock": N_("no files (Landlock)"),
        "seccomp": N_("few system calls (seccomp)"),
        "no_network": N_("a network of its own, without connections"),
    },
)
"""What the process that reads documents gives up. Where the filter of system calls is there, no socket can be opened either."""
PROBLEMS: Final = MappingProxyType(
    {
        "worker-late": N_(
            "The worker has not run for two minutes. Time limits are not checked and messages are not sent."
        ),
        "worker-job-failed": N_("A job failed in the last worker run. See the log for its name."),
        "messages-late": N_("Messages have been waiting for more than an hour."),
        "way-down": N_("A way of sending does not work. Messages wait for it; see “Sending by …” below."),
        "messages-dead": N_("Some messages could not be sent, so the recipients were not notified."),
        "clocks-late": N_("A time limit of a referral passed more than ten minutes ago and has not been handled."),
        "rotation-unfinished": N_(
            "A rotation of the epoch key was started but not finished. Run `pristan keys rotate` again."
        ),
        "epoch-key-old": N_(
            "The epoch key is older than five weeks. Data erased since then can still be decrypted from a backup."
        ),
        "root-secret-old": N_(
            "The root secret is older than thirteen months. Run `pristan keys rotate --root`; it asks for the recovery key."
        ),
        "backup-old": N_("There is no backup from the last two days."),
        "backup-before-rotation": N_(
            "The last backup was made before the last rotation and can no longer be decrypted. Make a new backup."
        ),
        "directory-old": N_("Some organisations have not been reviewed for 90 days."),
        "honeytoken-read": N_("A honeytoken was opened. See the audit entries of kind “alarm”."),
        "partner-reads-frozen": N_("Partner access is stopped."),
        "witness-old": N_(
            "The last witness of the audit log was taken more than five weeks ago. "
            "Run `pristan audit witness` and give it to somebody outside."
        ),
        "audit-waiting": N_(
            "Entries of the audit log have waited for more than an hour for their place in the chain. See the worker’s log."
        ),
        "storage-low": N_(
            "The room for the database is nearly used up. When it is, only urgent requests are taken. "
            "See the handbook, “The disk is full”."
        ),
        "storage-full": N_(
            "There is no room left for the database: only emergencies and urgent requests are taken. "
            "See the handbook, “The disk is full”."
        ),
        "data-can-be-lost": N_(
            "The database can lose what it has acknowledged: it has standbys, and none of them is synchronous, or its commits do "
            "not wait. See the handbook, “A database that loses a machine”."
        ),
        "schema-behind": N_("The database schema is older than the software. Run `pristan migrate`."),
        "database-role-strong": N_(
            "The desk uses a database role that owns the tables. Run `pristan database grants` and give each process its own role."
        ),
        "connections-too-many": N_(
            "The processes together may open more connections than PostgreSQL allows. Lower `PRISTAN_DATABASE_CONNECTIONS`, or "
            "raise `max_connections`."
        ),
    }
)
AUDIT_KINDS: Final = complete(
    KINDS,
    {
        "alarm": N_("Alarms"),
        "case": N_("Cases"),
        "referral": N_("Referrals"),
        "staff": N_("Sign-ins and accounts"),
        "member": N_("Members"),
        "proposal": N_("Proposals"),
        "organisation": N_("Organisations"),
        "keys": N_("Keys"),
        "recovery": N_("Recovery"),
        "freeze": N_("Partner access"),
        "honeytoken": N_("Honeytokens"),
        "export": N_("Exports"),
        "quota": N_("Daily limits"),
    },
)
AUDIT_ACTIONS: Final = MappingProxyType(
    {
        "case:submitted": N_("received"),
        "case:referred": N_("referred"),
        "case:erased": N_("erased"),
        "recovery:restored": N_("database restored from a backup"),
        "staff:signed_in": N_("signed in"),
        "staff:sign_in_failed": N_("sign-in failed"),
        "staff:sign_in_refused": N_("sign-in refused"),
        "staff:passphrase_changed": N_("passphrase changed"),
        "staff:code_app_changed": N_("code app changed"),
        "staff:passkey_added": N_("passkey added"),
        "staff:passkey_removed": N_("passkey removed"),
        "case:opened_by_number": N_("opened by the person with their number"),
        "case:opened_by_code": N_("opened with the person's code"),
        "case:times_offered": N_("times offered"),
        "case:times_withdrawn": N_("times withdrawn"),
        "case:restricted": N_("access restricted"),
        "case:restriction_lifted": N_("restriction lifted"),
        "referral:sealed_opened": N_("encrypted parts opened"),
        "referral:sealed_read": N_("encrypted parts fetched by a program"),
        "referral:opened_by_link": N_("opened by the link"),
        "referral:sheet_opened": N_("hand-over sheet opened"),
        "referral:card_printed": N_("card printed"),
        "referral:thread_opened": N_("conversation with the organisation opened"),
        "referral:document_opened": N_("document opened by an organisation"),
        "proposal:made": N_("proposal made"),
        "proposal:expired": N_("proposal expired"),
        "member:invited": N_("member invited"),
        "member:joined": N_("member joined"),
        "member:deactivated": N_("member deactivated"),
        "member:role_changed": N_("role changed"),
        "member:key_granted": N_("key granted"),
        "member:notices_changed": N_("notice settings changed"),
        "alarm:honeytoken_read": N_("honeytoken opened"),
        "export:taken": N_("export taken"),
        "freeze:on": N_("partner access stopped"),
        "freeze:off": N_("partner access restored"),
        "directory:capacity_set": N_("availability set"),
    }
)


def audit_action(action: str) -> str:
    """The label of an action of the audit log, such as `staff:signed_in` or `referral:accept`; "" for one without a label."""
    verb = action.partition(":")[2].removeprefix("referral_")
    return AUDIT_ACTIONS.get(action) or VERBS.get(action) or VERBS.get(verb, "")


PAUSES: Final = MappingProxyType(
    {
        "all": N_("This service takes no new requests until {day}."),
        "need": N_("This service takes no new requests for this need until {day}."),
        "language": N_("This service takes no new requests in this language until {day}."),
        "full": N_("This service has said that it is full until {day}."),
    }
)
MEANS: Final = complete(
    ContactMeans,
    {
        "phone": N_("by phone"),
        "email": N_("by e-mail"),
        "letter": N_("by letter"),
        "in_person": N_("in person"),
        "link": N_("by a link with a code"),
    },
)
DUPLICATE_SIGNS: Final = MappingProxyType(
    {
        "phone": N_("the same phone number"),
        "email": N_("the same e-mail address"),
        "handle": N_("the same user name"),
        "name": N_("a similar name"),
    }
)
UNREAD_LETTERS: Final = complete(
    UnreadLetter,
    {
        "photo": N_("letter not read yet"),
        "details": N_("letter not read yet"),
        "photo_seen": N_("letter unclear"),
        "details_seen": N_("letter unclear"),
    },
)
"""The same in a list (`app.web.components.labels.UNREAD_LETTERS`)."""
