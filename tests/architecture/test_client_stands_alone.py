"""The client stands alone: it runs where the service's own dependencies are not installed, and on every platform."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OF_THE_SERVICE = {
    *("fastapi", "starlette", "uvicorn", "sqlalchemy", "alembic", "psycopg", "pysqlite3", "pydantic_settings"),
    *("multipart", "jinja2", "babel", "pyotp", "phonenumbers", "email_validator", "holidays", "structlog", "yaml"),
    *("webauthn", "prometheus_client", "xlsxwriter", "openpyxl"),
}
OF_THE_COMMAND = {"typer", "click", "rich", "pydantic"}  # the class does without these too
NOT_EVERYWHERE = {"fcntl", "pwd", "grp", "termios", "tty", "resource", "posix", "readline", "curses", "pty", "syslog"}
NOT_ON_WINDOWS = {"fork", "geteuid", "getuid", "chown", "fchmod", "fchown", "mkfifo", "setsid", "killpg", "getpgid"}
FILES = sorted([*(ROOT / "app" / "client").glob("*.py"), *(ROOT / "app" / "cli").glob("partner*.py")])
BARE = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
"""


def run(
    code: str, tmp_path: Path, missing: set[str] = OF_THE_SERVICE, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run this where none of `missing` is installed."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", BARE.replace("{names!r}", repr(missing)) + code],
        cwd=ROOT,
        env={**os.environ, "PRISTAN_CONFIG": str(tmp_path), **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_the_class_needs_two_libraries(tmp_path: Path) -> None:
    done = run(
        "from app.client import PartnerClient, opened\nPartnerClient('http://127.0.0.1:9', 'me', 'secret').close()",
        tmp_path,
        OF_THE_SERVICE | OF_THE_COMMAND,
    )
    assert done.returncode == 0, done.stderr


def test_the_command_needs_typer_beside_them(tmp_path: Path) -> None:
    done = run("from app.cli.partner import partner_app\npartner_app(['pull'])", tmp_path)
    assert (done.returncode, "not logged in" in done.stderr) == (2, True), done.stderr


def test_the_test_would_see_a_dependency_of_the_service(tmp_path: Path) -> None:
    assert "ModuleNotFoundError: sqlalchemy" in run("import app.core.db", tmp_path).stderr


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_names_of_all_scripts_reach_a_terminal_of_any_code_page(tmp_path: Path, encoding: str) -> None:
    done = run(
        "from app.cli import partner_output\n"
        "partner_output.use_utf8()\n"
        "partner_output.print_value('Анна მერცხალი Ąžuolas', as_json=False)",
        tmp_path,
        PYTHONIOENCODING=encoding,
    )
    assert done.stdout.strip() == "Анна მერცხალი Ąžuolas", done.stderr


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_nothing_is_called_that_one_platform_lacks(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [entry.name for entry in node.names])
    }
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not imported & NOT_EVERYWHERE
    assert not called & NOT_ON_WINDOWS
