"""The plain steps of the partner's page, each with the verb of the table behind it. Pure.

The page asks less than the API takes: five reasons in plain words, and no code that a lawyer would have to look up.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from app.referrals.reasons import (
    DAY_REQUIRED,
    OUTCOME_REQUIRED,
    OUTCOMES,
    QUESTION_TAKEN,
    QUESTIONS,
    WORK_DONE,
    WORK_TAKEN,
)
from app.referrals.states import Verb
from app.web.components.labels import N_

WHY_NOT: Final = MappingProxyType(
    {
        "no_capacity": N_("We have no free place now"),
        "out_of_scope": N_("It is not what we do, or they do not meet our conditions"),
        "out_of_area": N_("It is outside our area"),
        "conflict": N_(
            "There is a conflict of interest. We are never asked for this person again, and nobody learns why"
        ),
        "other": N_("Another reason"),
    }
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One step: what the button says, what it means, and what has to be chosen for it.

    `reason` is sent with the step without being asked for. `main` is the step most people look for.
    """

    key: str
    verb: Verb
    button: str
    says: str
    reasons: Sequence[tuple[str, str]] = ()
    reason: str = ""
    main: bool = False

    @property
    def outcomes(self) -> Sequence[tuple[str, str]]:
        return list(OUTCOMES.items()) if self.verb in OUTCOME_REQUIRED else []

    @property
    def questions(self) -> Sequence[tuple[str, str]]:
        return list(QUESTIONS.items()) if self.verb in QUESTION_TAKEN else []

    @property
    def work_done(self) -> Sequence[tuple[str, str]]:
        return list(WORK_DONE.items()) if self.verb in WORK_TAKEN else []

    @property
    def needs_day(self) -> bool:
        return self.verb in DAY_REQUIRED

    @property
    def asks(self) -> bool:
        """Whether it is folded away until somebody wants it: it needs a choice, or a second thought."""
        return bool(self.reasons or self.outcomes or self.questions or self.needs_day or self.reason)


ANSWERS: Final = (
    Answer(
        "accept",
        Verb.ACCEPT,
        N_("We take this request"),
        N_("Name, contact and story open for you. Other centres that were asked are told it is taken."),
        main=True,
    ),
    Answer(
        "acknowledge",
        Verb.ACKNOWLEDGE,
        N_("We have seen it"),
        N_("You decide later. The time to answer goes on."),
    ),
    Answer(
        "ask_info",
        Verb.ASK_INFO,
        N_("We need to know more first"),
        N_("The person and the coordinators are asked. Your time to answer stands still, twice at most."),
    ),
    Answer(
        "waitlist",
        Verb.WAITLIST,
        N_("We can help, but later"),
        N_("It waits on your list until the day you name. Others may be asked meanwhile."),
    ),
    Answer(
        "decline",
        Verb.DECLINE,
        N_("We can not take it"),
        N_("The next centre is asked. The person is never told why."),
        reasons=tuple(WHY_NOT.items()),
    ),
    Answer("start", Verb.START, N_("We reached them"), N_("The work has begun."), main=True),
    Answer(
        "unreachable",
        Verb.HAND_BACK,
        N_("We could not reach them"),
        N_("It goes back to the coordinators, who look for another safe way. The request stays open."),
        reason="unreachable",
    ),
    Answer("resume", Verb.RESUME, N_("We go on with it"), N_("It is no longer on hold."), main=True),
    Answer("complete", Verb.COMPLETE, N_("It is closed"), N_("Say how it ended. You can open it again for 90 days.")),
    Answer("hold", Verb.HOLD, N_("Put it on hold"), N_("You are reminded on the day you name.")),
    Answer(
        "hand_back",
        Verb.HAND_BACK,
        N_("We can not go on"),
        N_("It goes back to the coordinators, who look for another centre. What you opened closes."),
        reasons=tuple(WHY_NOT.items()),
    ),
    Answer(
        "undo_accept",
        Verb.UNDO_ACCEPT,
        N_("Take it back: we pressed by mistake"),
        N_("Possible for half an hour, while nobody has opened it. Your time to answer begins anew."),
    ),
    Answer("reopen", Verb.REOPEN, N_("Open it again"), N_("The work goes on.")),
)


def possible(open_to_us: Collection[Verb]) -> list[Answer]:
    """The steps for these verbs, in the order of the page."""
    return [answer for answer in ANSWERS if answer.verb in open_to_us]
