"""`pristan import cases`: all rows or none, nothing of the list on the screen, the cards for their owner alone."""

import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from app.app_context import migrate, open_app_context
from app.cases.models import Case
from app.cli.main import app
from app.core.clock import utc_now
from app.directory import loader
from app.staff import service as staff

RUN = CliRunner()
LIST = (
    "name;telegram;needs;date;card\nzinnober-imya;@zinnober_one;asylum;12.03.2026;yes\nOther;@zinnober_two;asylum;;\n"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PRISTAN_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("PRISTAN_DATABASE_URL", f"sqlite:///{tmp_path / 'pristan.db'}")
    opened = open_app_context()
    migrate(opened.database)
    with opened.database.begin() as session:
        loader.upsert(session, opened.directory, utc_now())
        staff.add_team(session, "pl", "Poland", ["PL"], utc_now())
    opened.database.dispose()
    (tmp_path / "list.csv").write_text(LIST)
    return tmp_path


def run(folder: Path, *more: str, code: int = 0) -> str:
    done = RUN.invoke(app, ["import", "cases", str(folder / "list.csv"), "--country", "PL", *more])
    assert done.exit_code == code, done.output
    assert "zinnober" not in done.output
    return done.output


def count() -> int:
    context = open_app_context()
    with context.database.begin(write=False) as session:
        found = session.scalar(sa.select(sa.func.count()).select_from(Case)) or 0
    context.database.dispose()
    return found


def test_a_list_is_looked_at_then_moved_in_once_with_its_cards(folder: Path) -> None:
    looked = run(folder, "--dry-run")
    assert "column B: Telegram" in looked
    assert "row 2: can be moved in." in looked
    assert count() == 0
    cards = folder / "cards.html"
    assert "2 cases were moved in." in run(folder, "--cards", str(cards))
    assert cards.stat().st_mode & 0o777 == 0o600
    groups = re.findall(r"<span>(\d{4})</span>", cards.read_text())
    assert len(groups) == 7, "one card, for the one who wants it"
    assert "0 cases were moved in." in run(folder)
    assert count() == 2


def test_with_a_bad_row_nothing_is_moved_in_unless_it_is_left_out(folder: Path) -> None:
    (folder / "list.csv").write_text(LIST + "X;@zinnober_ten;zinnober-need;;\n")
    told = run(folder, code=2)
    assert "row 4, What help is needed with: This is none of our codes" in told
    assert count() == 0
    assert "2 cases were moved in." in run(folder, "--leave-out")


def test_a_column_can_be_named_by_its_letter_and_a_file_that_is_none_is_refused(folder: Path) -> None:
    assert "column A: Note of the team" in run(folder, "--dry-run", "--column", "a=note")
    run(folder, "--column", "A=nonsense", code=2)
    (folder / "list.csv").write_bytes(b"PK\x03\x04 zinnober")
    assert "damaged" in run(folder, code=2)


def test_cards_that_cannot_be_written_stop_it(folder: Path) -> None:
    run(folder, "--cards", str(folder), code=2)
    assert count() == 0
