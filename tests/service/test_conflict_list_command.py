"""`pristan partner conflicts upload` sends nothing of what it does not understand, and repeats nothing of the list."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import partner_conflicts


def upload(file: Path, *more: str) -> tuple[int, str]:
    told = CliRunner().invoke(partner_conflicts.conflicts_app, ["upload", str(file), "--country", "PL", *more])
    return told.exit_code, told.output


@pytest.fixture(autouse=True)
def _nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partner_conflicts, "open_client", lambda: pytest.fail("nothing is sent"))


def test_nothing_is_sent_while_something_is_not_understood_and_no_text_is_repeated(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("name,phone\nИван Иванов,7.91612E+10\n", encoding="utf-16")
    code, told = upload(file)
    assert code == 2
    assert "1 names understood, read as utf-16." in told
    assert "row 2, column B: a spreadsheet has rounded this phone number" in told
    assert "--accept" in told
    assert "Иван" not in told
    assert "7.9" not in told


def test_a_list_of_which_nothing_is_understood_is_not_sent_either(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("name\nАнна\n")
    assert upload(file, "--accept")[0] == 2


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04cut off", b"\xd0\xcf\x11\xe0old", b"\x89PNG\x00\x01", None])
def test_what_is_no_list_is_one_sentence(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "list.xlsx"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    code, told = upload(file)
    assert (code, len(told.splitlines())) == (2, 1)
