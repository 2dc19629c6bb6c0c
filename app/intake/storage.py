"""Where the fields of an intake are kept. Each field declares it once, by the `StoragePlace`s in its annotation.

Filing, correcting, the person's export and the reading of stored answers derive from these declarations; nothing else lists
fields. There are four storage classes. `plain`: a readable column of the case. `facts`: a document that is encrypted under
the server's epoch key. `sealed`: a document that is encrypted under the case's own key. `not_kept`: the answer is used and
then dropped. A field may have several places; the first one is the one that answers are read back from.

Documents hold JSON, under the published field names of `POST /v1/intakes`. The fields of a nested model stand there under
the name of the field that holds it, as in the intake itself.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Final, get_args

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo

Json = dict[str, Any]


class StorageClass(StrEnum):
    """How a stored value is protected."""

    PLAIN = "plain"
    FACTS = "facts"
    SEALED = "sealed"
    NOT_KEPT = "not_kept"


@dataclass(frozen=True, slots=True)
class StoragePlace:
    """One place where a field is kept.

    Args:
        storage_class: how the value is protected there.
        document: the document it is part of; "" for a field that is not kept.
        name: its name in the document, where that is not its published name.
        derive: computes the stored value from all answers (JSON), where that is not the field's own value.
    """

    storage_class: StorageClass
    document: str = ""
    name: str = ""
    derive: Callable[[Mapping[str, Any]], Any] | None = None


CASE: Final = "case"
"""The plain columns of the case's row."""
FACTS: Final = StoragePlace(StorageClass.FACTS, "facts")
"""In `cases.facts`: what matching needs."""
CARD: Final = StoragePlace(StorageClass.FACTS, "card")
"""In `referrals.card`, for each referral of the case: what an organisation reads before it accepts."""
NOTICE: Final = StoragePlace(StorageClass.FACTS, "notice")
"""In `person_notices.how`, only if the person asked for notices of news."""
COUNTED: Final = StoragePlace(StorageClass.PLAIN, "statistics")
"""Adds one to a number for each month and country, only if the person agreed. No row ties the number to the case."""
NOT_KEPT: Final = StoragePlace(StorageClass.NOT_KEPT)


def column(name: str, derive: Callable[[Mapping[str, Any]], Any] | None = None) -> StoragePlace:
    """A plain column of the case."""
    return StoragePlace(StorageClass.PLAIN, CASE, name, derive)


def sealed(part: str, name: str = "") -> StoragePlace:
    """In one of the case's sealed parts."""
    return StoragePlace(StorageClass.SEALED, part, name)


class UndeclaredField(TypeError):
    """A field of the intake's schema does not say where it is kept."""


@dataclass(frozen=True, slots=True)
class StoredField:
    """A field of the schema that holds a value itself. `path`: its published names, from the outermost model down."""

    path: tuple[str, ...]
    places: tuple[StoragePlace, ...]
    info: FieldInfo

    def __str__(self) -> str:
        return ".".join(self.path)

    @property
    def longest(self) -> int:
        """The most characters (or entries) that the schema allows; 0 where it names no limit."""
        return next((limit.max_length for limit in self.info.metadata if hasattr(limit, "max_length")), 0) or 0

    def value(self, document: Mapping[str, Any], name: str = "") -> Any:
        """The field's value in a document of this shape; None where the document lacks it."""
        for outer in self.path[:-1]:
            document = document.get(outer) or {}
        return document.get(name or self.path[-1])

    def put(self, document: Json, value: Any, name: str = "") -> None:
        """Set its value in a document of this shape; None is left out."""
        for outer in self.path[:-1]:
            document = document.setdefault(outer, {})
        if value is not None:
            document[name or self.path[-1]] = value

    def is_reached(self, document: Mapping[str, Any]) -> bool:
        """Whether the model that holds this field is in the document: a letter of which nothing is known is still a letter."""
        for outer in self.path[:-1]:
            document = document.get(outer)  # type: ignore[assignment]
            if document is None:
                return False
        return True


class StoredModel(BaseModel):
    """Base of the schema's models. Raises UndeclaredField while the class is made."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        _check(cls)


@cache
def fields_of(model: type[StoredModel]) -> tuple[StoredField, ...]:
    """All fields of the schema that hold a value themselves, in order; nested models are replaced by their fields."""
    return tuple(_fields(model, ()))


def _fields(model: type[BaseModel], outer: tuple[str, ...]) -> Iterator[StoredField]:
    for name, info in model.model_fields.items():
        path = (*outer, info.alias or name)
        nested = _nested(info)
        if nested is not None:
            yield from _fields(nested, path)
        else:
            yield StoredField(path, tuple(item for item in info.metadata if isinstance(item, StoragePlace)), info)


def _nested(info: FieldInfo) -> type[StoredModel] | None:
    for kind in (info.annotation, *get_args(info.annotation)):
        if isinstance(kind, type) and issubclass(kind, StoredModel):
            return kind
    return None


def _check(model: type[StoredModel]) -> None:
    file = model.__module__.replace(".", "/") + ".py"
    taken: dict[tuple[Any, ...], StoredField] = {}
    for field in _fields(model, ()):
        if not field.places:
            raise UndeclaredField(
                f"{file}: {model.__name__}.{field} does not say where it is kept. "
                "Add FACTS, column(…), sealed(…) or NOT_KEPT to its annotation: see app/intake/storage.py."
            )
        if NOT_KEPT in field.places and len(field.places) > 1:
            raise UndeclaredField(f"{file}: {model.__name__}.{field} is declared as not kept, and yet has a place.")
        for place in field.places:
            position = (place.document, *field.path[:-1], place.name or field.path[-1])
            if place is not NOT_KEPT and taken.setdefault(position, field) is not field:
                raise UndeclaredField(f"{file}: {model.__name__}.{field} and {taken[position]} share one place.")


def documents_of(model: type[StoredModel]) -> Mapping[str, StorageClass]:
    """Every document that fields of this schema are kept in, with its storage class."""
    places = [place for field in fields_of(model) for place in field.places if place is not NOT_KEPT]
    return {place.document: place.storage_class for place in places}


def sealed_documents(model: type[StoredModel]) -> tuple[str, ...]:
    return tuple(name for name, protection in documents_of(model).items() if protection is StorageClass.SEALED)


def document(model: type[StoredModel], answers: Mapping[str, Any], name: str) -> Json:
    """One document, made of answers (the intake as JSON). A value that is None is left out."""
    content: Json = {}
    for field, place in _in_document(model, name):
        if field.is_reached(answers):
            field.put(content, place.derive(answers) if place.derive else field.value(answers), place.name)
    return content


def _in_document(model: type[StoredModel], name: str) -> Iterable[tuple[StoredField, StoragePlace]]:
    return ((field, place) for field in fields_of(model) for place in field.places if place.document == name)


def answers_in(model: type[StoredModel], documents: Mapping[str, Mapping[str, Any]]) -> Json:
    """The answers that these documents hold, the inverse of `document`: each field from the first of its places that has it.

    A place with a derived value is not read: what was not answered stays unanswered.
    """
    answers: Json = {}
    for field in fields_of(model):
        for place in field.places:
            stored = documents.get(place.document, {})
            if place.derive is None and field.is_reached(stored):
                field.put(answers, field.value(stored, place.name))
            if field.value(answers) is not None:
                break
    return answers
