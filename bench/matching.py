"""One case against 2,000 services with every reason, growth with the number of services, and stored cases matched again.

    python -m bench.matching            CPU of one core; the budget is 10 ms a case and linear growth
    python -m bench.matching --cases N  how many cases are matched again (default 2,000), against the real directory

Rules are made up with 8 to 12 conditions, most of them different, so that few evaluations can be shared.
"""

import argparse
import random
import statistics
import time
import timeit
from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import cycle
from typing import Any

from app.directory.packs import ServiceEntry, load_packs
from app.matching import runs
from app.matching.engine import evaluate, related_needs
from app.matching.facts import Facts
from tests.support.rules import entry

PACKS = load_packs()
TODAY = date(2026, 11, 24)
NEEDS = [need.id for need in PACKS.needs]
REGIONS = list(PACKS.country("PL").regions)
LANGUAGES = ["ru", "en", "pl", "de", "uk", "be", "ka", "lt", "fr", "ar"]
PEOPLE = [
    Facts(frozenset({"asylum", "appeals", "housing"}), "PL", languages=("ru",), nationality="RU"),
    Facts(
        frozenset({"detention"}), "PL", region=REGIONS[0], languages=("be", "ru"), nationality="BY", urgency="emergency"
    ),
    Facts(frozenset({"residence_permit"}), "PL", region=REGIONS[3], languages=("ru", "en"), status="visa", age="adult"),
    Facts(frozenset({"housing", "appeals"}), "PL", languages=(), groups=frozenset({"journalist"}), gender="woman"),
    Facts(frozenset({"asylum"}), "PL", region=REGIONS[7], languages=("uk",), nationality="UA", status="asylum_seeker"),
]


def rule(chance: random.Random) -> dict[str, Any]:
    """Between 8 and 12 leaves."""
    answers = ["yes", "no", "unknown"]
    parts: list[dict[str, Any]] = [
        {"need": {"any_of": chance.sample(NEEDS, 8)}},
        {"country": {"any_of": ["PL"]}},
        {"language": {"any_of": chance.sample(LANGUAGES, 3), "interpreter": chance.choice(answers)}},
        {
            "any": [
                {"region": {"any_of": chance.sample(REGIONS, 3)}},
                {"remote_ok": chance.choice(answers)},
            ]
        },
        {
            "any": [
                {"status": {"any_of": ["asylum_seeker", "protected"]}},
                {"nationality": {"any_of": chance.sample(["RU", "BY", "UA", "AZ"], 2)}},
                {"group": {"any_of": chance.sample(["journalist", "lgbtq", "activist", "student"], 2)}},
            ]
        },
    ]
    more: list[dict[str, Any]] = [
        {"not": {"age": {"any_of": ["minor"]}}},
        {"urgency": {"any_of": ["emergency", "urgent", "normal"]}},
        {"not": {"deadline_within": chance.randrange(5)}},
        {"not": {"status": {"any_of": ["visa"]}}},
    ]
    return {"all": [*parts, *more[: chance.randrange(5)]]}


def services(count: int) -> list[ServiceEntry]:
    chance = random.Random(2026)
    return [
        entry(
            f"s{number}",
            rule(chance),
            needs=chance.sample(NEEDS, 5),
            confidence=chance.choice(["high", "medium", "low"]),
        )
        for number in range(count)
    ]


def milliseconds(work: Callable[[], object], rounds: int = 31) -> float:
    """Median CPU time."""
    work()
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return statistics.median(taken) * 1000


def machine() -> float:
    """Time of a million additions in ms: the present speed of this machine (about 13 on the idle reference machine)."""
    return min(timeit.repeat("x += 1", "x = 0", number=1_000_000, repeat=3)) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.matching", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cases", type=int, default=2_000)
    measure(parser.parse_args().cases)


def measure(cases: int) -> None:
    """Print all rows; `cases`: how many are matched again."""
    related, people = related_needs(PACKS), cycle(PEOPLE)
    print(f"machine: a million additions in {machine():.1f} ms")
    costs = {}
    for count in (500, 1_000, 2_000, 4_000):
        many = services(count)
        costs[count] = milliseconds(lambda many=many: evaluate(next(people), many, TODAY, related=related))
        print(f"one case, {count:5,} services, every reason: {costs[count]:7.2f} ms")
    print(f"growth 500 -> 4,000 services: {costs[4_000] / costs[500]:.1f} times (8 is linear)")
    _again(cases)
    print(f"machine: a million additions in {machine():.1f} ms")


def _again(count: int) -> None:
    """Match cases of all countries against the real directory, starting from their stored answers."""
    chance, related, now = random.Random(7), related_needs(PACKS), datetime(2026, 11, 24, 12, tzinfo=UTC)
    answers = [
        {
            "country": chance.choice(["PL", "GE", "LT", "DE"]),
            "needs": chance.sample(NEEDS, chance.randrange(1, 4)),
            "speak": chance.sample(LANGUAGES, 2),
            "how_soon": "unknown",
            "consent": {"mode": "ask_first"},
            "nationality": chance.choice(["RU", "BY", None]),
        }
        for _ in range(count)
    ]
    start = time.process_time()
    for number, said in enumerate(answers):
        facts, _ = runs.facts_and_deadline(said, PACKS, now)
        evaluate(facts, PACKS.services_for(facts.country), TODAY, related=related, seed=number)
    each = (time.process_time() - start) / count * 1000
    print(
        f"matched again, real directory: {each:.2f} ms a case, {each * 100_000 / 60_000:.1f} min for 100,000 on one core"
    )


if __name__ == "__main__":
    main()
