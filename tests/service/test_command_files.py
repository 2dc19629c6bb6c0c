"""Every file that a command is given may be missing, empty, cut off or of another kind: one sentence and exit code 2."""

import json
import os
import zipfile
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from app.app_context import migrate, open_app_context
from app.cli.main import app
from app.core.sealing import KeyPair
from app.operations import sealed_file
from app.staff import recovery

PAIR = KeyPair.generate()
BACKUP = "backup"
READ = {
    "clients add bot --name A --scopes intakes:create --jwk": "",
    "clients rotate bot --jwk": "",
    "hsds import": "--by nobody",
    "match": "",
    "match - --packs": "",
    "partner login --organisation pl-demo --demo": "",
    "partner conflicts upload": "--country PL",
    "rules replay --ruleset": "",
    "rules propose": "--as vera --why asked",
    "rules lint --packs": "",
    "rules test --packs": "",
    "rules coverage --packs": "",
    "directory --packs": "",
    "audit verify --witness": "",
    "database grants --passwords": "",
    "restore": "",
}
"""Each command that reads a file or folder, up to that argument, and the words after it."""
WRITTEN = (
    "hsds export", "backup", "keys rotate --backup", "partner export --out", "simulate --cases 1 --plot", "audit witness --out"
)  # fmt: skip
ANY_TEXT = ("partner conflicts upload",)
"""Takes lists in any form: a line that cannot be used is counted."""


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("bad")
    with zipfile.ZipFile(folder / "other.zip", "w") as other:
        other.writestr("x.csv", "a,b\n1,2\n")
    backup = folder / "whole"
    with backup.open("wb") as sink:
        sealed_file.write(sink, PAIR.public, [b'{"pristan": 1}'] * 50)
    contents = {
        "empty": b"", "bom": b"\xef\xbb\xbf", "blank": b" \n\n", "binary": b"\x89PNG\r\n\x1a\n\0\0\xff\xfe" * 9,
        "other_encoding": "имя\n".encode("cp1251"), "nul": b"a\0b\n",
        "cut.json": b'{"keys": [{"kty": "OK', "bom_and_cut.json": b'\xef\xbb\xbf{"a": [',
        "list.json": b"[1, 2]", "number.json": b"7", "deep.json": b"[" * 3000 + b"]" * 3000, "other.json": b'{"clients": [7]}',
        "cut.zip": (folder / "other.zip").read_bytes()[:40], "cut_backup": backup.read_bytes()[:-9],
        "long_number.json": b'{"a": ' + b"9" * 5000 + b"}", "no_number.json": b'{"a": !!float x}',
        "utf16": "какой-то текст".encode("utf-16"),
    }  # fmt: skip
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    (folder / "folder").mkdir()
    backup.unlink()
    return [*sorted(folder.iterdir()), folder / "missing"]


@pytest.fixture(autouse=True, scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("installation")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRISTAN_VAR", str(folder / "var"))
        patch.setenv("PRISTAN_CONFIG", str(folder / "config"))
        patch.setenv("PRISTAN_DATABASE_URL", f"sqlite:///{folder / 'pristan.db'}")
        opened = open_app_context()
        migrate(opened.database)
        opened.database.dispose()
        yield folder


def refused(command: str, *words: str | Path, typed: str = "") -> Result:
    done = CliRunner().invoke(app, [*command.split(), *map(str, words)], input=typed)
    assert isinstance(done.exception, SystemExit), (command, words, done.exception)
    assert done.exit_code == 2, (command, words, done.output)
    return done


@pytest.mark.parametrize("command", READ)
def test_a_bad_file_is_one_sentence(command: str, bad: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    if command == "rules propose":
        monkeypatch.setattr("app.cli.rule_sets._signed_in", lambda *_: None)
    if command == "hsds import":
        monkeypatch.setattr("app.cli.hsds._proposer", lambda *_: (None, "coordinator"))
    folders = command.endswith(("--packs", "--passwords"))
    for file in bad:
        if (command in ANY_TEXT and file.suffix == ".json") or (file.name in ("utf16",) and command in ANY_TEXT):
            continue
        if (folders and file.is_dir()) or (command == "rules replay --ruleset" and file.is_dir()):
            continue
        told = refused(
            command, file, *READ[command].split(), typed=recovery.format_key(PAIR.seed) + "\n"
        ).stderr.strip()
        assert "Traceback" not in told
        if command != "match":
            assert len(told.splitlines()) == 1, (file.name, told)


def test_a_damaged_backup_is_not_called_a_wrong_key(bad: list[Path]) -> None:
    cut = next(file for file in bad if file.name == "cut_backup")
    assert "damaged or cut off" in refused("restore", cut, typed=recovery.format_key(PAIR.seed) + "\n").stderr
    other = CliRunner().invoke(app, ["restore", str(cut)], input=recovery.format_key(KeyPair.generate().seed) + "\n")
    assert (other.exit_code, "the key does not decrypt" in other.stderr) == (1, True)


@pytest.mark.parametrize("command", WRITTEN)
def test_a_file_that_cannot_be_written_is_told_before_any_work(command: str, tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "no" / "such", Path(__file__) / "below"):
        assert len(refused(command, place).stderr.strip().splitlines()) == 1


def test_a_folder_of_packs_is_one(bad: list[Path]) -> None:
    folder = next(file for file in bad if file.is_dir())
    for command in ("rules lint --packs", "directory --packs", "rules replay --ruleset"):
        assert len(refused(command, folder).stderr.strip().splitlines()) == 1


def test_marks_of_windows_programs_are_read_over(tmp_path: Path) -> None:
    for encoding in ("utf-8-sig", "utf-16"):
        (tmp_path / "list.csv").write_bytes("name,phone\nAnna Made Up,+48 22 555 01 23\n".encode(encoding))
        words = ["partner", "conflicts", "upload", str(tmp_path / "list.csv"), "--country", "PL", "--dry-run"]
        done = CliRunner().invoke(app, words)
        told = f"1 names, 1 phone numbers understood, read as {encoding.removesuffix('-sig')}.\n"
        assert (done.exit_code, done.stdout) == (0, told), done.output


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"7", b'{"base_url": 1}', b'{"base_url": 1, "client_id": 2, "client_secret": 3}']
)
def test_a_broken_profile_says_to_log_in_again(installation: Path, content: bytes) -> None:
    profile = installation / "config" / "partner.json"
    profile.parent.mkdir(exist_ok=True)
    profile.write_bytes(content)
    assert "run `pristan partner login` again" in refused("partner pull").stderr
    whole = {"base_url": "http://127.0.0.1:1", "client_id": "a", "client_secret": "b"}
    profile.write_bytes(b"\xef\xbb\xbf" + json.dumps(whole).encode())
    done = CliRunner().invoke(app, ["partner", "pull"])
    assert done.exit_code == 6, "the mark is read over, and the service asked"
    os.unlink(profile)


def test_a_backup_key_that_is_none(installation: Path, tmp_path: Path) -> None:
    key = open_app_context().settings.backup_key_file
    for content in ("", "no key", "AAAA"):
        key.write_text(content)
        assert "no public backup key" in refused("backup", tmp_path / "new").stderr
        assert not (tmp_path / "new").exists()
    key.unlink()
