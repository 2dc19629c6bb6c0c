"""`deploy/install.sh` in a root directory of its own: what it writes, twice; the way to the next version and back; its end.

The programs that read the files check them where they are installed.
"""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "deploy" / "install.sh"
FREE_CONNECTIONS = 97
"""Of the 100 that PostgreSQL allows as it comes; three are kept for superusers."""


def install(root: Path, *arguments: str, script: Path = SCRIPT, status: int = 0) -> str:
    done = subprocess.run(
        ["sh", script, "--root", root, *arguments],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


def contents(root: Path) -> dict[str, str]:
    """Every file outside the releases, with its text or where it points to."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if "/releases/" not in name and (path.is_symlink() or path.is_file()):
            found[name] = os.readlink(path) if path.is_symlink() else path.read_text()
    return found


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small source tree that the script can install: its own folders, and a few files of the service."""
    folder = tmp_path_factory.mktemp("source")
    for name in ("deploy", "requirements"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("app", "alembic", "docs"):
        (folder / name).mkdir()
        (folder / name / "page").write_text(name)
    for name in ("alembic.ini", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.mark.parametrize("database", ["postgresql", "sqlite"])
@pytest.mark.parametrize("proxy", ["caddy", "nginx"])
def test_running_it_again_changes_nothing_and_asks_nothing(
    source: Path, tmp_path: Path, database: str, proxy: str
) -> None:
    script = source / "deploy" / "install.sh"
    install(tmp_path, "--name", "help.example.net", "--database", database, "--proxy", proxy, "--onion", script=script)
    once = contents(tmp_path)
    own = tmp_path / "etc/pristan/worker.env" if database == "postgresql" else tmp_path / "etc/pristan/all.env"
    own.write_text(own.read_text() + "PRISTAN_SMTP_HOST=mail.example.net\n")
    assert "is there already" in install(tmp_path, script=script)
    again = contents(tmp_path)
    assert again.pop(str(own.relative_to(tmp_path))).endswith("PRISTAN_SMTP_HOST=mail.example.net\n")
    once.pop(str(own.relative_to(tmp_path)))
    assert again == once
    units = {path.stem for path in (tmp_path / "etc/systemd/system").glob("*.service")}
    services = (
        {"pristan-all"}
        if database == "sqlite"
        else {f"pristan-{one}" for one in ("public", "desk", "partner", "worker")}
    )
    assert units == services | {"pristan-backup", "pristan-reminder"}
    for unit in units:  # each finds its settings
        named = re.search(
            r"^EnvironmentFile=/(.*)$", (tmp_path / f"etc/systemd/system/{unit}.service").read_text(), re.M
        )
        assert named
        assert (tmp_path / named[1]).exists()
    assert f"/run/pristan-{'all' if database == 'sqlite' else 'public'}/http.sock" in once["etc/tor/torrc"]


def test_secrets_are_for_root_alone_and_each_process_has_the_role_of_its_work(source: Path, tmp_path: Path) -> None:
    install(
        tmp_path, "--name", "help.example.net", "--database", "postgresql", "--proxy", "none",
        script=source / "deploy" / "install.sh",
    )  # fmt: skip
    etc = tmp_path / "etc/pristan"
    passwords = [path.read_text() for path in (etc / "passwords").iterdir()]
    assert len(set(passwords)) == len(passwords) == 6
    for path in (*etc.glob("*.env"), *(etc / "passwords").iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    for folder in (etc, etc / "passwords", tmp_path / "var/lib/pristan", tmp_path / "var/backups/pristan"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
    for kind in ("public", "desk", "partner", "worker", "backup"):
        assert f"postgresql://pristan_{kind}:" in (etc / f"{kind}.env").read_text()
        assert "postgresql://pristan:" not in (etc / f"{kind}.env").read_text()


def test_all_processes_together_stay_below_the_connections_of_a_new_postgresql(source: Path, tmp_path: Path) -> None:
    install(
        tmp_path, "--name", "help.example.net", "--database", "postgresql", "--proxy", "none",
        script=source / "deploy" / "install.sh",
    )  # fmt: skip
    limits = [
        int(found[1])
        for kind in ("public", "desk", "partner", "worker", "backup", "admin")
        for found in re.finditer(
            r"^PRISTAN_DATABASE_CONNECTIONS=(\d+)$", (tmp_path / f"etc/pristan/{kind}.env").read_text(), re.MULTILINE
        )
    ]
    assert len(limits) == 6
    assert sum(limits) <= FREE_CONNECTIONS


def test_a_new_version_stands_beside_the_old_one_and_the_way_back_leads_to_it(source: Path, tmp_path: Path) -> None:
    tree = tmp_path / "new"
    shutil.copytree(source, tree)
    root, script = tmp_path / "root", tree / "deploy" / "install.sh"
    install(root, "upgrade", script=script, status=1)
    install(root, "--name", "help.example.net", "--database", "sqlite", "--proxy", "caddy", script=script)
    first = (root / "opt/pristan/current").readlink()
    (tree / "app" / "page").write_text("a new version")
    assert "The way back" in install(root, "upgrade", script=script)
    second = (root / "opt/pristan/current").readlink()
    assert second != first
    assert (root / "opt/pristan/current/app/page").read_text() == "a new version"
    assert "nothing to do" in install(root, "upgrade", script=script)
    install(root, "back", script=script)
    assert (root / "opt/pristan/current").readlink() == first
    assert (root / "opt/pristan/current/app/page").read_text() == "app"
    (tree / "app" / "page").write_text("a third version")
    install(root, "upgrade", script=script)
    kept = {path.name for path in (root / "opt/pristan/releases").iterdir()}
    assert kept == {first.name, (root / "opt/pristan/current").readlink().name}


def test_it_leaves_as_it_came_and_data_stay_unless_they_are_to_go(source: Path, tmp_path: Path) -> None:
    script = source / "deploy" / "install.sh"
    caddyfile = tmp_path / "etc/caddy/Caddyfile"
    caddyfile.parent.mkdir(parents=True)
    caddyfile.write_text("what was there before\n")
    install(
        tmp_path, "--name", "help.example.net", "--database", "sqlite", "--proxy", "caddy", "--onion", script=script
    )
    assert "help.example.net" in caddyfile.read_text()
    (tmp_path / "var/lib/pristan/keys.json").write_text("keys")
    install(tmp_path, "uninstall", script=script)
    assert caddyfile.read_text() == "what was there before\n"
    assert "pristan" not in (tmp_path / "etc/tor/torrc").read_text()
    assert not list((tmp_path / "etc/systemd/system").iterdir())
    assert not (tmp_path / "opt/pristan").exists()
    assert (tmp_path / "var/lib/pristan/keys.json").exists()
    install(tmp_path, "uninstall", "--with-data", script=script)
    assert not any((tmp_path / name).exists() for name in ("var/lib/pristan", "var/backups/pristan", "etc/pristan"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--name", "help example", "--database", "sqlite", "--proxy", "none"), "not an answer"),
        (("--name", "help.example.net", "--database", "mysql", "--proxy", "none"), "not an answer"),
        (("--name", "help.example.net"), "Give it as an option"),
        (("--frobnicate",), "--help"),
    ],
)
def test_a_wrong_or_missing_answer_is_named_and_nothing_is_installed(
    source: Path, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    assert says in install(tmp_path, *arguments, script=source / "deploy" / "install.sh", status=1)
    assert not (tmp_path / "opt").exists()


@pytest.mark.parametrize("database", ["postgresql", "sqlite"])
def test_the_proxies_understand_what_was_written(source: Path, tmp_path: Path, database: str) -> None:
    script = source / "deploy" / "install.sh"
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    for proxy in ("caddy", "nginx"):
        root = tmp_path / proxy
        install(root, "--name", "help.example.net", "--database", database, "--proxy", proxy, script=script)
        program = shutil.which(proxy, path=path)
        written = root / ("etc/caddy/Caddyfile" if proxy == "caddy" else "etc/nginx/conf.d/pristan.conf")
        text = written.read_text()
        assert "help.example.org" not in text
        assert ("/run/pristan-all/" in text) is (database == "sqlite")
        assert ("/run/pristan-public/" in text) is (database == "postgresql")
        if program is None:
            continue  # read above all the same
        if proxy == "caddy":
            checked = [program, "validate", "--adapter", "caddyfile", "--config", str(written)]
        else:
            checked = [program, "-t", "-q", "-p", str(root), "-c", str(_whole_nginx(root, text))]
        done = subprocess.run(
            checked,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "HOME": str(root), "XDG_DATA_HOME": str(root)},
        )
        assert done.returncode == 0, done.stderr[-2000:]


def _whole_nginx(root: Path, text: str) -> Path:
    """A configuration around ours, with a certificate made for this test and without what nginx before 1.25 does not know."""
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=test",
            "-keyout", root / "key.pem", "-out", root / "fullchain.pem",
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    text = re.sub(r"^ *http2 on;$", "", text, flags=re.MULTILINE)
    text = text.replace("/etc/ssl/pristan/", f"{root}/").replace("/var/log/nginx/", f"{root}/")
    whole = root / "nginx.conf"
    whole.write_text(f"pid {root}/pid; error_log stderr emerg; events {{}} http {{ {_temporary(root)}\n{text}\n}}")
    return whole


def _temporary(root: Path) -> str:
    return " ".join(f"{name}_temp_path {root}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
