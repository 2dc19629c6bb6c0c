"""compose.yaml: profiles, files, names of settings, secrets and ports fit each other; our entry point is run, without Docker."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from app.cli.main import app as cli
from app.settings import Settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name for name, service in SERVICES.items() if service.get("image") == "pristan"}
PROFILES = {"proxy": {"proxy"}, "mail": {"mail"}, "backup": {"backup"}, "monitoring": {"prometheus", "grafana"}}
ADDED = sorted(set().union(*PROFILES.values()))


def secrets_of(service: dict[str, Any]) -> dict[str, str]:
    """Source and target of each secret."""
    given = [{"source": one, "target": one} if isinstance(one, str) else one for one in service.get("secrets", [])]
    return {one["source"]: one.get("target", one["source"]) for one in given}


def test_each_profile_starts_what_the_handbook_says_and_nothing_else_waits_for_one() -> None:
    found: dict[str, set[str]] = {}
    for name, service in SERVICES.items():
        for profile in service.get("profiles", []):
            found.setdefault(profile, set()).add(name)
    assert found == PROFILES
    handbook = (ROOT / "docs" / "operations.md").read_text().partition("### With containers")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", handbook, re.MULTILINE)) == set(PROFILES)
    for name in set(SERVICES) - set(ADDED):
        assert set(SERVICES[name].get("depends_on", {})) & set(ADDED) == set()


def test_every_setting_that_is_named_exists() -> None:
    known = {f"PRISTAN_{name.upper()}" for name in Settings.model_fields}
    for name in OURS:
        named = {key for key in SERVICES[name]["environment"] if key.startswith("PRISTAN_")}
        named |= {target for target in secrets_of(SERVICES[name]).values() if target.startswith("PRISTAN_")}
        assert named <= known, name


def test_all_processes_together_stay_below_the_connections_of_a_new_postgresql() -> None:
    connected = [name for name in sorted(OURS) if "PRISTAN_DATABASE_URL" in SERVICES[name]["environment"]]
    assert len(connected) >= 5
    assert sum(int(SERVICES[name]["environment"]["PRISTAN_DATABASE_CONNECTIONS"]) for name in connected) <= 97


def test_the_defaults_of_every_process_are_settings_that_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OURS:
        with monkeypatch.context() as patched:
            patched.setenv("PRISTAN_BASE_URL", "https://help.example.org")
            for key, value in SERVICES[name]["environment"].items():
                default = re.sub(r"\$\{\w+:[-?]([^}]*)\}", r"\1", str(value))
                if key.startswith("PRISTAN_") and key != "PRISTAN_BASE_URL":
                    patched.setenv(key, default)
            Settings()


def test_every_secret_is_a_file_that_the_first_lines_make() -> None:
    used = {source for service in SERVICES.values() for source in secrets_of(service)}
    assert used == set(COMPOSE["secrets"])
    assert {row["file"] for row in COMPOSE["secrets"].values()} == {f"./secrets/{name}" for name in used}
    head = TEXT.partition("\nx-hardened")[0]
    for name in used:
        role = name.removeprefix("db_password_")
        assert f"secrets/{name}" in head or re.search(rf"for role in [\w ]*\b{role}\b", head), name


def test_no_password_stands_in_an_environment() -> None:
    for name, service in SERVICES.items():
        secret = {key for key in service.get("environment", {}) if re.search("PASSWORD|TOKEN|SECRET", key)}
        assert {key for key in secret if not key.endswith("_FILE")} == set(), name


def test_every_file_that_is_mounted_is_there_and_read_only() -> None:
    mounted = [
        volume for service in SERVICES.values() for volume in service.get("volumes", []) if volume.startswith("./")
    ]
    assert mounted
    for volume in mounted:
        place, _target, *mode = volume.split(":")
        if place != "./backups":
            assert (ROOT / place).is_file(), volume
            assert mode == ["ro"], volume
    named = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert {name for name in named if not name.startswith("./")} == set(COMPOSE["volumes"])


def test_only_the_proxy_is_open_to_the_network() -> None:
    for name, service in SERVICES.items():
        ports = service.get("ports", [])
        assert (
            ports == ["80:80", "443:443"] if name == "proxy" else all(port.startswith("127.0.0.1:") for port in ports)
        )


@pytest.mark.parametrize("name", [name for name in ADDED if name != "mail"])
def test_what_the_profiles_add_has_as_few_rights_as_can_be(name: str) -> None:
    service = SERVICES[name]
    assert (service["cap_drop"], service["read_only"], service["ulimits"]) == (["ALL"], True, {"core": 0})
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["mem_limit"] == service["memswap_limit"]


def test_the_relay_is_reached_within_the_machine_alone_and_leaves_no_log() -> None:
    mail = SERVICES["mail"]
    assert mail["network_mode"] == "service:worker"
    assert mail["environment"]["POSTFIX_inet_interfaces"] == "127.0.0.1"
    assert mail["environment"]["POSTFIX_smtp_tls_security_level"] == "encrypt"
    assert mail["logging"] == {"driver": "none"}


def test_the_proxy_sends_each_path_to_the_container_of_its_surface_and_keeps_the_promises() -> None:
    ours = (ROOT / "deploy" / "compose" / "Caddyfile").read_text()
    assert set(re.findall(r"reverse_proxy (\w+):8000", ours)) == {"public", "desk", "partner"}
    theirs = (ROOT / "deploy" / "proxy" / "Caddyfile").read_text()
    same = theirs.partition("(to_pristan)")[2]
    same = re.sub(r"unix//run/pristan-(\w+)/http\.sock", r"\1:8000", same).replace("help.example.org", "{$PUBLIC_HOST}")
    assert ours.partition("(to_pristan)")[2] == same, "the other Caddyfile says something else"
    assert "output discard" in ours


def test_prometheus_asks_every_surface_and_grafana_asks_prometheus() -> None:
    folder = ROOT / "deploy" / "compose"
    asked = yaml.safe_load((folder / "prometheus.yml").read_text())["scrape_configs"][0]
    assert {group["targets"][0] for group in asked["static_configs"]} == {"desk:8000", "public:8000", "partner:8000"}
    token = asked["authorization"]["credentials_file"].rsplit("/", 1)[-1]
    assert token in secrets_of(SERVICES["prometheus"])
    for name in ("desk", "public", "partner"):
        assert secrets_of(SERVICES[name])[token] == "PRISTAN_METRICS_TOKEN"
    source = yaml.safe_load((folder / "grafana-datasource.yml").read_text())["datasources"][0]
    assert source["url"] == "http://prometheus:9090"


def run(script: str, folder: Path, *words: str, **environment: str) -> str:
    """The script of an entry point with `pristan` played by a program that says how it was called."""
    played = folder / "pristan"
    played.write_text('#!/bin/sh\necho "$# $*|$PGPASSWORD|${PRISTAN_METRICS_TOKEN-none}"\n')
    played.chmod(0o755)
    text = script.replace("$$", "$").replace("/run/secrets", str(folder / "secrets")).replace("/backups", str(folder))
    path = f"{folder}:/usr/bin:/bin"
    done = subprocess.run(
        ["/bin/sh", "-euc", text, "pristan", *words],
        env={"PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_our_entry_point_hands_every_secret_on_and_keeps_words_apart(tmp_path: Path) -> None:
    script = SERVICES["desk"]["entrypoint"][2]
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "db_password").write_text("made up $x")
    assert run(script, tmp_path, "serve", "two words") == "2 serve two words|made up $x|none\n"
    (tmp_path / "secrets" / "PRISTAN_METRICS_TOKEN").write_text("a token")
    assert run(script, tmp_path, "serve") == "1 serve|made up $x|a token\n"


def test_the_backup_is_made_first_and_old_ones_go(tmp_path: Path) -> None:
    script = SERVICES["backup"]["entrypoint"][2].replace("sleep 86400", "exit 0")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "db_password").write_text("x")
    told = run(script, tmp_path, KEEP_DAYS="30")
    assert re.fullmatch(rf"2 backup {re.escape(str(tmp_path))}/\d{{8}}T\d{{6}}Z\.backup\|x\|none\n", told)
    shown = CliRunner().invoke(cli, ["backup", "--help"])
    assert shown.exit_code == 0
