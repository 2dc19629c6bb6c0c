"""Schemas of the entries of a country pack, as written in YAML."""

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.directory.rules import Answer, Rule

Confidence = Literal["high", "medium", "low"]
Day = Literal["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
TIME = r"^([01]\d|2[0-3]):[0-5]\d$"
SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*$"
CODE = r"^[a-z0-9]+(_[a-z0-9]+)*$"


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(Entry):
    """The source of a fact and how certain it is. `date`: of the page, if known."""

    title: str
    url: str | None = None
    date: str | None = None
    confidence: Confidence
    note: str | None = None


class Name(Entry):
    en: str
    local: str | None = None


class Hours(Entry):
    """Open on these days from `opens` to `closes` (local time, HH:MM). No `days`: the source does not say on which."""

    days: tuple[Day, ...] = ()
    opens: str = Field(pattern=TIME)
    closes: str = Field(pattern=TIME)


class Service(Entry):
    """One form of help at a centre, with the rule that says who can get it.

    `takes_referrals: no`: the person has to go there or call; it is shown but never offered. `means_test`: it checks the
    person's income, which the form never asks. `selective`: it chooses its cases.
    """

    id: str = Field(pattern=SLUG)
    name: Name
    cost: Literal["free", "state_funded", "unknown"]
    representation: Answer
    remote: Answer
    takes_referrals: Answer = "unknown"
    means_test: bool = False
    selective: bool = False
    needs: tuple[str, ...] = Field(min_length=1)
    rule: Rule


class Organisation(Entry):
    """A centre, or an authority. An authority decides on people's cases and never receives a referral.

    `state_run`: a body or scheme of the state that helps; people are told that it is the state. `address`: where people can go,
    as the source writes it. `hours`: for visits; `phone_hours`: when the phone is answered.
    """

    id: str = Field(pattern=SLUG, max_length=64)
    name: Name
    kind: Literal["centre", "authority"]
    state_run: bool = False
    city: str | None = None
    address: str | None = None
    website: str | None = None
    email: str | None = None
    phone: str | None = None
    eligibility: str | None = None
    hours: tuple[Hours, ...] = ()
    phone_hours: tuple[Hours, ...] = ()
    safety: tuple[str, ...] = ()
    source: Source
    services: tuple[Service, ...] = ()

    @model_validator(mode="after")
    def _an_authority_offers_nothing(self) -> "Organisation":
        if (self.kind == "authority") == bool(self.services):
            raise ValueError("a centre has services and an authority has none")
        return self


class Helper(Entry):
    """A body that helps people who are in no country with a pack. It is shown with its contacts and never sent a request.

    `country`: where it works, or XX: from afar; then `places` are the countries it helps people in, and without them all.
    """

    id: str = Field(pattern=SLUG, max_length=64)
    name: Name
    country: str = Field(pattern=r"^[A-Z]{2}$")
    places: tuple[str, ...] = ()
    city: str | None = None
    address: str | None = None
    website: str | None = None
    email: str | None = None
    phone: str | None = None
    eligibility: str | None = None
    hours: tuple[Hours, ...] = ()
    phone_hours: tuple[Hours, ...] = ()
    safety: tuple[str, ...] = ()
    needs: tuple[str, ...] = Field(min_length=1)
    languages: tuple[str, ...] = ()
    remote: Answer
    cost: Literal["free", "state_funded", "unknown"]
    source: Source
    state_run: bool = False


class Limit(Entry):
    value: int = Field(ge=1, le=400)
    unit: Literal["calendar_days", "working_days", "hours", "months"]


class ShorterLimit(Limit):
    """Another limit that may apply to the same letter: the earlier day counts. `because`: the sentence that tells the person."""

    because: str


class FurtherStep(Entry):
    """Another step that the same letter makes due on a day of its own, counted from the same day as the letter's own limit.

    Args:
        event: the row with its limit and source.
        by: what has to be done, with `{day}`.
        undated: the same where the day is not known.
    """

    event: str = Field(pattern=CODE)
    by: str
    undated: str

    @model_validator(mode="after")
    def _the_sentence_names_the_day(self) -> "FurtherStep":
        if "{day}" not in self.by:
            raise ValueError("by: the sentence has no {day}")
        return self


StopsRemoval = Literal["yes", "no", "partly", "unknown"]


class Deadline(Entry):
    """A legal time limit. `letter_kind`: people can recognise it by a letter; `label` names that letter.

    Args:
        heading: the letter's own heading, in the language of the country: what the letter looks like, never a test.
        no_heading: why a kind of letter has none. English, for lawyers.
        then: what else the letter makes due, each on a day of its own.
        shorter: a shorter limit that competes with `limit`.
        own_counting: a procedure to which the country's general rule of counting does not apply.
        suspensive: whether the appeal stops removal; the first word is yes, no, partly or something else.
        appeal_to, filed_through: the body that decides the appeal, and the one that it is handed in through.
        also: the other things that are due, one sentence each, for the person.
        remarks: what the person has to know about the limit, one sentence each: the plain words of `source.note`.
        if_missed: of a letter: the row on restoring its time limit after it was missed without fault. None: no source says.
        in_words: of a row that `if_missed` names: what it says, for the person. Worded so that it is true for a helper too.
    """

    event: str = Field(pattern=CODE)
    title: str
    letter_kind: bool = False
    label: str | None = None
    heading: str | None = None
    no_heading: str | None = None
    limit: Limit | None = None
    shorter: ShorterLimit | None = None
    counted_from: str | None = None
    rolls_over: Answer
    own_counting: bool = False
    suspensive: str | None = None
    appeal_to: str | None = None
    filed_through: str | None = None
    also: tuple[str, ...] = ()
    then: tuple[FurtherStep, ...] = ()
    remarks: tuple[str, ...] = ()
    if_missed: str | None = None
    in_words: str | None = None
    legal_basis: str | None = None
    source: Source

    @property
    def stops_removal(self) -> StopsRemoval | None:
        """Whether the appeal stops removal, as a code; None for a row that is not about an appeal."""
        if self.suspensive is None:
            return None
        first = re.split(r"\W", self.suspensive, maxsplit=1)[0].lower()
        if first == "only":
            return "partly"
        return first if first in {"yes", "no", "partly"} else "unknown"  # type: ignore[return-value]

    @property
    def is_about_an_appeal(self) -> bool:
        """Whether the limit is for an appeal. Others set a day by which somebody has to go somewhere or leave."""
        return self.appeal_to is not None or self.filed_through is not None

    @model_validator(mode="after")
    def _a_letter_has_a_label(self) -> "Deadline":
        if self.letter_kind != bool(self.label):
            raise ValueError("a letter kind has a label, and nothing else has one")
        return self

    @model_validator(mode="after")
    def _a_letter_has_a_heading_or_says_why_not(self) -> "Deadline":
        if self.letter_kind != (bool(self.heading) != bool(self.no_heading)):
            raise ValueError("a letter kind has a heading, or no_heading says why not; nothing else has one")
        return self

    @model_validator(mode="after")
    def _a_shorter_limit_has_a_longer_one(self) -> "Deadline":
        if self.shorter and not self.limit:
            raise ValueError("shorter: there is no limit that it could be shorter than")
        return self


class Contact(Entry):
    """A phone line. `needs`: the needs that it is for; empty: everybody.

    `authority`: the police answers, or an office that decides on cases. `state_run`: a state body that helps answers.
    """

    purpose: str = Field(pattern=CODE)
    name: str
    phone: str
    hours: str | None = None
    languages: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    authority: bool = False
    state_run: bool = False
    source: Source


class Region(Entry):
    """A region. `local`: its local name; `en`: its English name, if different."""

    local: str
    en: str | None = None


class Counting(Entry):
    """The country's general rule for counting days. The day of the event never counts.

    `rolls_over`: whether a last day on a day off moves to the next working day; `deadline`: the row with the source.
    """

    rolls_over: bool
    legal_basis: str
    deadline: str


class Country(Entry):
    """A host country. `opens` and `closes`: usual office hours on a working day, local time.

    `postcode`: a regular expression for its postcodes. `frame`: the law above the country's own, whose rows are in the pack of
    that name; none for a country outside it.
    """

    code: str = Field(pattern=r"^[A-Z]{2}$")
    name: str
    time_zone: str
    languages: tuple[str, ...] = Field(min_length=1)
    holidays: str
    frame: Literal["EU"] | None = None
    opens: str = Field(default="09:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    closes: str = Field(default="18:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    regions: dict[str, Region]
    counting: Counting | None = None
    safety: tuple[str, ...] = ()
    postcode: str = Field(default="", max_length=60)

    def has_postcode(self, text: str) -> bool:
        """Whether the text has the form of the country's postcodes."""
        return bool(self.postcode) and re.fullmatch(self.postcode, text.strip().upper(), re.ASCII) is not None


class Need(Entry):
    """A need and its neighbours in the graph, each with the reason why: `{appeals: "it is fought by an appeal"}`.

    `kind`: under which heading the form shows it (`app.intake.vocabulary.NEED_KINDS`).
    """

    id: str = Field(pattern=CODE)
    label: str
    kind: Literal["stay", "danger", "violence", "life", "people", "other"]
    broader: dict[str, str] = Field(default_factory=dict)
    related: dict[str, str] = Field(default_factory=dict)


class Persecution(Entry):
    code: str = Field(pattern=CODE)
    phase: Literal["pre_emptive_fear", "direct_repression", "designation", "administrative", "criminal", "abroad"]
    label: str
    legal_provision: str | None = None
    confidence: Confidence
    note: str | None = None


class Term(Entry):
    """A legal concept and its term in each language. `read_in`: the source of a term."""

    id: str = Field(pattern=CODE)
    words: dict[str, str] = Field(min_length=1)
    read_in: tuple[str, ...] = ()
    source: str | None = None
    url: str | None = None
    note: str | None = None


class Terms(Entry):
    terms: tuple[Term, ...]


class Organisations(Entry):
    organisations: tuple[Organisation, ...]


class Guidance(Entry):
    """A short fact for somebody who waits and has this need. The order in the file is the order in which it is shown.

    Args:
        leads_to_the_state: it sends people to a state body that they should not turn to without permission to stay.
        letters: kinds of letter of the country that it is about. It comes first for somebody who holds one, whatever they need.
        before_decision: it is about an application that is still open. It comes last for somebody who holds the decision on it.
    """

    need: str = Field(pattern=CODE)
    fact: str = Field(min_length=1, max_length=260)
    leads_to_the_state: bool = False
    letters: tuple[str, ...] = ()
    before_decision: bool = False
    source: Source


class GuidanceFile(Entry):
    guidance: tuple[Guidance, ...]


class Helpers(Entry):
    helpers: tuple[Helper, ...]


class ServiceRule(Entry):
    """When a letter counts as delivered. `look_at`: where a person can find the day, as one sentence for them."""

    rule: str = Field(pattern=CODE)
    look_at: str
    source: Source


class Deadlines(Entry):
    deadlines: tuple[Deadline, ...]
    service_rules: tuple[ServiceRule, ...] = ()


class Contacts(Entry):
    contacts: tuple[Contact, ...]


class Needs(Entry):
    needs: tuple[Need, ...]


class Codes(Entry):
    codes: tuple[Persecution, ...]
