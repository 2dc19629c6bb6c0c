"""Questions on the status page: a centre's question, "has the centre contacted you?", and consent to a transfer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from app.casework import contact_answers, country_moves
from app.casework.person_actions import PersonReferral
from app.core.i18n import N_
from app.core.vocabulary import complete
from app.matching.code_names import CodeNames
from app.referrals import reasons

QUESTIONS: Final = complete(reasons.QUESTIONS, {
    "letter_date": N_("What date is printed on your letter? When did you receive it?"),
    "papers": N_("Which documents do you have with you?"),
    "language": N_("Which language can a lawyer speak with you?"),
    "region": N_("Which region or city do you live in now?"),
    "reach": N_("Is there a safe way to reach you by phone or messenger? If there is not, please tell us."),
    "family": N_("Who else in your family needs help?"),
    "other": N_("A coordinator will find out what they need to know and write to you here."),
})  # fmt: skip
_CONTACT: Final = {
    "first_contact": N_("Has {centre} contacted you?"),
    "completion": N_("{centre} says that their work is done. Have they helped you?"),
}


def prompts_context(
    session: Session, case_id: UUID, referrals: Sequence[PersonReferral], code_names: CodeNames, now: datetime
) -> dict[str, Any]:
    """Context for `person/parts/prompts.html`."""
    move = country_moves.open_question(session, case_id)
    return {
        "questions": [
            (referral.organisation, QUESTIONS[referral.question]) for referral in referrals if referral.question
        ],
        "contact": [
            (question, _CONTACT[question.about]) for question in contact_answers.questions(session, case_id, now)
        ],
        "documents": [referral.organisation for referral in referrals if referral.asks_document],
        "move": code_names.translator.country_name(move.to_country) if move is not None else None,
    }
