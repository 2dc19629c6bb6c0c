"""The codes and days that come with a move of a referral, and the checks that they fit its verb."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from app.core.errors import FieldError, Invalid
from app.core.i18n import N_, Translatable
from app.referrals import deadlines
from app.referrals.reasons import (
    DAY_REQUIRED,
    OUTCOME_REQUIRED,
    OUTCOMES,
    QUESTION_TAKEN,
    QUESTIONS,
    REASON_REQUIRED,
    UNNAMED_QUESTION,
    WORK_DONE,
    WORK_TAKEN,
    reasons_for,
)
from app.referrals.states import ReferralVerb

_FURTHEST_DEADLINE: Final = timedelta(days=2 * 366)


@dataclass(frozen=True, slots=True)
class TransitionInput:
    """The codes and days that come with a verb; which of them it takes and needs is in `reasons`.

    `outcomes`: the outcome of each need that differs from `outcome`. `needs`: what the referral is for from this move on. `how`:
    how the organisation said it, where a coordinator records it (`ways.ContactMeans`). `passed_over`: why a service other than the
    first suggestion was chosen; only when a referral is created.
    """

    reason: str | None = None
    outcome: str | None = None
    until: date | None = None
    question: str | None = None
    work_done: tuple[str, ...] = ()
    deadline_on: date | None = None
    outcomes: Mapping[str, str] | None = None
    needs: tuple[str, ...] = ()
    how: str | None = None
    passed_over: str | None = None


def with_default_question(payload: TransitionInput, verb: ReferralVerb) -> TransitionInput:
    """The payload, in which a question to the person without a code gets the code `other`: a coordinator has to clarify it."""
    return (
        replace(payload, question=UNNAMED_QUESTION) if verb in QUESTION_TAKEN and payload.question is None else payload
    )


def check(verb: ReferralVerb, payload: TransitionInput, now: datetime, needs: Collection[str]) -> None:
    """Raises Invalid, with every fault, unless what comes with the verb fits it. `needs`: what the referral is for."""
    errors = [*faults(verb, payload, now), *_need_errors(verb, payload, needs)]
    if errors:
        raise Invalid(errors)


def faults(verb: ReferralVerb, payload: TransitionInput, now: datetime) -> list[FieldError]:
    """The faults of the input: a reason, outcome or day that the verb needs and lacks, or has and does not take."""
    fields = (
        ("reason", payload.reason, verb in REASON_REQUIRED, reasons_for(verb)),
        ("outcome", payload.outcome, verb in OUTCOME_REQUIRED, list(OUTCOMES) if verb in OUTCOME_REQUIRED else []),
        ("question", payload.question, False, list(QUESTIONS) if verb in QUESTION_TAKEN else []),
    )
    errors = []
    for name, value, required, codes in fields:
        if value is None and required:
            errors.append(
                FieldError(
                    pointer=f"/{name}", code="required", detail=Translatable("One of: {codes}.", codes=", ".join(codes))
                )
            )
        elif value is not None and value not in codes:
            detail = (
                Translatable("One of: {codes}.", codes=", ".join(codes)) if codes else N_("This action takes none.")
            )
            errors.append(FieldError(pointer=f"/{name}", code="unknown_code" if codes else "not_taken", detail=detail))
    if verb in DAY_REQUIRED and payload.until is None:
        errors.append(FieldError(pointer="/until", code="required", detail="Choose a day after today."))
    if (
        verb in DAY_REQUIRED
        and payload.until
        and not now.date() < payload.until <= (now + deadlines.MAX_REVIEW_AHEAD).date()
    ):
        detail = Translatable(
            "Choose a day after today, at most {most} days ahead.", most=deadlines.MAX_REVIEW_AHEAD.days
        )
        errors.append(FieldError(pointer="/until", code="out_of_range", detail=detail))
    if verb not in DAY_REQUIRED and payload.until is not None:
        errors.append(FieldError(pointer="/until", code="not_taken", detail="This action takes no day."))
    if payload.outcomes and verb not in OUTCOME_REQUIRED:
        errors.append(FieldError(pointer="/outcomes", code="not_taken", detail="This action takes no outcomes."))
    return errors + _handover_errors(verb, payload, now)


def _need_errors(verb: ReferralVerb, payload: TransitionInput, needs: Collection[str]) -> list[FieldError]:
    """The faults of needs: an outcome that is unknown or of another need; remaining needs that are missing or not its own."""
    errors = []
    if (verb is ReferralVerb.NARROW) != bool(payload.needs) or not set(payload.needs) <= set(needs):
        errors.append(
            FieldError(pointer="/needs", code="unknown_code", detail="Some of its needs, when it is narrowed.")
        )
    for need, outcome in (payload.outcomes or {}).items() if verb in OUTCOME_REQUIRED else ():
        pointer = f"/outcomes/{need}"
        if need not in needs:
            detail = Translatable("The referral is for: {codes}.", codes=", ".join(needs))
            errors.append(FieldError(pointer=pointer, code="unknown_code", detail=detail))
        elif outcome not in OUTCOMES:
            errors.append(
                FieldError(
                    pointer=pointer,
                    code="unknown_code",
                    detail=Translatable("One of: {codes}.", codes=", ".join(OUTCOMES)),
                )
            )
    return errors


def _handover_errors(verb: ReferralVerb, payload: TransitionInput, now: datetime) -> list[FieldError]:
    """The faults of a handover: work done and a known deadline are given only when a case is handed back."""
    errors = []
    if set(payload.work_done) - (set(WORK_DONE) if verb in WORK_TAKEN else set()):
        detail = (
            Translatable("Some of: {codes}.", codes=", ".join(WORK_DONE))
            if verb in WORK_TAKEN
            else N_("This action takes none.")
        )
        errors.append(FieldError(pointer="/work_done", code="unknown_code", detail=detail))
    if payload.deadline_on is not None and verb not in WORK_TAKEN:
        errors.append(FieldError(pointer="/deadline_on", code="not_taken", detail="This action takes no deadline."))
    elif payload.deadline_on is not None and not now.date() <= payload.deadline_on <= (now + _FURTHEST_DEADLINE).date():
        detail = Translatable("Choose a day from today on, at most {most} days ahead.", most=_FURTHEST_DEADLINE.days)
        errors.append(FieldError(pointer="/deadline_on", code="out_of_range", detail=detail))
    return errors
