"""The texts for an organisation without an account behind a link, in its language: its answers, and their codes."""

from typing import Final

from app.core.i18n import N_
from app.core.vocabulary import complete
from app.referrals import quality, reasons
from app.referrals.states import ReferralVerb

REASONS: Final = complete(reasons.reasons_for(ReferralVerb.HAND_BACK), {
    "conflict": N_("We have a conflict of interest"),
    "no_capacity": N_("We have no free place"),
    "out_of_area": N_("It is outside of our area"),
    "out_of_scope": N_("It is not what we do"),
    "not_eligible": N_("The person does not meet our conditions"),
    "unreachable": N_("We could not reach the person"),
    "duplicate": N_("We know this request already"),
    "other": N_("We have another reason"),
})  # fmt: skip
OUTCOMES: Final = complete(reasons.OUTCOMES, {
    "represented": N_("We represented the person before an authority or a court"),
    "advised": N_("We advised the person"),
    "referred_on": N_("We passed the person on to another service"),
    "resolved": N_("The problem is solved"),
    "contact_lost": N_("We lost contact with the person"),
})  # fmt: skip
QUALITY: Final = complete(quality.QUALITY, {
    "complete": N_("Everything that we needed was there"),
    "facts_missing": N_("Important facts were missing"),
    "facts_wrong": N_("Something was not as it was written"),
    "other_need": N_("The person needed something else"),
    "not_for_us": N_("It was not a case for us"),
    "too_late": N_("It came too late"),
    "contact_failed": N_("The contact details did not work"),
    "not_prepared": N_("The person did not expect us"),
})  # fmt: skip
SAID: Final = {
    "quality": N_("Thank you. The coordinator sees your answer."),
    "sent": N_("The document was sent. The person sees it on their page."),
    "asked": N_("The person has been asked for photos of the letter."),
    "removed": N_("The document was deleted."),
}
"""What the page says after something else than an answer."""
DOCUMENT: Final = N_("Letters and documents")
USED_UP: Final = N_(
    "Documents have been opened with this link as often as is possible on one day. Please come back tomorrow."
)
CHOOSE_SOME: Final = N_("Nothing has been recorded yet. Please choose one to four answers.")
DONE: Final = {
    ReferralVerb.ACCEPT: N_("Thank you. You have taken the request. The person is told."),
    ReferralVerb.ASK_INFO: N_("Your question has been sent. The coordinator tells you the answer."),
    ReferralVerb.START: N_("Thank you. It is recorded that you have reached the person."),
}
"""What the page says after an answer with which it goes on."""
TOO_LARGE: Final = N_("The file is too large. Nothing was sent. Please choose a smaller one.")
ENDED: Final = N_("Thank you. Your answer has been recorded, and this link has ended.")
CLOSED: Final = N_("The page is closed")
GONE: Final = N_("This link does not work")
MISTYPED: Final = N_("These are not the 20 digits of a code. Please check what you typed.")
WRONG: Final = N_("This code is wrong. After ten wrong codes the link stops working.")
CHANGED: Final = N_("Nothing was recorded: something has changed in the meantime. Please read the page again.")
CHOOSE: Final = N_("Nothing has been recorded yet. Please choose an answer from the list.")
