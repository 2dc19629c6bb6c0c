"""What must never be committed, whoever commits it."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# In pieces, so that this file does not find itself.
REGISTRY_HOSTS = ["pypi" + ".org", "python" + "hosted.org", "npmjs" + ".org", "deb.debian" + ".org", "crates" + ".io"]
INDEX_OPTION = re.compile(r"(--|\b)(extra-|default-)?index(-|_)url\b|--find-links|^\s*-[if]\s+http", re.MULTILINE)
MACHINE_PATH = re.compile(r"(?<![\w.:/@-])/(work|root|Users)/\w|\b[A-Z]:\\Users\\")
PRIVATE_KEY = re.compile("-----BEGIN [A-Z ]*PRIVATE " + "KEY-----")


def tracked() -> list[Path]:
    """Every file that git tracks; in an unpacked archive without git, every file that it would hold."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
        return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]
    apart = {".venv", "var", "__pycache__", ".git"}
    return [path for path in ROOT.rglob("*") if path.is_file() and not apart & set(path.relative_to(ROOT).parts)]


def texts() -> list[tuple[str, str]]:
    found = []
    for path in tracked():
        content = path.read_bytes()
        if b"\0" not in content:
            found.append((str(path.relative_to(ROOT)), content.decode("utf-8")))
    return found


def test_no_file_names_a_package_registry() -> None:
    assert [(name, host) for name, text in texts() for host in REGISTRY_HOSTS if host in text] == []


def test_no_requirements_file_chooses_an_index() -> None:
    files = [(name, text) for name, text in texts() if name.startswith("requirements/") and not name.endswith(".py")]
    assert len(files) == 5
    assert [name for name, text in files if INDEX_OPTION.search(text) or "://" in text] == []


def test_no_file_names_a_place_on_somebody_s_machine() -> None:
    assert [(name, match.group()) for name, text in texts() for match in MACHINE_PATH.finditer(text)] == []


def test_no_private_key_is_tracked() -> None:
    assert [name for name, text in texts() if PRIVATE_KEY.search(text)] == []


@pytest.mark.parametrize("name", ["uv.lock", "pylock.toml", "var", ".venv", "secrets"])
def test_what_belongs_to_one_machine_is_not_tracked(name: str) -> None:
    assert [path for path in tracked() if path.relative_to(ROOT).parts[0] == name] == []


def test_the_migrations_do_not_hide_their_library() -> None:
    """`alembic/__init__.py` would be imported in place of the library of that name."""
    assert not (ROOT / "alembic" / "__init__.py").exists()


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "GNU AFFERO GENERAL PUBLIC LICENSE\n" in text
    assert re.findall(r"^  (\d+)\. ", text, re.MULTILINE) == [str(number) for number in range(18)]
    assert len(text.split()) == 5535
