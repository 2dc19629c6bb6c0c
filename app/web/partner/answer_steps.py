"""The answers that the partner's page offers, each with its verb of the transition table. Pure.

The page offers less than the API accepts: five reasons in plain words, and no code that a lawyer would have to look up.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from app.core.i18n import N_
from app.referrals.reasons import (
    DAY_REQUIRED,
    OUTCOME_REQUIRED,
    QUESTION_TAKEN,
    WORK_TAKEN,
)
from app.referrals.states import ReferralVerb
from app.web.components import labels

REFUSAL_REASONS: Final = MappingProxyType(
    {
        "no_capacity": N_("We have no capacity at the moment"),
        "out_of_scope": N_("We do not offer this kind of help, or the person does not meet our conditions"),
        "out_of_area": N_("The place is outside our area"),
        "conflict": N_(
            "There is a conflict of interest. We will never be asked about this person again, and nobody will be "
            "told why"
        ),
        "other": N_("Another reason"),
    }
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: its button, the explanation next to it, and what has to be chosen for it.

    `reason` is sent with the answer without being asked for. `main` marks the answer that most people look for.
    """

    key: str
    verb: ReferralVerb
    button: str
    explanation: str
    reasons: Sequence[tuple[str, str]] = ()
    reason: str = ""
    main: bool = False

    @property
    def outcomes(self) -> Sequence[tuple[str, str]]:
        return list(labels.OUTCOMES.items()) if self.verb in OUTCOME_REQUIRED else []

    @property
    def questions(self) -> Sequence[tuple[str, str]]:
        return list(labels.QUESTIONS.items()) if self.verb in QUESTION_TAKEN else []

    @property
    def work_done(self) -> Sequence[tuple[str, str]]:
        return list(labels.WORK_DONE.items()) if self.verb in WORK_TAKEN else []

    @property
    def needs_day(self) -> bool:
        return self.verb in DAY_REQUIRED

    @property
    def is_collapsed(self) -> bool:
        """Whether it is collapsed at first, because it needs a choice or a confirmation."""
        return bool(self.reasons or self.outcomes or self.questions or self.needs_day or self.reason)


ANSWERS: Final = (
    Answer(
        "accept",
        ReferralVerb.ACCEPT,
        N_("Accept the request"),
        N_(
            "You can then read the name, contact details and story. Other organisations are not asked for these "
            "needs any longer."
        ),
        main=True,
    ),
    Answer(
        "acknowledge",
        ReferralVerb.ACKNOWLEDGE,
        N_("Confirm that we have seen the request"),
        N_("You can decide later. Your time to answer keeps running."),
    ),
    Answer(
        "ask_info",
        ReferralVerb.ASK_INFO,
        N_("Ask for more information"),
        N_("Your question goes to the person and the coordinators. Your time to answer is paused, at most twice."),
    ),
    Answer(
        "waitlist",
        ReferralVerb.WAITLIST,
        N_("Put the request on our waiting list"),
        N_(
            "The request stays on your waiting list until the day you choose. In the meantime, other organisations "
            "may be asked."
        ),
    ),
    Answer(
        "decline",
        ReferralVerb.DECLINE,
        N_("Decline the request"),
        N_("The next organisation is asked. The person is never told why you declined."),
        reasons=tuple(REFUSAL_REASONS.items()),
    ),
    Answer(
        "start",
        ReferralVerb.START,
        N_("We have reached the person"),
        N_("This records that your work has started."),
        main=True,
    ),
    Answer(
        "unreachable",
        ReferralVerb.HAND_BACK,
        N_("We could not reach the person"),
        N_(
            "The request goes back to the coordinators, who look for another safe way to reach the person. It stays "
            "open."
        ),
        reason="unreachable",
    ),
    Answer("resume", ReferralVerb.RESUME, N_("Resume the request"), N_("The request is no longer on hold."), main=True),
    Answer(
        "complete",
        ReferralVerb.COMPLETE,
        N_("Complete the request"),
        N_("Tell us how it ended, for each need if they differ. You can reopen the request for 90 days."),
    ),
    Answer("hold", ReferralVerb.HOLD, N_("Put the request on hold"), N_("We will remind you on the day you choose.")),
    Answer(
        "hand_back",
        ReferralVerb.HAND_BACK,
        N_("Hand the request back"),
        N_(
            "The request goes back to the coordinators, who look for another organisation. You can no longer read "
            "the person's details."
        ),
        reasons=tuple(REFUSAL_REASONS.items()),
    ),
    Answer(
        "undo_accept",
        ReferralVerb.UNDO_ACCEPT,
        N_("Undo the acceptance"),
        N_("Possible for 30 minutes, if nobody has opened the person's details. Your time to answer starts again."),
    ),
    Answer("reopen", ReferralVerb.REOPEN, N_("Reopen the request"), N_("You continue working on the request.")),
)


def available(allowed_verbs: Collection[ReferralVerb]) -> list[Answer]:
    """The answers for these verbs, in the order of the page."""
    return [answer for answer in ANSWERS if answer.verb in allowed_verbs]
