"""An intake with every field set is filed and corrected: each field is found where the schema says, and nowhere else.

The values come from the schema, so that a new field is in this test without a line here.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final, Literal, get_args, get_origin
from uuid import UUID

import pytest
import sqlalchemy as sa

from app import privacy
from app.cases import intake_storage, person_access, sealed_parts, transitions
from app.cases.models import Case, PartKind, SealedPart
from app.casework import corrections, referral_actions
from app.casework.filing import file_intake
from app.core import sealing
from app.core.db import Base
from app.directory.packs import load_packs
from app.intake import questions, storage
from app.intake.models import PersecutionCount
from app.intake.receipts import Receipt
from app.intake.schemas import Intake
from app.intake.storage import COUNTED, FACTS, NOT_KEPT, StorageClass, StoredField, sealed
from app.matching.code_names import CodeNames
from app.messaging.models import PersonNotices
from app.referrals.models import Referral
from app.web.person import form_fields
from tests.support.cases import COORDINATOR
from tests.support.people import CENTRE, PersonSite

# Codes that the directory has to know. All other values are made from the field's type.
CODES: Final[tuple[dict[str, Any], dict[str, Any]]] = (
    {
        "language": "be", "needs": ["citizenship"], "country": "PL", "region": "PL-22", "speak": ["ka", "lt"],
        "letter.kind": "asylum_appeal_regular", "letter.received_on": "2026-10-29",
        "letter.earlier_on": "2026-10-28", "letter.asked_on": "2026-10-29", "nationality": "TM",
        "status": "no_status", "groups": ["lgbtq"], "helps": ["large_print", "other_language"], "happened": ["police_talk"],
        "answer_by.channel": "telegram", "consent.mode": "named", "consent.organisations": [CENTRE],
        "consent.never": ["pl-sip"],
    },
    {
        "language": "uk", "needs": ["detention"], "country": "PL", "region": "PL-14", "speak": ["be", "en"],
        "letter.kind": "return_decision_appeal", "letter.received_on": "2026-10-30",
        "letter.earlier_on": "2026-10-27", "letter.asked_on": "2026-10-26", "nationality": "KG",
        "status": "visa_free", "groups": ["draft_refuser"], "helps": ["hard_to_read", "other_language"], "happened": ["dismissal"],
        "answer_by.channel": "whatsapp", "consent.mode": "named", "consent.organisations": [CENTRE],
        "consent.never": ["pl-sip"],
    },
)  # fmt: skip
ADDED_IN_STORAGE: Final = {("story", "at")}
"""What a document holds beside the answers: the exact moment."""
NOT_ANSWERS: Final = {
    "id", "label", "receipt_id", "state", "version", "team_id", "last_safe_day", "deadline_certainty", "due_on",
    "waiting_since", "owner_id", "owner_name", "snoozed_until", "person_wrote", "referral_status", "merged_into_id", "held_reason",
    "restricted", "unread_letter", "compared_with",
    "referred_by", "uncovered", "facts", "facts_version", "closed_at", "forget_at", "updated_at", "urgency", "urgency_rank",
}  # fmt: skip
"""Columns of a case that are no answers. A new column is either one of these or is declared by a field of the schema."""


def full_answers(schema: type[Intake], n: int) -> dict[str, Any]:
    """Answers that set every field of the schema; `n`: 0 or 1, two sets that differ."""
    answers: dict[str, Any] = {}
    for field in storage.fields_of(schema):
        field.put(answers, CODES[n][str(field)] if str(field) in CODES[n] else made_up(field, n))
    return answers


def made_up(field: StoredField, n: int) -> Any:
    kind = next(
        (one for one in (field.info.annotation, *get_args(field.info.annotation)) if one is not type(None)), None
    )
    if get_origin(kind) is Literal:
        return get_args(kind)[-1 - n]
    if get_origin(kind) is tuple and get_origin(get_args(kind)[0]) is Literal:
        return [get_args(get_args(kind)[0])[-1 - n]]
    if kind is bool:
        return True
    if kind is str:
        return f"Zyx{n} {field} 48600{n}773154"
    pytest.fail(f"tests/web/test_intake_fields.py: no value for {field}: name one in CODES.")


def leaves(content: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(content, Mapping):
        for name, inner in content.items():
            yield from leaves(inner, (*path, str(name)))
    else:
        yield path, content


@dataclass
class Stored:
    """All that is stored of one case, opened: documents by name, and the readable columns of every row that is new."""

    documents: dict[str, Mapping[str, Any]]
    plain: dict[str, set[str]]


@dataclass
class Play:
    """The service, and one case in it."""

    person_site: PersonSite
    before: frozenset[tuple[str, str]] = frozenset()
    case_id: UUID | None = None
    receipt: Receipt | None = None

    def rows(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        with self.person_site.database.begin(write=False) as session:
            for table in Base.metadata.tables.values():
                yield from ((table.name, row) for row in session.execute(sa.select(table)).mappings().all())

    def file(self, intake: Intake) -> None:
        self.before = frozenset((name, repr(row)) for name, row in self.rows())
        with self.person_site.database.begin() as session:
            filed = file_intake(
                session, intake, keys=self.person_site.keys, directory=load_packs(), now=self.person_site.time()
            )
        self.case_id, self.receipt = filed.case_id, filed.receipt

    def opened(self, session: Any) -> person_access.OpenedCase:
        assert self.receipt is not None
        return person_access.open_by_receipt(
            session, self.receipt, self.person_site.keys, self.person_site.time(), lock=True
        )

    def correct(self, intake: Intake) -> None:
        self.person_site.time.at += timedelta(minutes=5)
        with self.person_site.database.begin() as session:
            corrections.correct(
                session,
                self.opened(session),
                intake,
                keys=self.person_site.keys,
                directory=load_packs(),
                now=self.person_site.time(),
            )

    def refer(self) -> None:
        with self.person_site.database.begin() as session:
            assert self.case_id is not None
            case = transitions.locked(session, self.case_id)
            referral_actions.create(
                session,
                self.person_site.keys,
                case,
                f"{CENTRE}/legal-help",
                by=COORDINATOR,
                now=self.person_site.time(),
            )

    def exported(self) -> dict[str, Any]:
        with self.person_site.database.begin() as session:
            return privacy.export(session, self.opened(session), self.person_site.keys)

    def stored(self) -> Stored:
        keys = self.person_site.keys
        with self.person_site.database.begin() as session:
            opened = self.opened(session)
            case = opened.case
            assert case.facts is not None
            case_columns = [column.name for column in Case.__table__.columns]
            documents: dict[str, Mapping[str, Any]] = {
                "case": {name: getattr(case, name) for name in case_columns if name not in NOT_ANSWERS},
                "facts": sealed_parts.decrypt_facts(keys, case.id, case.facts_version, case.facts),
            }
            for row in session.scalars(sa.select(SealedPart).where(SealedPart.case_id == case.id)):
                documents[row.part] = sealed_parts.open_part(opened.person_key, row).content
            referral = session.scalars(sa.select(Referral).where(Referral.case_id == case.id)).one()
            card = keys.decrypt(referral.card or b"", "referrals", str(referral.id), "card", "1")
            documents["card"] = json.loads(sealing.unpad(card))
            row_ = session.get_one(PersonNotices, case.id)
            how = keys.decrypt(row_.how, "person_notices", str(case.id), "how", "1")
            documents["notice"] = {"answer_by": json.loads(sealing.unpad(how))}
        plain: dict[str, set[str]] = {}
        for table, row in self.rows():
            if (table, repr(row)) not in self.before:
                plain.setdefault(table, set()).update(text for value in row.values() for text in texts(value))
        return Stored(documents, plain)


def texts(value: Any) -> Iterator[str]:
    """The readable texts in a value of a column or of an answer."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple | set):
        for item in value:
            yield from texts(item)
    elif value is not None and not isinstance(value, bool | int | bytes):
        yield str(value)


def check_places(stored: Stored, answers: Mapping[str, Any], schema: type[Intake] = Intake) -> None:
    """Each field is in each of its documents with its value, no document holds more, and no other column shows it."""
    declared: dict[str, set[tuple[str, ...]]] = {}
    for field in storage.fields_of(schema):
        for place in field.places:
            if place in (NOT_KEPT, COUNTED):
                continue
            path = (*field.path[:-1], place.name or field.path[-1])
            declared.setdefault(place.document, set()).add(path)
            expected = place.derive(answers) if place.derive else field.value(answers)
            value = field.value(stored.documents[place.document], place.name)
            assert value == expected, f"{field} in {place.document}"
    for name, content in stored.documents.items():
        held = {path for path, _value in leaves(content) if (name, *path) not in ADDED_IN_STORAGE}
        assert held == declared.get(name), f"the document {name}"
    for field in storage.fields_of(schema):
        in_columns = {place.document for place in field.places if place.storage_class is StorageClass.PLAIN}
        hidden = set(texts(field.value(answers)))
        for table, shown in stored.plain.items():
            if "case" in in_columns or (COUNTED.document in in_columns and table == PersecutionCount.__tablename__):
                continue
            readable = {text for text in hidden if any(text == one or (len(text) > 9 and text in one) for one in shown)}
            assert not readable, f"{field} can be read in {table}"


def check_read_back(play: Play, answers: Mapping[str, Any], schema: type[Intake] = Intake) -> None:
    """Export, the answers to correct, and the page with the copy have every field that is kept."""
    kept = [field for field in storage.fields_of(schema) if NOT_KEPT not in field.places]
    document = play.exported()
    parts = {entry["part"]: entry for entry in document["parts"]}
    exported = {"case": document["case"], "facts": document["facts"], **parts}
    for field in kept:
        for place in field.places:
            if place.document in exported:
                expected = place.derive(answers) if place.derive else field.value(answers)
                assert field.value(exported[place.document], place.name) == expected, f"{field} in the export"
        assert any(place.document in exported for place in field.places), f"{field} is not exported"
    with play.person_site.database.begin() as session:
        again = corrections.answers_of(session, play.opened(session), play.person_site.keys)
    for field in kept:
        assert field.value(again) == field.value(answers), f"{field} is read back"
    check_copy(play, answers, kept)


def check_copy(play: Play, answers: Mapping[str, Any], kept: list[StoredField]) -> None:
    assert play.receipt is not None
    browser = play.person_site.browser().open("/en/return").fill(number=play.receipt.grouped())
    page = browser.fill("/case/copy").text
    names = CodeNames("en", load_packs())
    asked = {str(question.stored): question for question in questions.QUESTIONS.values()}
    typed = questions.to_form(answers)
    for field in kept:
        question = asked.get(str(field))
        if question is None:
            assert str(field) in questions.ELSEWHERE or str(field) in questions.API_ONLY, f"{field} is not in the copy"
            continue
        (shown,) = form_fields.fields([question], typed, {}, names, load_packs())
        assert shown.label in page, f"{field} is not in the copy"
        assert all(label in page for label in shown.chosen), f"{field} is not in the copy"
        if question.kind in {questions.FieldKind.TEXT, questions.FieldKind.AREA}:
            assert shown.value in page, f"{field} is not in the copy"
    for slug in (*answers["consent"]["organisations"], *answers["consent"]["never"]):
        name = load_packs().organisation(slug).name
        assert (name.local or name.en) in page


@pytest.fixture
def play(person_site: PersonSite) -> Play:
    return Play(person_site)


def test_each_field_is_kept_where_it_says_and_nowhere_else(play: Play) -> None:
    intake = Intake.model_validate(full_answers(Intake, 0))
    play.file(intake)
    play.refer()
    check_places(play.stored(), intake.answers())
    check_read_back(play, intake.answers())


def test_after_a_correction_each_field_is_found_there_with_its_new_value(play: Play) -> None:
    play.file(Intake.model_validate(full_answers(Intake, 0)))
    intake = Intake.model_validate(full_answers(Intake, 1))
    play.correct(intake)
    play.refer()
    check_places(play.stored(), intake.answers())
    check_read_back(play, intake.answers())


# --- the test tests itself ---------------------------------------------------------------------------------------------


class Longer(Intake):
    """The schema with one more field, of each storage class."""

    shoe_size: Annotated[str, FACTS] = ""
    hat_size: Annotated[str, sealed("contact")] = ""
    glove_size: Annotated[str, NOT_KEPT] = ""


class OtherPlaces(Intake):
    """The schema with other declarations than the service was built with."""

    status: Annotated[str | None, NOT_KEPT] = None


class Sealed(Intake):
    nationality: Annotated[str | None, sealed("story")] = None


def test_a_new_field_is_kept_by_its_declaration_alone(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    intake = Longer.model_validate(full_answers(Longer, 0))
    play.file(intake)
    play.refer()
    check_places(play.stored(), intake.answers(), Longer)
    with play.person_site.database.begin() as session:
        assert "shoe_size" not in corrections.answers_of(session, play.opened(session), play.person_site.keys)
        monkeypatch.setattr(intake_storage, "Intake", Longer)
        again = corrections.answers_of(session, play.opened(session), play.person_site.keys)
    assert (again["shoe_size"], again["hat_size"]) == (intake.shoe_size, intake.hat_size)
    assert "glove_size" not in again


def test_a_field_that_is_kept_elsewhere_or_not_at_all_is_seen(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    intake = Longer.model_validate(full_answers(Longer, 0))
    play.file(intake)
    play.refer()
    stored, answers = play.stored(), intake.answers()
    with pytest.raises(AssertionError, match="the document facts"):
        check_places(stored, answers)
    for schema, message in ((OtherPlaces, "the document facts"), (Sealed, "nationality in story")):
        with pytest.raises(AssertionError, match=message):
            check_places(stored, answers, schema)
    leak = Stored(stored.documents, {**stored.plain, "audit_log": {f"opened {intake.call_me}"}})
    with pytest.raises(AssertionError, match="call_me can be read in audit_log"):
        check_places(leak, answers, Longer)
    with pytest.raises(AssertionError, match="shoe_size is read back"):
        check_read_back(play, answers, Longer)


def test_a_part_that_filing_forgets_is_seen(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = intake_storage.part_of

    def without_the_name(intake: Intake, part: PartKind) -> dict[str, Any]:
        return {name: value for name, value in whole(intake, part).items() if name != "call_me"}

    monkeypatch.setattr(intake_storage, "part_of", without_the_name)
    intake = Intake.model_validate(full_answers(Intake, 0))
    play.file(intake)
    play.refer()
    with pytest.raises(AssertionError, match="call_me in contact"):
        check_places(play.stored(), intake.answers())
