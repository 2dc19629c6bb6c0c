"""View models of the status page: states, needs and referrals in words, who is asked, and what the person can do."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from fastapi.responses import Response
from sqlalchemy.orm import Session

from app.cases import needs, sealed_parts
from app.cases.models import Case
from app.cases.person_access import OpenedCase
from app.cases.states import CaseState
from app.casework import openings, person_actions, shown_codes
from app.casework.openings import OPENINGS
from app.core.i18n import N_, Translator
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.core.vocabulary import complete
from app.directory.packs import Directory as Packs
from app.documents import storage as documents
from app.documents.limits import DocumentLimits
from app.intake import wording
from app.matching import deadlines, runs
from app.matching.code_names import CodeNames
from app.matching.reasons import render as in_sentence
from app.referrals import centre_contacts
from app.referrals.states import AT_WORK, UNDECIDED, WITH_PARTNER, ReferralState
from app.referrals.ways import BY_COORDINATOR, ContactMeans, ReferralWay, way_of
from app.web.components import csrf
from app.web.components.rendering import page
from app.web.person import (
    appointments,
    calendar_file,
    centre_cards,
    conversation,
    elsewhere_pages,
    letter,
    needs_list,
    next_steps,
    person_prompts,
    urgent_contacts,
    waiting_advice,
)
from app.web.person.check_page import connected_centres

STATUS: Final = complete(set(CaseState) - {CaseState.ERASED}, {
    "submitted": (N_("We have received your request."), N_("A coordinator will read it next.")),
    "in_review": (
        N_("A coordinator is looking for a centre for you."),
        N_("Come back in a day or two. If we have a question, you will find it below."),
    ),
    "referred": (
        N_("We have asked a centre to help you."),
        N_("The centre has to answer within a fixed time. If it does not, we will ask the next one."),
    ),
    "helped": (N_("A centre has helped you."), N_("If this is not right, write to us below.")),
    "advised": (N_("We have answered your request."), N_("You can still write to us below.")),
    "unmet": (
        N_("We have not found a centre for you yet."),
        N_("A coordinator checks what else is possible and writes to you here. The contacts below may help you now."),
    ),
    "withdrawn": (N_("You have withdrawn your request."), N_("Centres can no longer read it.")),
})  # fmt: skip
REFERRAL: Final = complete(ReferralState, {
    "awaiting_consent": N_("We would like to ask this centre. May they read your request?"),
    "offered": N_("We have asked them. They have not answered yet."),
    "acknowledged": N_("They have seen your request and are considering it."),
    "info_requested": N_("They have a question for you. You will find it below."),
    "waitlisted": N_("They have put you on their waiting list."),
    "accepted": N_("They have taken your case. They will contact you."),
    "in_progress": N_("They are working on your case."),
    "on_hold": N_("They have paused work on your case."),
    "completed": N_("They have finished their work on your case."),
    "draft": "",
    "declined": "",
    "handed_back": "",
    "withdrawn": "",
    "client_declined": "",
    "expired": "",
    "entered_in_error": "",
})  # fmt: skip
"""What the person reads of a referral; nothing, where a state is not shown to them: a refusal is never told."""
OPENED: Final = complete(OPENINGS.values(), {
    "words": N_("A coordinator opened what you wrote."),
    "contact": N_("A coordinator opened how to contact you."),
    "everything": N_("{centre} opened what you wrote and how to contact you."),
    "document": N_("A coordinator opened a document of yours."),
    "their_document": N_("{centre} opened a document of yours."),
    "code": N_("Somebody opened what you wrote with the code that you made."),
    "code_document": N_("Somebody opened a document of yours with the code that you made."),
    "link": N_("{centre} opened what you wrote and how to contact you, with a link and a code."),
    "sheet": N_("A coordinator opened what you wrote and how to contact you, to give it to {centre}."),
})  # fmt: skip
BY_COORDINATOR_WORDS: Final = {
    ReferralState.OFFERED: N_("A coordinator has asked them. They have not answered yet."),
    ReferralState.ACKNOWLEDGED: N_("They know what your request is about and are considering it."),
    ReferralState.ACCEPTED: N_(
        "They have taken your case. A coordinator gives them what you agreed they may read. They will contact you."
    ),
}
"""What the person reads where the centre has no account and a coordinator speaks with it."""
_NOT_YET_ASKED: Final = N_("A coordinator is going to ask them. Nobody has told them anything yet.")
_HOW_ASKED: Final = complete(ContactMeans, {
    "phone": N_("The coordinator spoke with them by phone."),
    "email": N_("The coordinator wrote to them by e-mail."),
    "letter": N_("The coordinator wrote them a letter."),
    "in_person": N_("The coordinator spoke with them in person."),
    "link": N_("The coordinator gave them a link that opens only with a code."),
})  # fmt: skip
_NO_ACCOUNT: Final = N_(
    "They have no account here and cannot open your request. Before they agree to help, they hear only what it is about, "
    "without your name."
)
_BY_LINK: Final = N_(
    "They have no account here. With a link and a code they see what your request is about, without your name. Only if they agree "
    "to help can they read what you wrote and how to contact you."
)
_ACCEPTED_BY_LINK: Final = N_(
    "They have taken your case. With a link and a code they can read what you agreed they may read. They will contact you."
)
_UNMET_WITHOUT_CONTACTS: Final = N_("A coordinator checks what else is possible and writes to you here.")
_GOING_TO_ASK: Final = (
    N_("A coordinator is going to ask a centre to help you."),
    N_("The coordinator calls or writes to them. If they do not answer in time, we will ask the next one."),
)
_TAKEN: Final = (N_("A centre has taken your case."), N_("If you do not hear from them, write to us below."))
_ON_WAITING_LIST: Final = (
    N_("A centre has put this request on its waiting list."),
    N_("The centre does not have to answer by a fixed day. Is there no time to wait? Then write to us below."),
)
_QUESTION_ASKED: Final = (
    N_("A centre has asked a question."),
    N_("The centre decides when it has the answer. The question is below, under “Please answer”."),
)
_MAY_WE_ASK: Final = N_("May we ask this centre to help you?")
_UNTIL_YES: Final = N_("They are asked only when you say yes. Please answer below.")
_NO_TIME_TO_WAIT: Final = timedelta(days=2)
_BEFORE_REFERRAL: Final = frozenset({"submitted", "in_review"})


def status_page(
    lang: str,
    session: Session,
    opened: OpenedCase,
    cookie: str | None,
    keys: KeyRing,
    directory: Packs,
    now: datetime,
    limits: DocumentLimits,
    *,
    telegram: bool = False,
    text: str = "",
    error: str = "",
    notice: str = "",
) -> Response:
    case = opened.case
    reworded = reworded_of(case, keys)
    code_names = CodeNames(lang, directory, reworded)
    headline, next_step = STATUS[case.state]
    every_referral = referrals_of(session, case, directory, code_names.translator)
    asked_by = centre_contacts.first_asked(session, _spoken_for(every_referral))
    if case.state == CaseState.REFERRED and _is_nobody_asked_yet(every_referral, asked_by):
        headline, next_step = _GOING_TO_ASK
    if case.state == CaseState.REFERRED and _is_only_on_waiting_lists(every_referral):
        headline, next_step = _ON_WAITING_LIST
    if case.state == CaseState.REFERRED and _asks_the_person(every_referral):
        headline, next_step = _QUESTION_ASKED
    if case.state == CaseState.REFERRED and any(ReferralState(entry.state) in AT_WORK for entry in every_referral):
        headline, next_step = _TAKEN
    visible_referrals = [entry for entry in every_referral if REFERRAL[entry.state]]
    today = runs.local_date(directory, case.country, now)
    asked = [entry for entry in visible_referrals if entry.state == ReferralState.AWAITING_CONSENT]
    contacts = (
        directory.urgent_contacts(
            case.country, urgent_contacts.lines_needed(case.needs), status=_facts(case, keys).get("status")
        )
        if case.urgency == "emergency" or case.state == CaseState.UNMET
        else ()
    )
    if case.state == CaseState.UNMET and not contacts:
        next_step = _UNMET_WITHOUT_CONTACTS
    if case.state == CaseState.IN_REVIEW and has_no_time(case, today):
        next_step = next_steps.IN_HOURS
    deadline = letter.of_case(case, keys, code_names, directory, now)
    entries = documents.of_case(session, case.id)
    return page(
        "person/case.html",
        lang,
        status=422 if error else 200,
        reworded=reworded,
        case=case,
        headline=_MAY_WE_ASK if asked else headline,
        next_step=_UNTIL_YES if asked else next_step,
        asked=_questions_of_consent(session, keys, case, asked, code_names, directory) if asked else (),
        deadline=deadline,
        has_days_to_come=bool(calendar_file.days_to_come(case, deadline, today)),
        look_by=max(case.due_on, today) if case.state in _BEFORE_REFERRAL else None,
        zone=deadlines.time_zone(directory.country(case.country)),
        needs=code_names.names("need", case.needs),
        names=code_names.names,
        need_progress=needs_list.progress(case, needs.of_case(session, case), every_referral, code_names),
        somebody=needs_list.SOMEBODY,
        country=code_names.translator.country_name(case.country),
        referrals=[
            (
                entry,
                sentence_of(entry, asked_by),
                centre_cards.card_of(entry.slug, entry.organisation, directory, code_names.translator),
                how_asked(entry, asked_by),
            )
            for entry in visible_referrals
            if entry not in asked
        ],
        appointments=appointments.views(
            session,
            opened,
            list(every_referral),
            code_names.translator,
            deadlines.time_zone(directory.country(case.country)),
            now,
        ),
        prompts=person_prompts.prompts_context(session, case.id, visible_referrals, code_names, now),
        waiting=_while_you_wait(case, visible_referrals, today, keys, code_names, directory),
        thread=conversation.of_case(session, opened, directory, code_names.translator),
        openings=openings_of(session, case, directory, code_names.translator),
        documents=len(entries),
        may_add=case.closed_at is None
        and len(entries) < limits.files
        and sum(entry.pages for entry in entries) < limits.pages,
        code=shown_codes.of_case(session, case, now),
        elsewhere=elsewhere_pages.about_the_place(
            case.country, _facts(case, keys).get("region"), lang, code_names.translator
        ),
        telegram=telegram and case.closed_at is None,
        contacts=contacts,
        text=text,
        error=error,
        notice=notice,
        csrf=csrf.new_token(keys, now, csrf.of_visit(cookie)),
        here="case",
        switch="case/message",
    )


def reworded_of(case: Case, keys: KeyRing) -> Mapping[str, str]:
    """The sentences that the pages of this case word differently: those with "you", if somebody asks for another person."""
    return wording.of_facts(_facts(case, keys))


def referrals_of(
    session: Session, case: Case, directory: Packs, words: Translator
) -> list[person_actions.PersonReferral]:
    """The referrals of the case, with the organisations' names in a script that this reader can read."""
    return [
        replace(entry, organisation=centre_cards.readable_name(entry.organisation, directory, words))
        for entry in person_actions.referrals_of(session, case.id)
    ]


def openings_of(
    session: Session, case: Case, directory: Packs, words: Translator
) -> list[tuple[openings.Opening, str]]:
    """The openings of the case, each with its sentence."""
    zone = deadlines.time_zone(directory.country(case.country))
    return [
        (
            replace(entry, organisation=centre_cards.readable_name(entry.organisation, directory, words)),
            OPENED[entry.what],
        )
        for entry in openings.of_case(session, case.id, zone)
    ]


def _spoken_for(referrals: Sequence[person_actions.PersonReferral]) -> list[UUID]:
    """The referrals whose centre a coordinator speaks with."""
    return [entry.id for entry in referrals if way_of(entry.way) in BY_COORDINATOR]


def _is_nobody_asked_yet(
    referrals: Sequence[person_actions.PersonReferral], asked_by: Mapping[UUID, tuple[datetime, ContactMeans]]
) -> bool:
    """Whether every centre to be asked still waits for a coordinator's call."""
    live = [entry for entry in referrals if ReferralState(entry.state) in WITH_PARTNER]
    return bool(live) and all(
        way_of(entry.way) in BY_COORDINATOR and entry.state == ReferralState.OFFERED and entry.id not in asked_by
        for entry in live
    )


def _is_only_on_waiting_lists(referrals: Sequence[person_actions.PersonReferral]) -> bool:
    """Whether each centre that has been asked has put the request on its waiting list: none owes an answer by a day."""
    undecided = [entry for entry in referrals if ReferralState(entry.state) in UNDECIDED]
    return bool(undecided) and all(entry.state == ReferralState.WAITLISTED for entry in undecided)


def _asks_the_person(referrals: Sequence[person_actions.PersonReferral]) -> bool:
    """Whether a centre has asked something and waits for the answer: its time to answer stands still."""
    return any(
        entry.state == ReferralState.INFO_REQUESTED and (entry.question or entry.asks_document) for entry in referrals
    )


def sentence_of(entry: person_actions.PersonReferral, asked_by: Mapping[UUID, tuple[datetime, ContactMeans]]) -> str:
    """The sentence for the referral's state, for the way in which its centre is asked."""
    state = ReferralState(entry.state)
    if way_of(entry.way) not in BY_COORDINATOR:
        return REFERRAL[state]
    if state is ReferralState.OFFERED and entry.id not in asked_by:
        return _NOT_YET_ASKED
    if state is ReferralState.ACCEPTED and way_of(entry.way) is ReferralWay.LINK:
        return _ACCEPTED_BY_LINK
    return BY_COORDINATOR_WORDS.get(state, REFERRAL[state])


def how_asked(
    entry: person_actions.PersonReferral, asked_by: Mapping[UUID, tuple[datetime, ContactMeans]]
) -> list[str]:
    """How a coordinator asked, and what the centre can read; empty where it has an account."""
    if way_of(entry.way) not in BY_COORDINATOR:
        return []
    how = [_HOW_ASKED[asked_by[entry.id][1]]] if entry.id in asked_by else []
    reads = _BY_LINK if way_of(entry.way) is ReferralWay.LINK else _NO_ACCOUNT
    return [*how, reads] if ReferralState(entry.state) in UNDECIDED else how


def _while_you_wait(
    case: Case,
    referrals: Sequence[person_actions.PersonReferral],
    today: date,
    keys: KeyRing,
    code_names: CodeNames,
    directory: Packs,
) -> waiting_advice.WhileYouWait | None:
    """What the person can do while they wait; None when the case has ended, or a centre is at work on it."""
    if case.closed_at is not None or any(ReferralState(entry.state) in AT_WORK for entry in referrals):
        return None
    facts = _facts(case, keys)
    return waiting_advice.while_you_wait(
        case.country,
        case.needs,
        (facts.get("letter") or {}).get("kind"),
        directory,
        code_names,
        from_day=max(case.due_on, today) + timedelta(days=1) if case.state in _BEFORE_REFERRAL else None,
        has_deadline=case.last_safe_day is not None,
        at_once=has_no_time(case, today),
        is_over=case.last_safe_day is not None and case.last_safe_day < today,
        no_status=facts.get("status") == runs.NO_STATUS,
    )


def has_no_time(case: Case, today: date) -> bool:
    """Whether so little time is left that nobody should wait for an answer, or for days until they come back."""
    is_near = case.last_safe_day is not None and case.last_safe_day - today <= _NO_TIME_TO_WAIT
    return case.urgency == "emergency" or is_near


def _facts(case: Case, keys: KeyRing) -> dict[str, Any]:
    """The facts of a case; empty when they are gone."""
    try:
        return sealed_parts.decrypt_facts(keys, case.id, case.facts_version, case.facts) if case.facts else {}
    except CannotOpen:
        return {}


def _questions_of_consent(
    session: Session,
    keys: KeyRing,
    case: Case,
    asked: Sequence[person_actions.PersonReferral],
    code_names: CodeNames,
    directory: Packs,
) -> list[tuple[person_actions.PersonReferral, dict[str, Any]]]:
    """The centres that wait for the person's yes, each with the reasons of the latest match."""
    try:
        latest = runs.latest_run(session, keys, case.id)
    except CannotOpen:
        latest = None
    matches = (*latest[1].candidates, *latest[1].nearest) if latest else ()
    connected = connected_centres(session, [entry.slug for entry in asked])
    return [
        (
            entry,
            centre_cards.card_of(
                entry.slug,
                entry.organisation,
                directory,
                code_names.translator,
                connected=entry.slug in connected,
                reasons=list(
                    dict.fromkeys(
                        in_sentence(reason, code_names)
                        for match in matches
                        if match.organisation == entry.slug
                        for reason in match.reasons
                    )
                ),
            ),
        )
        for entry in asked
    ]
