"""Input typed on the case page and not sent yet.

Its actions share one form, so that none of them loses what was typed for another.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final
from uuid import UUID

from app.intake.questions import FormFields
from app.web.components.date_fields import names as date_names
from app.web.components.forms import field_value

MESSAGE: Final = ("text",)
NOTE: Final = ("note",)
WORDS: Final = (*MESSAGE, *NOTE)
"""The fields that hold sentences."""
OWNER: Final = ("member", "was_member")
SNOOZE: Final = date_names("until")
MERGE: Final = ("into",)
HOUSEHOLD: Final = ("other",)
MOVE: Final = ("country",)
NAMED: Final = ("named_",)
CONTACT: Final = ("purpose",)
CLOSE: Final = ("verb", "end_")
"""The fields of each action. A name that ends in `_` stands for all that begin with it, one for each need."""
_TYPED: Final = (*MESSAGE, *NOTE, *SNOOZE, *MERGE, *HOUSEHOLD, "verb")
_CHOSEN: Final = (*OWNER, *MOVE, *CONTACT)
_OPENED: Final = ("words", "contact")
_MOST: Final = 200
_NAMED_MEMBER: Final = "named_@"
"""Begins the name of a tick; the rest is the member's id. With its @ it stays on the page like whatever else is typed."""


@dataclass(frozen=True, slots=True)
class TypedInput:
    """The fields as they were sent, by name, and the sealed parts that were open on the page (`words`, `contact`)."""

    fields: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    opened: frozenset[str] = frozenset()

    @property
    def is_unsent(self) -> bool:
        """Whether something was typed or chosen that no action has used."""
        chosen = self.fields.get("member") not in {None, self.fields.get("was_member", "")}
        return chosen or any(
            value for name, value in self.fields.items() if name in _TYPED or name.startswith(("end_", "whom@"))
        )

    def with_text(self, more: str) -> "TypedInput":
        """A copy of the input with a text added to the message."""
        before = self.fields.get("text", "").rstrip()
        return TypedInput({**self.fields, "text": f"{before}\n\n{more}" if before else more}, self.opened)


def named_members(form: FormFields) -> list[UUID]:
    """The members who are ticked to be named for a restricted case. What is no id stands for nobody."""
    found = []
    for name in form:
        if name.startswith(_NAMED_MEMBER) and field_value(form, name) == "yes":
            try:
                found.append(UUID(hex=name.removeprefix(_NAMED_MEMBER)))
            except ValueError:
                continue
    return found[:_MOST]


def read(form: FormFields, *, but: Collection[str] = ()) -> TypedInput:
    """What was typed for other actions than the one that was done: without the fields `but` and those of what it acted on."""
    acted_on = field_value(form, "of")
    gone = tuple(name for name in but if name.endswith("_"))
    names = [
        name
        for name in form
        if (name in _TYPED or name in _CHOSEN or name.startswith("end_") or "@" in name)
        and name not in but
        and not (gone and name.startswith(gone))
        and not (acted_on and name.endswith(f"@{acted_on}"))
    ]
    fields = {name: field_value(form, name) for name in names[:_MOST]}
    return TypedInput(fields, frozenset(field_value(form, "open").split()) & frozenset(_OPENED))
