"""The rule language as typed data: `all`, `any`, `not` over a closed list of leaf tests. No evaluation here.

A leaf states what the service requires, never a ground for refusal: `{status: {any_of: [asylum_seeker]}}`.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Answer = Literal["yes", "no", "unknown"]
Codes = Annotated[tuple[str, ...], Field(min_length=1)]
LEAVES = (
    "need", "country", "region", "language", "status", "group", "nationality", "gender", "age", "urgency",
    "deadline_within", "remote_ok", "consent_allows", "accepts_referrals", "capacity",
)  # fmt: skip

STATUSES: Final = frozenset(
    {"asylum_seeker", "protected", "temporary_protection", "residence_permit", "visa", "visa_free", "no_status"}
)
GROUPS: Final = frozenset(
    {"activist", "journalist", "lawyer", "human_rights_defender", "lgbtq", "draft_refuser", "ngo_worker", "student"}
)
AGES: Final = frozenset({"minor", "adult"})
GENDERS: Final = frozenset({"woman", "man"})
URGENCIES: Final = frozenset({"emergency", "urgent", "normal"})


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AnyOf(_Strict):
    any_of: Codes


class RegionTest(AnyOf):
    """Regions in which somebody has to live.

    `only_part`: the service covers only this place of the region, so living in the region alone is not a yes.
    """

    only_part: str | None = None


class StatusTest(AnyOf):
    """Statuses of which somebody has to have one.

    `perhaps`: statuses that only some of the people meant here hold, so such a status alone is not a yes.
    """

    perhaps: tuple[str, ...] = ()


class LanguageTest(_Strict):
    """Languages in which the service works, from its source; empty if the source names none.

    `interpreter: no`: it works only in these languages.
    """

    any_of: tuple[str, ...] = ()
    interpreter: Answer = "unknown"


class Rule(_Strict):
    """One node of a rule: exactly one member is set."""

    all: tuple["Rule", ...] | None = Field(default=None, min_length=1)
    any: tuple["Rule", ...] | None = Field(default=None, min_length=1)
    not_: "Rule | None" = Field(default=None, alias="not")
    need: AnyOf | None = None
    country: AnyOf | None = None
    region: RegionTest | None = None
    language: LanguageTest | None = None
    status: StatusTest | None = None
    group: AnyOf | None = None
    nationality: AnyOf | None = None
    gender: AnyOf | None = None
    age: AnyOf | None = None
    urgency: AnyOf | None = None
    deadline_within: int | None = Field(default=None, ge=0, le=365)
    remote_ok: Answer | None = None
    consent_allows: Literal[True] | None = None
    accepts_referrals: Literal[True] | None = None
    capacity: Literal[True] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "Rule":
        if len(self.model_fields_set) != 1 or self.test is None:
            raise ValueError("a rule has exactly one of all, any, not, or one leaf test")
        return self

    @property
    def kind(self) -> str:
        """The name of the member that is set; `not_` for a negation."""
        return next(iter(self.model_fields_set))

    @property
    def test(self) -> Any:
        return getattr(self, self.kind)

    def leaves(self) -> "Iterator[Rule]":
        """All leaf tests of the rule, in reading order."""
        if self.kind in {"all", "any"}:
            for child in self.test:
                yield from child.leaves()
        elif self.kind == "not_":
            yield from self.test.leaves()
        else:
            yield self
