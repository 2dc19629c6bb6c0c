"""Texts of notices for organisations, teams and operators: counts and a link, nothing else."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from app.core.i18n import N_, NN_, STAFF, translator
from app.core.vocabulary import complete
from app.messaging.kinds import Group, group_of

COUNTED: Final = complete(
    Group,
    {
        "new_request": NN_("{n} new request", "{n} new requests"),
        "reminder": NN_("{n} reminder to answer", "{n} reminders to answer"),
        "answer": NN_("{n} answer to your question", "{n} answers to your questions"),
        "message": NN_("{n} new message", "{n} new messages"),
        "review": NN_("{n} date to review", "{n} dates to review"),
        "ended": NN_("{n} request that has ended", "{n} requests that have ended"),
        "access_change": NN_(
            "{n} proposed change to who can read your requests", "{n} proposed changes to who can read your requests"
        ),
        "new_case": NN_("{n} new case", "{n} new cases"),
        "times": NN_("{n} answer about offered times", "{n} answers about offered times"),
        "question": NN_("{n} new question", "{n} new questions"),
        "decision": NN_("{n} decision by an organisation", "{n} decisions by organisations"),
        "overdue": NN_("{n} overdue answer", "{n} overdue answers"),
        "nobody_left": NN_("{n} case that needs a decision", "{n} cases that need a decision"),
        "alarm": NN_("{n} alarm", "{n} alarms"),
    },
)
"""How each group is counted in a mail."""
_UPDATES: Final = NN_("{n} update for you", "{n} updates for you")
_SIGN_IN: Final = N_("Sign in to read: {link}")
_NEWS: Final = N_("There is something new for you")
_WAITING: Final = N_("Something is waiting for you. Sign in to read it: {link}")


def for_organisation(kinds: Sequence[str], link: str, language: str = "en") -> tuple[str, str]:
    """Subject and text: how many notices of each group there are, and the sign-in link."""
    words = translator(language, STAFF)
    counted = Counter(group_of(kind) for kind in kinds)
    lines = [words.plural(*COUNTED[group], number) for group, number in counted.items()]
    subject = lines[0] if len(lines) == 1 else words.plural(*_UPDATES, len(kinds))
    return subject, "\n".join([*lines, "", words.text(_SIGN_IN, link=link)])


def for_team(link: str, language: str = "en") -> tuple[str, str]:
    """Subject and text for a team or the operators: only that something waits, and the link."""
    words = translator(language, STAFF)
    return words.text(_NEWS), words.text(_WAITING, link=link)
