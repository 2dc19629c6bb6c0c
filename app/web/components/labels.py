"""The desk's words for codes. English now; all go through `_()` in the templates."""

from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from app.intake.vocabulary import CHANNELS, HELPS
from app.referrals.reasons import OUTCOMES, QUESTIONS, REASONS, WORK_DONE

__all__ = ["CHANNELS", "HELPS", "OUTCOMES", "QUESTIONS", "WORK_DONE"]


def N_(message: str) -> str:
    return message


# Word, and the shape that says the same without colour.
TIERS: Final = MappingProxyType(
    {
        "emergency": ("▲", N_("Emergency")),
        "urgent": ("◆", N_("Urgent")),
        "normal": ("●", N_("Normal")),
    }
)
CASE_STATES: Final = MappingProxyType(
    {
        "submitted": N_("New"),
        "in_review": N_("In review"),
        "referred": N_("Waiting for a partner"),
        "helped": N_("Closed: helped"),
        "advised": N_("Closed: advised"),
        "unmet": N_("Unmet: nobody found yet"),
        "withdrawn": N_("Closed: withdrawn"),
        "erased": N_("Erased"),
    }
)
VIEWS: Final = MappingProxyType(
    {
        "open": N_("All open"),
        "new": N_("New"),
        "mine": N_("Mine"),
        "due": N_("Due today"),
        "overdue": N_("Overdue"),
        "review": N_("In review"),
        "consent": N_("Person's yes"),
        "waiting": N_("Waiting for a partner"),
        "declined": N_("Declined"),
        "working": N_("With a partner"),
        "answered": N_("Person wrote"),
        "unmet": N_("Unmet"),
        "snoozed": N_("Snoozed"),
        "quarantine": N_("Held back"),
        "dead_letters": N_("Not delivered"),
        "merged": N_("Merged"),
        "closed": N_("Closed"),
    }
)
HINTS: Final = MappingProxyType(
    {
        "quarantine": N_(
            "These came in like something a machine sends. Nobody was refused: each has its number. But they are offered "
            "to nobody before one of you has looked."
        ),
        "dead_letters": N_(
            "Notices of which every attempt failed. Tell them by phone, then drop it; or try again once their mail works."
        ),
    }
)
EMPTY: Final = MappingProxyType(
    {
        "open": N_("No case is open. New ones appear here as soon as somebody sends one."),
        "new": N_("Nobody has written since the last case was taken."),
        "mine": N_("No case is yours. Open one from “New” and take it."),
        "due": N_("Nothing has to be looked at today."),
        "overdue": N_("Nothing is overdue: every case was looked at in time."),
        "review": N_("No case is in review. A case is in review from when somebody takes it until it is offered."),
        "consent": N_("No person is asked for their yes at the moment."),
        "waiting": N_("No partner owes an answer."),
        "declined": N_(
            "Nobody who was asked has said no, or let the time pass, without somebody else being asked since."
        ),
        "working": N_("No partner is at work on a case of this team."),
        "answered": N_("No message of a person is unanswered."),
        "unmet": N_("No case is unmet. A case is unmet when the desk found nobody for it."),
        "snoozed": N_("No case is snoozed."),
        "quarantine": N_("Nothing is held back: no form of late looked like a machine's, or all were looked at."),
        "dead_letters": N_("Every notice of this team arrived, is still being tried, or was dealt with."),
        "merged": N_("No case was merged into another one."),
        "closed": N_("No case was closed, or all closed ones have been forgotten already."),
    }
)
ASKED: Final = MappingProxyType(
    {
        "consent": N_("the person is asked"),
        "declined": N_("declined or not answered"),
    }
)
RULE_STATES: Final = MappingProxyType(
    {
        "proposed": N_("Waits for a second person"),
        "published": N_("Published"),
        "rejected": N_("Rejected"),
        "withdrawn": N_("Withdrawn"),
    }
)
RULE_VERBS: Final = MappingProxyType(
    {"publish": N_("Publish it"), "reject": N_("Reject it"), "withdraw": N_("Withdraw it")}
)
PLACES: Final = MappingProxyType(
    {
        "candidate": N_("could help"),
        "nearest": N_("nearest"),
        "not_matched": N_("not for this case"),
        "absent": N_("not in the directory"),
    }
)
REPLAYED: Final = MappingProxyType(
    {
        "cases": N_("Cases tried"),
        "unchanged": N_("As before"),
        "first_moved": N_("Another first choice"),
        "gained": N_("A centre more"),
        "lost": N_("A centre less"),
        "now_without_anybody": N_("Left without anybody"),
        "unreadable": N_("Could not be read any more"),
    }
)
_FINDINGS: Final = MappingProxyType(
    {
        "identical": N_("Two services of a centre are for the same people"),
        "contradiction": N_("Nobody can ever fulfil it"),
        "only_nearest": N_("It can only ever be nearest"),
        "dead_branch": N_("A part can never be fulfilled"),
        "always_true": N_("A part is always fulfilled"),
        "too_long": N_("Too many ways to try them all"),
        "unreachable": N_("Nobody can reach it"),
        "dead_end": N_("A need that ends nowhere"),
        "hole": N_("No confirmed centre"),
        "language": N_("Nobody works in the language"),
        "no_reason": N_("A reason is missing"),
        "no_translation": N_("A translation is missing"),
        "unit": N_("A number that can not be right"),
        "no_limit": N_("A letter without a number"),
        "date": N_("A date that can not be right"),
        "stale": N_("Not confirmed for a long time"),
        "undated": N_("Nobody wrote down when it was confirmed"),
        "unreadable": N_("It can not be read"),
    }
)


def finding(code: str) -> str:
    return _FINDINGS.get(code, code)


REFERRAL_STATES: Final = MappingProxyType(
    {
        "draft": N_("Draft"),
        "awaiting_consent": N_("The person is asked"),
        "offered": N_("Offered"),
        "acknowledged": N_("Seen by them"),
        "info_requested": N_("They ask for more"),
        "waitlisted": N_("On their waiting list"),
        "accepted": N_("Accepted"),
        "in_progress": N_("Work is under way"),
        "on_hold": N_("On hold"),
        "completed": N_("Completed"),
        "declined": N_("Declined"),
        "handed_back": N_("Handed back"),
        "withdrawn": N_("Withdrawn by us"),
        "client_declined": N_("The person said no"),
        "expired": N_("No answer in time"),
        "entered_in_error": N_("Entered in error"),
    }
)
VERBS: Final = MappingProxyType(
    {
        "file": N_("came in"),
        "submit": N_("came in"),
        "create": N_("drafted"),
        "ask_consent": N_("the person is asked"),
        "consent": N_("the person agreed"),
        "refuse": N_("the person refused"),
        "offer": N_("offered"),
        "acknowledge": N_("seen"),
        "ask_info": N_("more was asked"),
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
        "reopen": N_("opened again"),
        "undo_accept": N_("acceptance taken back"),
        "undo_withdraw": N_("withdrawal taken back"),
        "moved": N_("moved to another country"),
        "void": N_("entered in error"),
        "take": N_("taken into review"),
        "refer": N_("referred"),
        "return": N_("back at the desk"),
        "help": N_("closed as helped"),
        "advise": N_("closed as advised"),
        "unmet": N_("marked unmet"),
        "erase": N_("erased"),
        "put_back": N_("put back among the new ones"),
        "recall": N_("the withdrawal was taken back"),
        "case:taken": N_("taken"),
        "case:assigned": N_("owner changed"),
        "case:snoozed": N_("snoozed"),
        "case:woken": N_("woken"),
        "case:words_opened": N_("story opened"),
        "case:contact_opened": N_("contact opened"),
        "case:note_added": N_("note written"),
        "case:message_sent": N_("message sent"),
        "case:key_granted": N_("key given to an organisation"),
        "case:compared": N_("compared with other cases"),
        "case:merged": N_("merged"),
        "case:unmerged": N_("separated again"),
        "case:undone": N_("last step taken back"),
        "correct": N_("answers corrected"),
        "choose": N_("consent changed"),
    }
)
ACTORS: Final = MappingProxyType(
    {
        "person": N_("the person"),
        "coordinator": N_("the desk"),
        "senior": N_("the desk"),
        "desk": N_("the desk"),
        "partner": N_("the partner"),
        "clock": N_("the clock"),
        "client": N_("the API"),
    }
)
ENDS: Final = MappingProxyType(
    {
        "help": N_("They were helped"),
        "advise": N_("They were advised: no partner is needed"),
        "unmet": N_("Unmet: nobody can help now"),
        "withdraw": N_("They do not want help any more"),
    }
)
PURPOSES: Final = MappingProxyType(
    {
        "answer": N_("To answer the person"),
        "urgent_call": N_("An emergency: to reach them now"),
        "check_channel": N_("A partner could not reach them"),
    }
)
CERTAINTY: Final = MappingProxyType(
    {
        "sourced-high": N_("from a source we trust"),
        "sourced-medium": N_("from a source that should be checked"),
        "sourced-low": N_("from a weak source: check it"),
        "assumed": N_("assumed: the kind or the date of the letter is not known"),
    }
)
PARTNER_ACTIONS: Final = MappingProxyType(
    {
        "acknowledge": N_("We have seen it"),
        "accept": N_("Accept"),
        "ask_info": N_("Ask for more"),
        "waitlist": N_("Put on our waiting list"),
        "decline": N_("Decline"),
        "start": N_("We have started"),
        "hold": N_("Put on hold"),
        "resume": N_("Go on"),
        "complete": N_("Complete"),
        "hand_back": N_("Hand back"),
        "reopen": N_("Open again"),
        "undo_accept": N_("Take the acceptance back"),
    }
)

ROLES: Final = MappingProxyType(
    {
        "coordinator": N_("Coordinator"),
        "senior": N_("Senior coordinator"),
        "auditor": N_("Auditor"),
        "admin": N_("Network admin"),
        "partner": N_("Member of a partner"),
    }
)
PROPOSALS: Final = MappingProxyType(
    {
        "new_admin": N_("A new admin"),
        "organisation_key": N_("A new key of an organisation"),
        "bulk_export": N_("An export in bulk"),
    }
)
PROPOSED: Final = MappingProxyType(
    {
        "name": N_("Sign-in name"),
        "organisation": N_("Organisation"),
        "fingerprint": N_("Fingerprint of their own key"),
        "what": N_("What"),
        "month": N_("Month"),
    }
)
EXPORTS: Final = MappingProxyType({"audit": N_("The audit (codes only)")})
PROBLEMS: Final = MappingProxyType(
    {
        "worker-late": N_("The worker has not gone round for two minutes: clocks and messages stand still."),
        "worker-job-failed": N_("A job of the worker failed in its last round; the log names it."),
        "messages-late": N_("Messages wait for more than an hour."),
        "messages-dead": N_("Messages were given up: somebody was not told."),
        "clocks-late": N_("A clock of a referral is due for more than ten minutes."),
        "rotation-unfinished": N_(
            "A rotation of the epoch key was begun and not ended: run `pristan keys rotate` again."
        ),
        "epoch-key-old": N_(
            "The epoch key is older than five weeks: what was erased since then still opens from a backup."
        ),
        "backup-old": N_("There is no backup of the last two days."),
        "backup-before-rotation": N_(
            "The last backup is from before the last rotation and opens no more: make a new one."
        ),
        "directory-old": N_("Organisations were not looked at for 90 days."),
        "decoy-read": N_("A decoy was read: look at the audit, kind “alarm”."),
        "partner-reads-frozen": N_("Reading by partners is stopped."),
        "schema-behind": N_("The database is older than the program: run `pristan migrate`."),
    }
)


def reason(code: str) -> str:
    found = REASONS.get(code)
    return found.label if found else code


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
    """Of a case or of a referral."""
    return CASE_STATES.get(code) or REFERRAL_STATES.get(code, code)


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
        "name": N_("a name that sounds the same"),
    }
)


KEYS: Final = MappingProxyType({"/desk/": "q", "/desk/next": "n", "/desk/shortcuts": "?"})
"""Shortcuts that work on every page, by where they lead."""
