"""Each need as the person sees it: on the check page who can help with it, later its progress."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.cases.models import Case, CaseNeed
from app.cases.need_states import NeedState
from app.casework.person_actions import PersonReferral
from app.core.i18n import N_
from app.core.vocabulary import complete
from app.directory.packs import Directory
from app.matching.code_names import CodeNames
from app.matching.engine import ServiceMatch
from app.matching.need_results import by_deadline
from app.referrals.states import UNDECIDED
from app.web.person import centre_cards

STANDING: Final = complete(
    NeedState,
    {
        "open": N_("No centre is being asked about this at the moment. A coordinator looks for one."),
        "offered": N_("A centre is being asked about this."),
        "with_centre": N_("{centre} has taken this on."),
        "helped": N_("You have been helped with this."),
        "advised": N_("You have been advised about this."),
        "unmet": N_(
            "We have found nobody who can help with this. If you still need help, write to us below, and we will look again."
        ),
        "not_wanted": N_("This is marked as no longer needed. If this is not right, write to us below."),
    },
)
BEFORE_CONSENT: Final = N_("Before a centre is asked about this, we need your answer below.")
SOMEBODY: Final = N_("A centre")
"""Instead of the name of one that is no longer shown."""


@dataclass(frozen=True, slots=True)
class NeedResult:
    """One need on the check page, and the names of the centres that can help with it."""

    name: str
    centres: tuple[str, ...]


def results(
    by_need: Mapping[str, Sequence[ServiceMatch]], directory: Directory, code_names: CodeNames
) -> list[NeedResult]:
    """The result for each need, when there are several, in the order of `need_results.candidates_by_need`."""
    if len(by_need) < 2:
        return []
    return [
        NeedResult(
            code_names.name("need", need),
            tuple(dict.fromkeys(_name(directory, match.organisation, code_names) for match in helping)),
        )
        for need, helping in by_need.items()
    ]


def results_of_reply(reply: Mapping[str, Any], directory: Directory, code_names: CodeNames) -> list[NeedResult]:
    """The needs with their results, from the stored reply to a request that was sent; empty for a reply of a former version."""
    needs = reply.get("by_need") or []
    if len(needs) < 2:
        return []
    return [
        NeedResult(
            code_names.name("need", need["code"]),
            tuple(dict.fromkeys(_name(directory, key.split("/", 1)[0], code_names) for key in need["services"])),
        )
        for need in needs
    ]


def _name(directory: Directory, slug: str, code_names: CodeNames) -> str:
    return centre_cards.readable_name(slug, directory, code_names.translator)


def progress(
    case: Case, rows: Mapping[str, CaseNeed], referrals: Sequence[PersonReferral], code_names: CodeNames
) -> list[tuple[str, str, str]]:
    """For each need its name, a sentence, and the centre that the sentence names. Needs dropped by the person are left out."""
    holders = {referral.id: referral.organisation for referral in referrals}
    lines = []
    for need in by_deadline(rows, has_deadline=case.last_safe_day is not None):
        row = rows[need]
        if NeedState(row.state) is NeedState.NOT_WANTED and need not in case.needs:
            continue
        sentence = STANDING[row.state]
        if row.state == NeedState.OFFERED and not _is_asked(need, referrals, case):
            sentence = BEFORE_CONSENT
        lines.append(
            (code_names.name("need", need), sentence, holders.get(row.referral_id, "") if row.referral_id else "")
        )
    return lines


def _is_asked(need: str, referrals: Sequence[PersonReferral], case: Case) -> bool:
    return any(
        referral.state in UNDECIDED and need in (case.needs if referral.needs is None else referral.needs)
        for referral in referrals
    )
