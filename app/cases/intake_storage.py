"""Where the fields of an intake are stored in the tables of a case, derived from the declarations in the schema.

Importing this module raises UndeclaredField when the schema names a column or a sealed part that does not exist.
"""

from collections.abc import Mapping
from typing import Any, Final

from app.cases.models import Case, PartKind
from app.intake import storage
from app.intake.schemas import Intake
from app.intake.storage import StorageClass, UndeclaredField


def check(schema: type[Intake]) -> None:
    """Raises UndeclaredField when a field is declared to be in a column or a sealed part that does not exist."""
    columns, parts = {column.name for column in Case.__table__.columns}, {part.value for part in PartKind}
    for field in storage.fields_of(schema):
        for place in field.places:
            message = f"{schema.__module__.replace('.', '/')}.py: {schema.__name__}.{field} is declared to be kept in"
            if place.document == storage.CASE and place.name not in columns:
                raise UndeclaredField(
                    f"{message} the column {place.name!r}, which the table cases (app/cases/models.py) does not have."
                )
            if place.storage_class is StorageClass.SEALED and place.document not in parts:
                raise UndeclaredField(
                    f"{message} the sealed part {place.document!r}, which Part (app/cases/models.py) does not have."
                )


check(Intake)
INTAKE_PARTS: Final = tuple(PartKind(name) for name in storage.sealed_documents(Intake))
"""The sealed parts that an intake fills; the thread and the notes are added later."""


def plain_columns(intake: Intake) -> dict[str, Any]:
    """The answers of an intake that go into plain columns of the case, by column name."""
    return storage.document(type(intake), intake.answers(), storage.CASE)


def plain_columns_of(case: Case) -> dict[str, Any]:
    """The plain columns, read from a stored case."""
    fields = storage.fields_of(Intake)
    names = [place.name for field in fields for place in field.places if place.document == storage.CASE]
    return {name: getattr(case, name) for name in names}


def facts_of(intake: Intake) -> dict[str, Any]:
    """The answers that matching needs again; they are encrypted under the epoch key."""
    return storage.document(type(intake), intake.answers(), storage.FACTS.document)


def part_of(intake: Intake, part: PartKind) -> dict[str, Any]:
    """The answers of an intake that belong to this sealed part."""
    return storage.document(type(intake), intake.answers(), part.value)


def card_of(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that an organisation sees on a referral before it accepts. Unanswered ones are left out."""
    return {name: value for name, value in storage.document(Intake, facts, storage.CARD.document).items() if value}


def notice_of(intake: Intake) -> dict[str, Any] | None:
    """Where the service may send notices to the person; None: they did not ask for any."""
    if not intake.contact.notify:
        return None
    content: dict[str, Any] = storage.document(type(intake), intake.answers(), storage.NOTICE.document)["answer_by"]
    return content


def answers_of(facts: Mapping[str, Any], parts: Mapping[PartKind, Mapping[str, Any]]) -> dict[str, Any]:
    """The answers as JSON, read back from the facts and the opened sealed parts. Deleted answers are left out."""
    sealed = {part.value: content for part, content in parts.items()}
    return storage.answers_in(Intake, {storage.FACTS.document: facts, **sealed})
