"""docs/asvs.md and its neighbours: every requirement has a line, and every file that is named as evidence is there."""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RESULTS = {"met", "in part", "not met", "n. a."}
PATH = re.compile(
    r"`((?:app|alembic|tests|docs|deploy|requirements|\.ci)/[\w./*-]+|[\w.-]+\.(?:toml|yaml|md)|Dockerfile)`"
)


def sheet() -> list[tuple[str, str, str]]:
    """Number, result, evidence."""
    found = re.findall(
        r"^\| (\d+\.\d+\.\d+) \| [^|]+ \| ([^|]+) \| ([^|]+) \|$", (ROOT / "docs/asvs.md").read_text(), re.M
    )
    return [(number, result.strip(), evidence) for number, result, evidence in found]


def asked() -> list[str]:
    """The numbers of all requirements that level 2 of ASVS 5.0.0 includes."""
    return (ROOT / "tests/data/asvs-5.0.0-level-2.txt").read_text().split()


def test_every_requirement_of_level_2_has_one_line() -> None:
    assert len(asked()) == 253
    assert [number for number, _result, _evidence in sheet()] == asked()


def test_every_line_has_a_result_and_what_is_met_has_evidence() -> None:
    assert {result for _number, result, _evidence in sheet()} <= RESULTS
    assert [number for number, result, evidence in sheet() if result == "met" and len(evidence.strip()) < 12] == []


def test_more_than_nine_in_ten_that_apply_are_met() -> None:
    counted = Counter(result for _number, result, _evidence in sheet())
    assert counted["met"] / (counted.total() - counted["n. a."]) > 0.95


def test_a_passphrase_is_typed_hidden_kept_whole_and_left_to_managers() -> None:
    """6.2.6, 6.2.7 and 6.2.9: each field of a passphrase is of that type, takes more than 64 characters, and no script reads it."""
    fields = [
        field
        for template in (ROOT / "app/web/templates").rglob("*.html")
        for field in re.findall(r"<input[^>]*name=\"passphrase\w*\"[^>]*>", template.read_text())
    ]
    assert len(fields) >= 4
    for field in fields:
        assert 'type="password"' in field
        assert re.search(r'autocomplete="(current|new)-password"', field), field
        assert all(int(most) >= 64 for most in re.findall(r'maxlength="(\d+)"', field))
    for script in (ROOT / "app/web/static").glob("*.js"):
        assert not re.search(r"passphrase|paste|password", script.read_text()), script.name


@pytest.mark.parametrize(
    "page", ["docs/asvs.md", "docs/threat-model.md", "docs/crypto.md", "docs/promise.md", "SECURITY.md"]
)
def test_every_file_that_is_named_as_evidence_exists(page: str) -> None:
    named = set(PATH.findall((ROOT / page).read_text()))
    assert named or page == "SECURITY.md"
    assert sorted(name for name in named if not list(ROOT.glob(name))) == []
