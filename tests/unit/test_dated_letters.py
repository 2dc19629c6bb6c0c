"""120 made-up letters, counted a second time from the table of facts by other code: no day of ours is later than the law's.

This count has its own calendar (holidays by hand, both Easters) and takes from the packs only the kinds that a person can choose.
"""

import csv
import random
from datetime import date, timedelta
from pathlib import Path

import pytest

from app.core.i18n import LANGUAGES, translator
from app.directory.packs import load_packs
from app.matching import deadline_texts
from app.matching.deadlines import assess

PACKS = load_packs()
COUNTRIES = ("PL", "LT", "GE", "DE")
with (Path(__file__).parents[1] / "data" / "deadlines.csv").open(encoding="utf-8", newline="") as file:
    FACTS = {(row["country"], row["event"]): row for row in csv.DictReader(file)}
COMPETING = {
    ("LT", "asylum_appeal_accelerated"): 5, ("LT", "decision_appeal_general"): 7, ("DE", "detention_complaint"): 14,
    ("DE", "asylum_appeal_manifestly_unfounded"): 5, ("DE", "asylum_appeal_inadmissible"): 5,
    ("DE", "asylum_appeal_followup_inadmissible"): 5, ("DE", "reopen_discontinued_asylum"): 5,
}  # fmt: skip
"""Days of a shorter limit that may hold for the same letter."""
GENERAL_RULE = {"PL", "DE"}
"""Countries with a sure general rule that a last day off moves on; not in criminal procedure, which Polish detention follows,
and not for a day by which somebody has to be somewhere: there the earlier day is the careful one."""
UNDER_ANOTHER_RULE = {
    ("PL", "detention_order_complaint"), ("PL", "detention_release_refusal_complaint"), ("PL", "report_to_reception_centre"),
    ("PL", "departure_after_residence_refusal"),
}  # fmt: skip
FIXED = {
    "PL": "0101 0106 0501 0503 0815 1101 1111 1224 1225 1226",
    "DE": "0101 0501 1003 1225 1226",
    "LT": "0101 0216 0311 0501 0624 0706 0815 1101 1102 1224 1225 1226",
    "GE": "0101 0102 0107 0119 0303 0308 0409 0509 0512 0517 0526 0828 1014 1123",
}
AROUND_EASTER = {"PL": (0, 1, 49, 60), "DE": (-2, 1, 39, 50), "LT": (0, 1), "GE": (-2, -1, 0, 1)}


def western_easter(year: int) -> date:
    golden, century = year % 19, year // 100
    epact = (century - century // 4 - (8 * century + 13) // 25 + 19 * golden + 15) % 30
    full = epact - (epact // 28) * (1 - (epact // 28) * (29 // (epact + 1)) * ((21 - golden) // 11))
    back = full - (year + year // 4 + full + 2 - century + century // 4) % 7
    month = 3 + (back + 40) // 44
    return date(year, month, back + 28 - 31 * (month // 4))


def orthodox_easter(year: int) -> date:
    shift = (19 * (year % 19) + 15) % 30
    weekday = (2 * (year % 4) + 4 * (year % 7) - shift + 34) % 7
    month, day = divmod(shift + weekday + 114, 31)
    return date(year, month, day + 1) + timedelta(days=13)


def is_off(country: str, day: date) -> bool:
    easter = orthodox_easter(day.year) if country == "GE" else western_easter(day.year)
    return (
        day.isoweekday() > 5 or f"{day:%m%d}" in FIXED[country].split() or (day - easter).days in AROUND_EASTER[country]
    )


def by_law(country: str, event: str, start: date) -> date | None:
    """The last day by the facts; None: they give no limit."""
    row = FACTS.get((country, event))
    if row is None or not row["limit_value"]:
        return None
    value, unit = int(row["limit_value"]), row["limit_unit"]
    moves = row["rolls_over"] == "yes" or (
        row["rolls_over"] == "unknown" and country in GENERAL_RULE and (country, event) not in UNDER_ANOTHER_RULE
    )
    if unit == "working_days":
        day = start
        for _ in range(value):
            day += timedelta(days=1)
            while is_off(country, day):
                day += timedelta(days=1)
        return day
    if unit == "months":
        month = start.month + value
        year, month = start.year + (month - 1) // 12, (month - 1) % 12 + 1
        number = start.day
        ends = [
            min(
                date(year + month // 12, month % 12 + 1, 1).toordinal() - 1,
                date(year, month, 1).toordinal() + number - 1,
            )
        ]
    else:
        ends = [start.toordinal() + value]
    if (country, event) in COMPETING:
        ends.append(start.toordinal() + COMPETING[country, event])
    return moved(country, date.fromordinal(min(ends)), moves)


def moved(country: str, day: date, moves: bool) -> date:
    while moves and is_off(country, day):
        day += timedelta(days=1)
    return day


def letters() -> list[tuple[str, str, date]]:
    chance = random.Random(120)
    kinds = [(country, row.event) for country in COUNTRIES for row in PACKS.deadlines(country) if row.letter_kind]
    first = date(2026, 6, 1)
    dated = [(*kind, first + timedelta(days=chance.randrange(400))) for kind in kinds for _ in range(3)]
    christmas = [(*kind, date(2026, 12, 17)) for kind in kinds]
    return (dated + christmas)[: max(120, len(dated))]


LETTERS = letters()


@pytest.mark.parametrize("country", COUNTRIES)
def test_no_day_is_later_than_the_laws_and_none_is_unsaid(country: str) -> None:
    assert len(LETTERS) >= 120
    for of, event, received in LETTERS:
        if of != country:
            continue
        today = received + timedelta(days=3)
        found = assess(PACKS.deadline(country, event), received, PACKS.country(country), today)
        law = by_law(country, event, received)
        said = deadline_texts.describe(found, today, translator("en"))
        if law is None:
            assert found.last_safe_day == received + timedelta(days=5), (event, received)
            assert "We do not know the deadline for this letter." in said.sentence
            continue
        assert found.last_safe_day == law, (event, received)
        assert translator("en").date(law) in said.sentence
        assert said.certainty
        assert said.source


@pytest.mark.parametrize(("left", "words"), [(0, "That is today."), (1, "That is tomorrow.")])
def test_the_last_days_are_said_in_words_in_every_language(left: int, words: str) -> None:
    today = date(2026, 11, 24)
    for received in (today + timedelta(days=left - 7), today + timedelta(days=left - 5)):
        for kind in ("return_decision_appeal", "border_leave_order_complaint"):
            found = assess(PACKS.deadline("PL", kind), received, PACKS.country("PL"), today)
            if (found.last_safe_day - today).days != left:
                continue
            for language in LANGUAGES:
                said = deadline_texts.describe(found, today, translator(language))
                assert said.remaining == translator(language).text(words)


def test_a_weak_source_is_called_our_best_guess() -> None:
    today = date(2026, 11, 24)
    found = assess(PACKS.deadline("LT", "dublin_appeal"), date(2026, 11, 20), PACKS.country("LT"), today)
    said = deadline_texts.describe(found, today, translator("en"))
    assert said.certainty == "This is our best guess; a lawyer must confirm it."
    assert said.also == ("Ask within the same time that the transfer is stopped until the appeal is decided.",)
    assert said.removal.startswith("An appeal alone does not stop removal.")
    assert said.note


def test_where_the_limit_depends_on_the_new_rules_of_the_union_the_shorter_one_is_taken_and_said() -> None:
    today = date(2026, 11, 24)
    found = assess(PACKS.deadline("LT", "asylum_appeal_accelerated"), date(2026, 11, 23), PACKS.country("LT"), today)
    assert found.last_safe_day == date(2026, 11, 30), "28 November is a Saturday"
    assert "12 June 2026" in deadline_texts.describe(found, today, translator("en")).competing


def test_no_kind_of_letter_covers_a_longer_and_a_shorter_limit_unsaid() -> None:
    labels = {row.event: row.label or "" for row in PACKS.deadlines("LT") if row.letter_kind}
    assert all("ban" not in label for event, label in labels.items() if "residence" in event)
    day = date(2026, 11, 16)
    ban, permit, other = (
        assess(PACKS.deadline("LT", event), day, PACKS.country("LT"), day).last_safe_day
        for event in ("return_or_entry_ban_emergency", "residence_permit_refusal_appeal", "decision_appeal_general")
    )
    assert (ban, permit, other) == (date(2026, 11, 23), date(2026, 11, 30), date(2026, 11, 23))
