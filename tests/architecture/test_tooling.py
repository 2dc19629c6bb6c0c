"""The files that no program of ours imports, but that everybody starts with."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from typer.testing import CliRunner

from app.cli.main import app as cli

ROOT = Path(__file__).parents[2]
LOCKS = ("uv", "base", "ways", "traces", "dev")


def locked(name: str) -> dict[str, str]:
    """Package -> version."""
    lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
    return dict(re.split("==", line.split(";")[0].rstrip(" \\"), maxsplit=1) for line in lines if "==" in line)


def declared(name: str) -> dict[str, Requirement]:
    """Package, spelled as locks do -> what pyproject.toml asks of it for this lock."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    dependencies, groups = project["project"]["dependencies"], project["dependency-groups"]
    more = {name: dependencies + wanted for name, wanted in project["project"]["optional-dependencies"].items()}
    lines = {**more, "base": dependencies, "dev": dependencies + groups["dev"], "uv": groups["bootstrap"]}[name]
    return {canonicalize_name(wanted.name): wanted for wanted in map(Requirement, lines)}


@pytest.mark.parametrize("name", LOCKS)
def test_everything_that_is_installed_is_pinned_by_hash(name: str) -> None:
    entries = (ROOT / "requirements" / f"{name}.txt").read_text().replace("\\\n", " ").strip().splitlines()
    assert [entry[:60] for entry in entries if not re.match(r"\S+==\S+ .*--hash=sha256:[0-9a-f]{64}", entry)] == []


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_that_pyproject_asks_for_is_locked_at_a_version_it_allows(name: str) -> None:
    versions = locked(name)
    assert declared(name)
    assert [
        package
        for package, wanted in declared(name).items()
        if package not in versions or versions[package] not in wanted.specifier
    ] == []


def test_pyproject_is_the_only_place_that_declares_a_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "dynamic" not in project
    assert {"fastapi", "uvicorn", "sqlalchemy", "alembic", "pydantic", "httpx"} <= set(declared("base"))
    assert "pytest" in declared("dev")
    assert sorted(path.name for path in (ROOT / "requirements").iterdir() if path.is_file()) == [
        "base.txt", "dev.txt", "install.py", "traces.txt", "uv.txt", "ways.txt",
    ]  # fmt: skip


def test_locks_say_versions_and_hashes_and_nothing_else() -> None:
    """No header, no annotation, no option: nothing that depends on where they were compiled."""
    for name in LOCKS:
        lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
        assert [line for line in lines if line.lstrip().startswith("#") or re.match(r"-|\s+--(?!hash=)", line)] == []


def test_the_service_is_tested_with_the_versions_that_it_runs_with() -> None:
    assert {package: locked("dev").get(package) for package in locked("base")} == locked("base")


def test_an_old_python_can_read_what_sets_everything_up() -> None:
    ast.parse((ROOT / "requirements" / "install.py").read_text(), feature_version=(3, 6))


def test_an_old_python_is_told_so() -> None:
    pretend = (
        "import runpy, shutil, sys; sys.version_info = (3, 8, 10); sys.argv = ['install.py', 'base'];"
        "shutil.which = lambda name: None; runpy.run_path('requirements/install.py', run_name='__main__')"
    )
    told = subprocess.run([sys.executable, "-c", pretend], cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert "needs Python 3.11 or newer; this is Python 3.8" in told.stderr


def image() -> str:
    return (ROOT / "Dockerfile").read_text().replace("\\\n", " ")


def test_the_image_is_made_of_files_that_are_there_and_let_in() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [word for line in image().splitlines() if re.match("COPY (?!--from)", line) for word in line.split()[1:-1]]
    assert copied
    assert [name for name in copied if not (ROOT / name).exists() or name not in let_in] == []
    assert [name for name in re.findall(r"requirements/\w+\.txt", image()) if not (ROOT / name).exists()] == []


def test_the_image_builds_nothing_from_source_and_runs_without_rights() -> None:
    installs = [step for line in image().splitlines() for step in line.split("&&") if "pip install " in step]
    assert len(installs) == 3
    for install in installs:
        assert "--require-hashes --only-binary :all:" in install or "--offline --no-deps" in install
    assert re.search(r"^USER 10001:10001$", image(), re.MULTILINE)
    assert "curl" not in image()


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    return found


SURFACES = ("public", "desk", "partner")


@pytest.mark.parametrize("name", ["db", "migrate", "grants", *SURFACES, "worker"])
def test_each_container_has_as_few_rights_as_can_be(name: str) -> None:
    service = services()[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["read_only"] is True
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["ulimits"] == {"core": 0}
    assert {
        "source": f"db_password_{name if name in (*SURFACES, 'worker') else 'owner'}",
        "target": "db_password",
    } in service["secrets"]
    more = {"PRISTAN_SMTP_PASSWORD"} if name == "worker" else {"PRISTAN_METRICS_TOKEN"} if name in SURFACES else set()
    assert name == "grants" or {secret["target"] for secret in service["secrets"]} == {"db_password", *more}
    assert not any("PASSWORD" in key and not key.endswith("_FILE") for key in service["environment"])


def test_each_process_has_the_database_role_of_its_work() -> None:
    for name in (*SURFACES, "worker"):
        assert services()[name]["environment"]["PRISTAN_DATABASE_URL"] == f"postgresql://pristan_{name}@db/pristan"
    assert services()["migrate"]["environment"]["PRISTAN_DATABASE_URL"] == "postgresql://pristan@db/pristan"


def test_only_the_surfaces_can_be_reached_and_only_from_this_machine() -> None:
    ports_of = {name: service["ports"] for name, service in services().items() if "ports" in service}
    published = {name: ports for name, ports in ports_of.items() if "profiles" not in services()[name]}
    assert set(published) == set(SURFACES)
    assert ports_of.pop("proxy") == ["80:80", "443:443"], "it is the one that is there to be reached"
    published |= ports_of
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)
    assert services()["db"]["networks"] == ["inside"]


def test_only_the_proxys_own_address_is_believed() -> None:
    networks = yaml.safe_load((ROOT / "compose.yaml").read_text())["networks"]
    gateway = networks["outside"]["ipam"]["config"][0]["gateway"]
    proxy = services()["proxy"]["networks"]["outside"]["ipv4_address"]
    assert {services()[name]["environment"]["PRISTAN_TRUSTED_PROXIES"] for name in SURFACES} == {f"{gateway}, {proxy}"}


def test_containers_start_commands_that_exist() -> None:
    """That they start as processes is seen by test_image.py."""
    for name in ("migrate", "grants", *SURFACES, "worker"):
        words = services()[name]["command"]
        named = [word for word in words[:2] if not word.startswith("-")]
        told = CliRunner().invoke(cli, [*named, "--help"], env={"COLUMNS": "200"})
        assert told.exit_code == 0, told.output
        assert [word for word in words[1:] if word.startswith("--") and word not in told.stdout] == []


@pytest.mark.parametrize(
    "target", ["run", "test", "check", "bench", "drill", "mutants", "sbom", "audit", "clean", "help"]
)
def test_make_knows_its_targets(target: str) -> None:
    told = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", target, "PYTHON=true"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr


def test_make_clean_touches_only_what_git_does_not_track() -> None:
    told = subprocess.run(["make", "--dry-run", "clean"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    removed = [word for line in told.splitlines() if line.startswith("rm ") for word in line.split()[2:]]
    assert {".venv", "var"} <= set(removed)
    plain = [word for word in removed if "*" not in word]
    as_folders = [f"{word}/" for word in plain]
    kept = subprocess.run(
        ["git", "check-ignore", "--no-index", *plain, *as_folders],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert set(plain) - {word.rstrip("/") for word in kept.stdout.split()} == set()
