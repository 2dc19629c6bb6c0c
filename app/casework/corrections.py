"""Corrections by the person: other answers, another contact, other organisations that may read the case.

The facts are encrypted again under a new version, and the rules run again in the same transaction. The case never loses its
place in the queue by a correction: `due_on` only moves earlier.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from app import audit, messaging
from app.cases import duplicate_detection, intake_storage, needs, person_access, sealed_parts, transitions
from app.cases.models import Case
from app.cases.need_states import NeedVerb
from app.cases.person_access import OpenedCase
from app.cases.queue_views import URGENCY_RANK
from app.cases.states import CaseState
from app.cases.unread_letters import UnreadLetter, of_column
from app.casework import conflict_screening, effects, filing, person_actions, referral_actions
from app.conflicts import service as conflicts
from app.core import keyholders
from app.core.clock import to_the_hour
from app.core.errors import Conflict, Invalid
from app.core.identifiers import Identifier
from app.core.ids import named_id
from app.core.keyring import KeyRing
from app.directory.packs import Directory
from app.intake import schemas as intake_schemas
from app.intake.schemas import Consent, Intake, Letter
from app.matching import runs
from app.matching.deadlines import DeadlineFinding, time_zone
from app.matching.engine import MatchResult
from app.matching.facts import Facts
from app.messaging.kinds import NoticeKind
from app.referrals import queries, threads
from app.referrals.actors import ActorRef
from app.referrals.states import ReferralActor, ReferralVerb
from app.staff import service as staff
from app.tasks import service as tasks
from app.tasks.service import TaskKind


class NeedsOtherTeam(Conflict):
    """Another team works for the country that the person is in now: the case has to move, with their consent."""

    slug, title = "other-team", "Another team works for this country"


def answers_of(session: Session, opened: OpenedCase, keys: KeyRing) -> dict[str, Any]:
    """All answers of the person, as the JSON of an intake. Raises Conflict when the case has ended."""
    case = opened.case
    if case.closed_at is not None or case.facts is None:
        raise Conflict("This case has ended and cannot be changed.", state=case.state)
    facts = sealed_parts.decrypt_facts(keys, case.id, case.facts_version, case.facts)
    parts = {part.part: part.content for part in _opened_parts(session, opened)}
    return intake_storage.answers_of(facts, parts)


def _opened_parts(session: Session, opened: OpenedCase) -> list[sealed_parts.OpenedPart]:
    rows = sealed_parts.parts(session, opened.case.id, intake_storage.INTAKE_PARTS)
    return [sealed_parts.open_part(opened.person_key, row) for row in rows]


def correct(
    session: Session, opened: OpenedCase, intake: Intake, *, keys: KeyRing, directory: Directory, now: datetime
) -> MatchResult:
    """Replace the stored answers with these; who may read them does not change. The caller holds the case's row.

    Raises Conflict (the case has ended), NeedsOtherTeam (another team works for the country), TooManyChanges.
    """
    before = answers_of(session, opened, keys)
    if staff.team_for(session, intake.country) != opened.case.team_id:
        raise NeedsOtherTeam("Another team works for this country.")
    person_access.count_change(session, opened.case, now)
    unread = of_column(opened.case.unread_letter)
    if unread and intake.letter is None:  # somebody may still find one in the documents
        intake = intake.model_copy(update={"letter": Letter(kind="unknown")})
    elif unread and is_known(intake.answers().get("letter")):
        opened.case.unread_letter = None
    result = _replace_answers(session, opened, before, intake, keys, directory, now, NoticeKind.BECAME_EMERGENCY)
    _noted(session, opened.case, "correct", "case:corrected", now)
    return result


def enter_letter(
    session: Session,
    opened: OpenedCase,
    kind: str,
    received_on: date | None,
    *,
    keys: KeyRing,
    directory: Directory,
    now: datetime,
) -> MatchResult:
    """Replace what is known of the letter by what somebody has read in it, and calculate deadline, urgency and matches again.

    Without a day those that the person gave go on counting: a reader who does not find one must not move the deadline back.
    The caller holds the case's row, and records who it was. Raises Conflict (the case has ended), Invalid.
    """
    before = answers_of(session, opened, keys)
    if received_on:
        letter = {"kind": kind, "received_on": received_on.isoformat()}
    else:
        letter = {**(before.get("letter") or {}), "kind": kind}
    unread = of_column(opened.case.unread_letter) or UnreadLetter.DETAILS
    opened.case.unread_letter = None if is_known(letter) else unread.seen().value
    return _with_letter(session, opened, before, letter, keys, directory, now, NoticeKind.EMERGENCY)


def is_known(letter: Mapping[str, Any] | None) -> bool:
    """Whether the kind of a letter, as in the answers of an intake, and a day of its receipt are known."""
    letter = letter or {}
    return letter.get("kind") not in {None, "unknown"} and bool(letter.get("received_on") or letter.get("earlier_on"))


def expect_letter(session: Session, opened: OpenedCase, *, keys: KeyRing, directory: Directory, now: datetime) -> bool:
    """Count the case as one with a letter of unknown kind and day, until somebody has read the document that the person has added.

    False: kind and day of a letter are known already, and nothing changes. The caller holds the case's row, which is open.
    """
    case, before = opened.case, answers_of(session, opened, keys)
    if is_known(before.get("letter")):
        return False
    unread = of_column(case.unread_letter)
    if before.get("letter") is not None:
        is_assumed = unread is not None and unread.is_only_assumed
        case.unread_letter = (UnreadLetter.PHOTO if is_assumed else UnreadLetter.DETAILS).value
        return True
    case.unread_letter = UnreadLetter.PHOTO.value
    try:
        _with_letter(session, opened, before, {"kind": "unknown"}, keys, directory, now, NoticeKind.BECAME_EMERGENCY)
    except Invalid:  # an answer of an earlier version of the form: the document is taken all the same
        facts, deadline = runs.facts_and_deadline({**before, "letter": {"kind": "unknown"}}, directory, now)
        _count_with(case, facts, deadline, directory, now)
    return True


def drop_letter(session: Session, opened: OpenedCase, *, keys: KeyRing, directory: Directory, now: datetime) -> None:
    """Somebody has read the documents and found no letter that sets a date. One of which the person has spoken still counts.

    The caller holds the case's row, and records who it was. Raises Conflict (the case has ended), Invalid.
    """
    case, before = opened.case, answers_of(session, opened, keys)
    unread = of_column(case.unread_letter)
    case.unread_letter = None
    if unread is not None and unread.is_only_assumed and not is_known(before.get("letter")):
        _with_letter(session, opened, before, None, keys, directory, now, NoticeKind.EMERGENCY)


def _with_letter(
    session: Session,
    opened: OpenedCase,
    before: dict[str, Any],
    letter: dict[str, Any] | None,
    keys: KeyRing,
    directory: Directory,
    now: datetime,
    raised: NoticeKind,
) -> MatchResult:
    """The other answers stay as they are."""
    today = runs.local_date(directory, opened.case.country, now)
    intake = intake_schemas.read({**before, "letter": letter}, directory, today)
    return _replace_answers(session, opened, before, intake, keys, directory, now, raised)


def _replace_answers(
    session: Session,
    opened: OpenedCase,
    before: dict[str, Any],
    intake: Intake,
    keys: KeyRing,
    directory: Directory,
    now: datetime,
    raised: NoticeKind,
) -> MatchResult:
    """`raised`: what the team hears if it is an emergency now; who has the case on the screen knows what the desk enters."""
    case = opened.case
    intake = intake.model_copy(update={"consent": Consent.model_validate(before["consent"])})
    intake = intake.first_asked(_first_asked(before, case, directory, now))
    facts, deadline = filing.facts_and_deadline(intake, directory, now)
    hour = to_the_hour(now)
    for column, value in intake_storage.plain_columns(intake).items():
        setattr(case, column, value)
    if facts.urgency == "emergency" != case.urgency:
        messaging.queue(session, raised, about_id=case.id, team_id=case.team_id, now=hour)
    was_known = case.deadline_certainty not in {
        None,
        "assumed",
    }  # as of a letter from the country that the case came from
    stays = (
        _is_same_letter(before, intake)
        and deadline
        and case.last_safe_day
        and (case.last_safe_day <= deadline.last_safe_day or (was_known and deadline.certainty == "assumed"))
    )
    _count_with(case, facts, deadline, directory, now, same_day=bool(stays))
    _encrypt_facts(keys, case, intake_storage.facts_of(intake))
    _replace_parts(session, opened, intake, now)
    filing.store_notice_address(session, keys, case.id, intake, directory)
    if _identifiers(before) != _identifiers(intake.answers()):
        duplicate_detection.compare_again(session, case)
    session.flush()
    _correct_needs(session, case, intake.needs, now)
    conflict_screening.rescreen(session, keys, directory, case, opened.person_key, now)
    return _match_again(session, keys, case, facts, directory, now)


def _identifiers(answers: Mapping[str, Any]) -> list[Identifier]:
    return duplicate_detection.identifiers_in(answers, str(answers["country"]))


def _count_with(
    case: Case,
    facts: Facts,
    deadline: DeadlineFinding | None,
    directory: Directory,
    now: datetime,
    *,
    same_day: bool = False,
) -> None:
    """Store urgency and deadline, and look at the case no later than before. `same_day`: the stored last day stays."""
    case.urgency, case.urgency_rank = facts.urgency, URGENCY_RANK[facts.urgency]
    if not same_day:
        case.last_safe_day = deadline.last_safe_day if deadline else None
        case.deadline_certainty = deadline.certainty if deadline else None
    zone = time_zone(directory.country(case.country))
    case.due_on = min(case.due_on, filing.due_on(facts.urgency, case.last_safe_day, to_the_hour(now), zone))


def _first_asked(before: dict[str, Any], case: Case, directory: Directory, now: datetime) -> date:
    """The day on which the person was first asked about this letter. It does not change when they correct an answer."""
    letter = before.get("letter")
    if letter is None:
        return runs.local_date(directory, case.country, now)
    if letter.get("asked_on"):
        return date.fromisoformat(letter["asked_on"])
    return runs.local_date(directory, case.country, case.waiting_since)


def _is_same_letter(before: dict[str, Any], intake: Intake) -> bool:
    """Whether the answers about the letter are unchanged.

    Then a stored deadline, which may come from elsewhere, does not become later.
    """

    def said(answers: dict[str, Any]) -> dict[str, Any]:
        letter = answers.get("letter") or {}
        return {name: value for name, value in letter.items() if value is not None and name != "asked_on"}

    return before.get("country") == intake.country and said(before) == said(intake.answers())


def _correct_needs(session: Session, case: Case, wanted: Sequence[str], now: datetime) -> None:
    """Open the new needs, so that somebody looks for a centre; for needs that are no longer wanted, stop asking."""
    new, dropped = needs.correct(session, case, wanted, now=now)
    if dropped:
        effects.give_up_needs(session, case, dropped, "no_longer_needed", now)
        rows = needs.of_case(session, case)
        needs.move(session, case, rows, NeedVerb.DROP, dropped, by="person", now=now)
    if not case.uncovered:
        tasks.end_search_tasks(session, case.id, now)
    elif new and CaseState(case.state) is not CaseState.SUBMITTED:
        tasks.open_task(session, TaskKind.FIND_NEXT, case, now=now)


def _encrypt_facts(keys: KeyRing, case: Case, facts: dict[str, Any]) -> None:
    case.facts_version += 1
    case.facts = sealed_parts.encrypt_facts(keys, case.id, case.facts_version, facts)


def _replace_parts(session: Session, opened: OpenedCase, intake: Intake, now: datetime) -> None:
    contents = filing.sealed_contents(intake, now)
    rows = {row.part: row for row in sealed_parts.parts(session, opened.case.id, intake_storage.INTAKE_PARTS)}
    for part, content in contents.items():
        row = rows.get(part.value)
        if row is None:
            sealed_parts.add_part(session, opened.person_key, opened.case.id, part, content, author="person")
        else:
            sealed_parts.replace_part(opened.person_key, row, content)


def _match_again(
    session: Session, keys: KeyRing, case: Case, facts: Facts, directory: Directory, now: datetime
) -> MatchResult:
    facts = replace(facts, excluded=queries.excluded_organisations(session, case.id))
    resting = conflicts.excluded(session, case.id)
    result = runs.run(session, facts, directory, now, seed=case.id.int, resting=resting)
    runs.store(session, keys, case.id, facts, result, directory=directory, now=now)
    return result


def _noted(session: Session, case: Case, verb: str, action: str, now: datetime) -> None:
    """Record in the case's history and in the audit log that the person changed something, but not what."""
    case.person_wrote = True
    case.version += 1
    case.updated_at = to_the_hour(now)
    transitions.record_event(session, case, verb, actor_kind="person", at=to_the_hour(now))
    audit.record_by_person(session, case.id, action, now)
    session.flush()


# --- who may read it -----------------------------------------------------------------------------------------------


def current_matches(
    session: Session, opened: OpenedCase, *, keys: KeyRing, directory: Directory, now: datetime
) -> tuple[dict[str, Any], MatchResult]:
    """The person's answers, and what matches them now. Includes organisations that the person had excluded.

    Raises Conflict when the case has ended.
    """
    answers = answers_of(session, opened, keys)
    facts, _letter = runs.facts_and_deadline(answers, directory, now)
    facts = replace(facts, excluded=queries.excluded_organisations(session, opened.case.id), never=frozenset())
    resting = conflicts.excluded(session, opened.case.id)
    return answers, runs.run(session, facts, directory, now, seed=opened.case.id.int, resting=resting)


def change_consent(
    session: Session,
    opened: OpenedCase,
    choices: Mapping[str, str],
    *,
    keys: KeyRing,
    directory: Directory,
    now: datetime,
) -> None:
    """Set `allow`, `ask` or `never` by organisation slug; an organisation that is not named keeps its earlier choice.

    An organisation that is allowed gets a key; one that no longer is loses it, and its referrals end. The caller holds
    the case's row. Raises Conflict (the case has ended), TooManyChanges.
    """
    person_access.count_change(session, opened.case, now)
    facts = sealed_parts.decrypt_facts(keys, opened.case.id, opened.case.facts_version, _facts(opened.case))
    consent = facts["consent"]
    chosen = dict.fromkeys(consent.get("organisations") or (), "allow")
    chosen |= dict.fromkeys(consent.get("never") or (), "never")
    known = {slug for slug in choices if _takes_cases(directory, slug)}
    chosen |= {slug: choices[slug] for slug in known if choices[slug] in {"allow", "ask", "never"}}
    allowed = sorted(slug for slug, choice in chosen.items() if choice == "allow")
    facts["consent"] = {
        "mode": "named" if allowed else "ask_first",
        "organisations": allowed,
        "never": sorted(slug for slug, choice in chosen.items() if choice == "never"),
    }
    _encrypt_facts(keys, opened.case, facts)
    session.flush()  # what follows reads the row again
    _give_and_take_keys(session, opened, {slug: chosen[slug] for slug in known}, keys, now)
    _noted(session, opened.case, "choose", "case:consent_changed", now)


def _facts(case: Case) -> bytes:
    if case.closed_at is not None or case.facts is None:
        raise Conflict("This case has ended and cannot be changed.", state=case.state)
    return case.facts


def _takes_cases(directory: Directory, slug: str) -> bool:
    organisation = directory.organisation(slug)
    return organisation is not None and organisation.kind != "authority"


def _give_and_take_keys(
    session: Session, opened: OpenedCase, chosen: Mapping[str, str], keys: KeyRing, now: datetime
) -> None:
    case_id = opened.case.id
    holders = sealed_parts.organisations_with_key(session, case_id)
    wanted = {named_id("organisation", slug): choice for slug, choice in chosen.items()}
    allowed = {organisation_id for organisation_id, choice in wanted.items() if choice == "allow"}
    for organisation_id in keyholders.active_keys(session, list(allowed - holders)):
        if conflict_screening.is_hit(session, keys, opened.case, opened.person_key, organisation_id):
            conflict_screening.exclude(session, opened.case, organisation_id, now)
        else:
            person_actions.grant_access(session, keys, case_id, opened.person_key, organisation_id)
    refused = {organisation_id for organisation_id, choice in wanted.items() if choice == "never"}
    refused |= {
        organisation_id for organisation_id, choice in wanted.items() if choice == "ask"
    } & sealed_parts.organisations_agreed(session, case_id)
    for referral in queries.lock_live_referrals(session, case_id):
        if referral.organisation_id in refused:
            referral_actions.advance(
                session, referral.id, ReferralVerb.CLIENT_WITHDRAW, by=ActorRef(ReferralActor.PERSON), now=now
            )
    sealed_parts.destroy_wraps(session, case_id, refused)
    threads.destroy_for(session, case_id, refused)
    conflicts.drop_idle_traces(session, case_id, readers=sealed_parts.organisations_agreed(session, case_id))
