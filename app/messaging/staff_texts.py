"""Texts of notices for organisations and members: counts, the labels of emergencies, and a link; nothing else."""

from collections import Counter
from collections.abc import Collection, Sequence
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
        "emergency": NN_("{n} emergency", "{n} emergencies"),
        "not_opened": NN_("{n} emergency that nobody has opened yet", "{n} emergencies that nobody has opened yet"),
        "new_case": NN_("{n} new case", "{n} new cases"),
        "times": NN_("{n} answer about offered times", "{n} answers about offered times"),
        "question": NN_("{n} new question", "{n} new questions"),
        "decision": NN_("{n} decision by an organisation", "{n} decisions by organisations"),
        "overdue": NN_("{n} overdue answer", "{n} overdue answers"),
        "nobody_left": NN_("{n} case that needs a decision", "{n} cases that need a decision"),
        "alarm": NN_("{n} alarm", "{n} alarms"),
        "mention": NN_("{n} note that mentions you", "{n} notes that mention you"),
        "named": NN_("{n} restricted case that you can now open", "{n} restricted cases that you can now open"),
        "person": NN_("{n} answer or message from a person", "{n} answers or messages from people"),
        "appointment": NN_("{n} appointment that is near", "{n} appointments that are near"),
        "way": NN_("{n} address that refuses notices", "{n} addresses that refuse notices"),
        "test": NN_("{n} test: notices reach you here", "{n} tests: notices reach you here"),
        "problem": NN_("{n} problem with the service", "{n} problems with the service"),
    },
)
"""How each group is counted in a mail."""
_UPDATES: Final = NN_("{n} update for you", "{n} updates for you")
_SIGN_IN: Final = N_("Sign in to read: {link}")
_URGENT_FIRST: Final = (Group.NOT_OPENED, Group.EMERGENCY, Group.ALARM, Group.PROBLEM)


def for_organisation(kinds: Sequence[str], link: str, language: str = "en") -> tuple[str, str]:
    """Subject and text: how many notices of each group there are, and the sign-in link."""
    return _counted(kinds, link, language)


def for_member(
    kinds: Sequence[str], link: str, language: str = "en", *, labels: Collection[str] = ()
) -> tuple[str, str]:
    """Subject and text for a member: how many notices of each group there are, urgent ones first; labels of emergencies; a link."""
    return _counted(kinds, link, language, labels)


def _counted(kinds: Sequence[str], link: str, language: str, labels: Collection[str] = ()) -> tuple[str, str]:
    words = translator(language, STAFF)
    counted = Counter(group_of(kind) for kind in kinds)
    groups = sorted(counted, key=lambda group: group not in _URGENT_FIRST)
    lines = [words.plural(*COUNTED[group], counted[group]) for group in groups]
    is_urgent = groups[0] in _URGENT_FIRST
    subject = lines[0] if len(lines) == 1 or is_urgent else words.plural(*_UPDATES, len(kinds))
    if labels:
        lines.append(", ".join(labels))
    return subject, "\n".join([*lines, "", words.text(_SIGN_IN, link=link)])
