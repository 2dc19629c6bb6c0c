"""Codes that come with a referral's moves: reasons, outcomes, questions and work done. The person never reads a refusal reason."""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from app.referrals.states import ReferralVerb


class Consequence(StrEnum):
    EXCLUDE = "exclude"  # this organisation is never asked for this case again; other organisations never see why
    FULL = "full"  # the service has no free place for a while
    REVIEW_RULE = "review_rule"  # a task: look at the service's rule
    CHECK_CHANNEL = "check_channel"  # a task: look for a safe way to reach the person; the case stays open
    MERGE = "merge"  # a task: the same person may have written twice
    NEXT = "next"  # nothing besides asking the next-best


@dataclass(frozen=True, slots=True)
class ReasonCode:
    """A code, its label for staff, the verbs that take it, and the further input that it needs."""

    code: str
    label: str
    verbs: frozenset[ReferralVerb]
    consequence: Consequence


_END = frozenset({ReferralVerb.DECLINE, ReferralVerb.HAND_BACK})
_ALL: Final = (
    ReasonCode("conflict", "Conflict of interest", _END, Consequence.EXCLUDE),
    ReasonCode("no_capacity", "No free place", _END, Consequence.FULL),
    ReasonCode("out_of_area", "Outside of our area", _END, Consequence.REVIEW_RULE),
    ReasonCode("out_of_scope", "Not what we do", _END, Consequence.REVIEW_RULE),
    ReasonCode("not_eligible", "Does not meet our conditions", _END, Consequence.REVIEW_RULE),
    ReasonCode(
        "unreachable", "We could not reach the person", frozenset({ReferralVerb.HAND_BACK}), Consequence.CHECK_CHANNEL
    ),
    ReasonCode("duplicate", "We know this case already", _END, Consequence.MERGE),
    ReasonCode("other", "Another reason", _END, Consequence.NEXT),
    ReasonCode("better_option", "A better place was found", frozenset({ReferralVerb.WITHDRAW}), Consequence.NEXT),
    ReasonCode("mistake", "Sent by mistake", frozenset({ReferralVerb.WITHDRAW, ReferralVerb.VOID}), Consequence.NEXT),
    ReasonCode("no_longer_needed", "No longer needed", frozenset({ReferralVerb.WITHDRAW}), Consequence.NEXT),
    ReasonCode(
        "moved_away", "The person moved to another country", frozenset({ReferralVerb.WITHDRAW}), Consequence.NEXT
    ),
    ReasonCode(
        "taken_elsewhere", "Another organisation took the case", frozenset({ReferralVerb.WITHDRAW}), Consequence.NEXT
    ),
)
REASONS: Final = MappingProxyType({reason.code: reason for reason in _ALL})
CONSEQUENCES: Final = MappingProxyType({reason.code: reason.consequence for reason in _ALL})
REASON_REQUIRED: Final = frozenset(
    {ReferralVerb.DECLINE, ReferralVerb.HAND_BACK, ReferralVerb.WITHDRAW, ReferralVerb.VOID}
)


class AfterOutcome(StrEnum):
    """The state of the case when the last organisation at work on it has completed."""

    HELPED = "helped"
    ADVISED = "advised"
    DESK = "desk"  # it was no help: a coordinator goes on


OUTCOMES: Final = MappingProxyType(
    {
        "represented": "Represented before an authority or court",
        "advised": "Advised",
        "referred_on": "Passed on to another service",
        "resolved": "Solved",
        "contact_lost": "Contact was lost",
    }
)
FOLLOWS: Final = MappingProxyType(
    {
        "represented": AfterOutcome.HELPED,
        "advised": AfterOutcome.ADVISED,
        "referred_on": AfterOutcome.DESK,
        "resolved": AfterOutcome.HELPED,
        "contact_lost": AfterOutcome.DESK,
    }
)
OUTCOME_REQUIRED: Final = frozenset({ReferralVerb.COMPLETE})
DAY_REQUIRED: Final = frozenset({ReferralVerb.WAITLIST, ReferralVerb.HOLD})
"""These verbs name the day of the next review (`until`)."""


QUESTIONS: Final = MappingProxyType(
    {
        "letter_date": "What date is printed on the letter, and when did it arrive?",
        "papers": "Which papers do they have at hand?",
        "language": "In which language can a lawyer speak with them?",
        "region": "In which region do they live now?",
        "reach": "Is there a way to reach them by phone or messenger?",
        "family": "Who else of the family needs help?",
        "other": "Something else: a coordinator asks you what it is",
    }
)
"""What a partner may ask the person before it has accepted: codes, which the person reads in their language.
What the partner asks in its own words goes to the team (`threads`)."""
PASSED_OVER: Final = MappingProxyType(
    {
        "not_said": "No reason given",
        "person_wishes": "The person wants this organisation",
        "knows_person": "They already know the person or the family",
        "sooner": "They have time sooner",
        "first_is_away": "The first one is full, paused or does not answer",
        "language": "They speak the person's language better",
        "nearer": "They are nearer",
        "expertise": "They know this kind of case better",
        "other": "Another reason",
    }
)
"""Why a coordinator referred a case to another organisation than the first suggestion. Codes alone: words could name the person."""
NO_REASON: Final = "not_said"
QUESTION_TAKEN: Final = frozenset({ReferralVerb.ASK_INFO})
UNNAMED_QUESTION: Final = "other"
WORK_DONE: Final = MappingProxyType(
    {
        "contact_made": "Spoke with the person",
        "advised": "Gave advice",
        "papers_collected": "Collected papers",
        "application_filed": "Filed an application",
        "appeal_filed": "Filed an appeal",
        "hearing_attended": "Attended a hearing",
    }
)
"""What a partner that hands a case back has done already, for the next organisation."""
WORK_TAKEN: Final = frozenset({ReferralVerb.HAND_BACK})
"""These verbs may say what was done (`work_done`) and until when something has to be done (`deadline_on`)."""


def reasons_for(verb: ReferralVerb) -> list[str]:
    """The codes this verb takes, in the table's order; empty when it takes none."""
    return [reason.code for reason in _ALL if verb in reason.verbs]
