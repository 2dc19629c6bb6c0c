"""A letter's deadline in words, in the reader's language: one wording for every page, the copy and the API."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from app.core.i18n import N_, Translator
from app.directory.schemas import Deadline, StopsRemoval
from app.matching.deadlines import Certainty, DeadlineFinding

_ESTIMATE: Final = N_("This is an estimate, not legal advice.")
_UNKNOWN: Final = N_(
    "We do not know the deadline for this letter. It may be close, or already past. Get legal advice today."
)
_TREAT_AS: Final = N_("To be safe, treat {day} as the last day.")
_UNKNOWN_AND_PASSED: Final = N_(
    "We do not know the deadline for this letter. It may be over: act today. Speak to a lawyer."
    " You may be able to ask for more time if you missed it for a good reason."
)
_KNOWN: Final = N_(
    "You must act by {day} at the latest. Check the date in your letter: if it is earlier, that date counts."
)
_PASSED: Final = N_(
    "The deadline was probably {day}. Speak to a lawyer today."
    " You may be able to ask for more time if you missed it for a good reason."
)
CERTAINTY: Final[dict[Certainty, str]] = {
    "sourced-high": N_("We are fairly sure of this time limit."),
    "sourced-medium": N_("A lawyer should confirm this time limit."),
    "sourced-low": N_("This is our best guess; a lawyer must confirm it."),
    "assumed": "",
}
REMOVAL: Final[dict[StopsRemoval, str]] = {
    "yes": N_("An appeal made in time normally stops removal. Ask a lawyer to confirm this."),
    "no": N_("An appeal alone does not stop removal. Ask a lawyer today what else you must ask the court for."),
    "partly": N_("An appeal stops removal only in some cases. Ask a lawyer today."),
    "unknown": N_("We do not know whether an appeal stops removal. Ask a lawyer today."),
}

_DOES_NOT_STOP: Final = N_("An appeal alone does not stop removal.")


@dataclass(frozen=True, slots=True)
class DeadlineText:
    """The sentences about a deadline. A part without anything to say is empty.

    `kind`: the kind of letter, as the form's list names it. `remaining`: "That is today", "That is tomorrow", or the number of
    days. `competing`: that a shorter limit is counted.
    `also`: what else has to be done; a step with a day of its own names that day, which is one of `further_days`.
    `no_heading`, `source` and `note` are English, for lawyers.
    """

    last_safe_day: date
    is_known: bool
    passed: bool
    sentence: str
    remaining: str
    certainty: str
    competing: str
    removal: str
    kind: str
    heading: str
    no_heading: str
    appeal_to: str
    filed_through: str
    also: tuple[str, ...]
    further_days: tuple[date, ...]
    remarks: tuple[str, ...]
    source: str
    source_url: str
    note: str


def describe(finding: DeadlineFinding, today: date, translator: Translator) -> DeadlineText:
    """The deadline in words as they are true on `today`, a day in the country."""
    rule, day = finding.rule, finding.last_safe_day
    passed = day < today
    return DeadlineText(
        last_safe_day=day,
        is_known=finding.is_known,
        passed=passed,
        sentence=" ".join(
            translator.text(sentence, day=translator.date(day)) for sentence in _sentences(finding.is_known, passed)
        ),
        remaining=_remaining((day - today).days, finding.is_known, translator),
        certainty=translator.text(CERTAINTY[finding.certainty]),
        competing=translator.text(rule.shorter.because) if rule and rule.shorter and finding.is_known else "",
        removal=translator.text(_removal(rule)) if rule else "",
        kind=translator.text(rule.label or "") if rule else "",
        heading=(rule.heading or "") if rule else "",
        no_heading=(rule.no_heading or "") if rule else "",
        appeal_to=translator.text(rule.appeal_to or "") if rule else "",
        filed_through=translator.text(rule.filed_through or "") if rule else "",
        also=(*(translator.text(sentence) for sentence in (rule.also if rule else ())), *further(finding, translator)),
        further_days=tuple(one.last_safe_day for one in finding.further),
        remarks=tuple(translator.text(sentence) for sentence in rule.remarks) if rule else (),
        source=finding.source,
        source_url=finding.source_url or "",
        note=(rule.source.note or "") if rule else "",
    )


def further(finding: DeadlineFinding, translator: Translator) -> tuple[str, ...]:
    """The further steps that a letter makes due, each with its day where that is known."""
    days = {one.rule.event: one.last_safe_day for one in finding.further}
    return tuple(
        translator.text(step.by, day=translator.date(days[step.event]))
        if step.event in days
        else translator.text(step.undated)
        for step in (finding.rule.then if finding.rule else ())
    )


def _removal(rule: Deadline) -> str:
    """The sentence on whether an appeal stops removal.

    If other things to do are shown beside it, without the advice to ask about it.
    """
    if rule.stops_removal == "no" and rule.also:
        return _DOES_NOT_STOP
    return REMOVAL[rule.stops_removal] if rule.stops_removal else ""


def _sentences(is_known: bool, passed: bool) -> tuple[str, ...]:
    if is_known:
        return (_PASSED if passed else _KNOWN, _ESTIMATE)
    return (_UNKNOWN_AND_PASSED,) if passed else (_UNKNOWN, _TREAT_AS)


def _remaining(days: int, is_known: bool, translator: Translator) -> str:
    if days == 0:
        return translator.text(N_("That is today."))
    if days == 1:
        return translator.text(N_("That is tomorrow."))
    n_ = translator.plural  # the name by which counted messages are extracted
    return n_("{n} day is left.", "{n} days are left.", days) if days > 1 and is_known else ""
