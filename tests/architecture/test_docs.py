"""What the documents point at is there."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from app.settings import Settings
from app.web.components.report_page import TABLES

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), ROOT / "tests/README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)")
MAKE = re.compile(r"`(?:\w+=\S+ )?make (\w+)`|^make (\w+)", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_our_own_files_lead_somewhere(page: Path) -> None:
    assert [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_are_there(page: Path) -> None:
    named = re.findall(r"`((?:app|tests|docs|alembic|bench|mutants|drill|deploy)/[\w/.*-]+)`", page.read_text())
    assert [path for path in named if not any(ROOT.glob(path.rstrip("/")))] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_has_the_targets_that_are_named(page: Path) -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)) | {"dev"}
    assert {word for pair in MAKE.findall(page.read_text()) for word in pair if word} - targets == set()


OF_THE_CLIENT = {"PRISTAN_CLIENT_SECRET", "PRISTAN_CONFIG"}


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=lambda page: page.name)
def test_settings_that_are_named_exist(page: Path) -> None:
    named = set(re.findall(r"PRISTAN_[A-Z_]*[A-Z]", page.read_text()))
    assert named - {f"PRISTAN_{name.upper()}" for name in Settings.model_fields} - OF_THE_CLIENT == set()


def test_what_make_help_lists_is_what_make_has() -> None:
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^make (\w+)", told, re.MULTILINE)) | {"help"} == set(
        re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    )


def test_the_layers_of_the_map_are_those_that_are_checked() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["name"] == "Arrows point down")
    page = (ROOT / "docs/architecture.md").read_text()
    assert "\n".join(layers).replace("app.", "") in page


def test_every_package_is_a_room_of_the_map() -> None:
    rooms = page_rooms()
    packages = {path.parent.name for path in ROOT.glob("app/*/__init__.py")}
    assert packages - rooms == set(), "docs/architecture.md does not name them"
    assert {path.parent.name for path in ROOT.glob("app/web/*/__init__.py")} - rooms == set()


def page_rooms() -> set[str]:
    section = (ROOT / "docs/architecture.md").read_text().split("## The rooms")[1].split("\n## ")[0]
    return set(re.findall(r"`(?:app/)?(\w+)/`", section))


def test_each_table_of_a_report_is_explained() -> None:
    explained = re.findall(r"^\| (.+?) \|", (ROOT / "docs/reports.md").read_text(), re.MULTILINE)[2:-1]
    assert sorted(explained) == sorted(TABLES.values()), "docs/reports.md explains other tables"


def test_every_decision_is_in_the_index() -> None:
    index = (ROOT / "docs/decisions/README.md").read_text()
    pages = sorted(path.name for path in (ROOT / "docs/decisions").glob("0*.md"))
    assert re.findall(r"\]\((0.+?\.md)\)", index) == pages, "docs/decisions/README.md lists other pages"


def test_the_map_and_the_way_in_are_one_link_from_the_readme() -> None:
    links = LINK.findall((ROOT / "README.md").read_text())
    assert {"docs/architecture.md", "CONTRIBUTING.md", "docs/decisions/README.md", "CHANGELOG.md"} <= set(links)
