"""What the image and compose.yaml start, started the same way: processes of their own on a PostgreSQL, read-only code."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import yaml
from sqlalchemy.engine import URL, make_url

from app.operations.privileges import DatabaseRole
from tests.support.live import free_port, held_port

ROOT = Path(__file__).parents[2]
WITHIN = 240  # seconds; about two on an idle machine


def command_of(service: str) -> list[str]:
    words: list[str] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"][service]["command"]
    return words


def health_check(port: int) -> int:
    """The Dockerfile's own, asked of another port."""
    found = re.search(r"HEALTHCHECK .*?CMD (\[.*?\])\n", (ROOT / "Dockerfile").read_text(), re.DOTALL)
    assert found
    _python, *words = json.loads(found.group(1).replace(":8000/", f":{port}/"))
    return subprocess.run([sys.executable, *words], capture_output=True, check=False).returncode


def answers(port: int) -> bool:
    """Whether somebody listens: asked often, and a health check is a process each time."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def started(words: list[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli.main", *words], cwd=ROOT, env=environment, stdout=sink, stderr=sink
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def environment(make_postgres: Callable[[], URL], tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PRISTAN_")}
    return {
        **kept,
        "PRISTAN_VAR": str(tmp_path / "var"),
        "PRISTAN_DATABASE_URL": make_postgres().set(drivername="postgresql").render_as_string(hide_password=False),
        "PRISTAN_BASE_URL": "https://help.example.org",
        "PRISTAN_WORKER_IN_WEB": "false",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def as_role(environment: dict[str, str], role: DatabaseRole) -> dict[str, str]:
    """The same with this role's privileges alone."""
    url = make_url(environment["PRISTAN_DATABASE_URL"])
    limited = url.update_query_dict({"options": f"-c role={role.named(str(url.database))}"})
    return {**environment, "PRISTAN_DATABASE_URL": limited.render_as_string(hide_password=False)}


def test_migrate_then_web_and_worker_and_each_ends_when_asked(environment: dict[str, str], tmp_path: Path) -> None:
    with started(command_of("migrate"), environment, tmp_path / "migrate.log") as migrate:
        assert migrate.wait(WITHIN) == 0, (tmp_path / "migrate.log").read_text()
    prefix = str(make_url(environment["PRISTAN_DATABASE_URL"]).database)
    grants = ["database", "grants", "--prefix", prefix]
    with started(grants, environment, tmp_path / "grants.log") as granted:
        assert granted.wait(WITHIN) == 0, (tmp_path / "grants.log").read_text()

    with ExitStack() as running:
        port = running.enter_context(held_port())
        serve = [str(port) if word == "8000" else word.replace("0.0.0.0", "127.0.0.1") for word in command_of("public")]
        web = running.enter_context(started(serve, as_role(environment, DatabaseRole.PUBLIC), tmp_path / "web.log"))
        worker = running.enter_context(
            started(command_of("worker"), as_role(environment, DatabaseRole.WORKER), tmp_path / "worker.log")
        )
        end = time.monotonic() + WITHIN
        while not answers(port) and time.monotonic() < end and web.poll() is None:
            time.sleep(0.05)
        assert health_check(port) == 0, (tmp_path / "web.log").read_text()
        while '"surface": "worker"' not in (tmp_path / "worker.log").read_text() and time.monotonic() < end:
            time.sleep(0.2)
        assert '"surface": "worker"' in (tmp_path / "worker.log").read_text()
        assert worker.poll() is None
        for process in (web, worker):
            process.send_signal(signal.SIGTERM)
        assert worker.wait(WITHIN) == 0
        assert web.wait(WITHIN) in {0, -signal.SIGTERM}
    logs = (tmp_path / "worker.log").read_text() + (tmp_path / "web.log").read_text()
    assert '"error"' not in logs
    assert "database_role" not in logs, "neither owns the tables"


def test_the_health_check_fails_where_nothing_answers() -> None:
    with free_port() as bound:
        assert health_check(bound.getsockname()[1]) != 0


def test_a_taken_port_is_named_in_a_sentence(tmp_path: Path) -> None:
    with free_port() as bound:
        bound.listen()
        port = str(bound.getsockname()[1])
        told = subprocess.run(
            [sys.executable, "-m", "app.cli.main", "serve", "--port", port],
            cwd=ROOT,
            env={**os.environ, "PRISTAN_VAR": str(tmp_path / "var")},
            capture_output=True,
            text=True,
            check=False,
        )
    assert told.returncode == 2
    assert f"cannot listen on 127.0.0.1, port {port}" in told.stderr
