"""The files of deploy/: units with few rights, and proxies that keep the promise; systemd checks them where it is there."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.main import app as cli

DEPLOY = Path(__file__).parents[2] / "deploy"
SERVICES = sorted((DEPLOY / "systemd").glob("*.service"))
HARDENED = {
    "limitcore": "0",
    "limitmemlock": "infinity",
    "memoryswapmax": "0",
    "nonewprivileges": "yes",
    "capabilityboundingset": "",
    "protectsystem": "strict",
    "protecthome": "yes",
    "privatetmp": "yes",
    "privatedevices": "yes",
    "protectproc": "invisible",
    "restrictnamespaces": "yes",
    "memorydenywriteexecute": "yes",
    "umask": "0077",
    "user": "pristan",
}


def unit(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read_string(path.read_text())
    return parser


def nginx() -> str:
    return (DEPLOY / "proxy" / "nginx.conf").read_text()


def caddy() -> str:
    return (DEPLOY / "proxy" / "Caddyfile").read_text()


def test_there_is_a_unit_for_each_surface_the_worker_and_the_backup() -> None:
    named = {path.stem.removeprefix("pristan-") for path in SERVICES}
    assert named == {"public", "desk", "partner", "worker", "backup", "reminder", "all"}
    for name in ("backup", "reminder"):
        assert unit(DEPLOY / "systemd" / f"pristan-{name}.timer")["Timer"]["persistent"] == "true"


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)
def test_a_unit_has_as_few_rights_as_can_be_and_settings_of_its_own(path: Path) -> None:
    service = unit(path)["Service"]
    assert {name: service.get(name) for name in HARDENED} == HARDENED
    assert service["environmentfile"] == f"/etc/pristan/{path.stem.removeprefix('pristan-')}.env"
    alone = "true" if path.stem == "pristan-all" else "false"  # on SQLite the worker is a thread of the one process
    assert f"PRISTAN_WORKER_IN_WEB={alone}" in service["environment"]


def test_each_web_unit_serves_one_surface_on_a_socket_of_its_own() -> None:
    for name in ("public", "desk", "partner"):
        command = unit(DEPLOY / "systemd" / f"pristan-{name}.service")["Service"]["execstart"]
        assert command.endswith(f"serve --surfaces {name} --socket /run/pristan-{name}/http.sock")


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)
def test_the_command_of_a_unit_and_its_options_exist(path: Path) -> None:
    command = unit(path)["Service"]["execstart"].replace("exec ", "").split("/opt/pristan/bin/pristan ")[1].split()
    shown = CliRunner().invoke(cli, [command[0], "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    assert [word for word in command if word.startswith("--") and word not in shown.stdout] == []


def test_systemd_understands_every_unit() -> None:
    if shutil.which("systemd-analyze") is None:
        return  # read above all the same
    units = [str(path) for path in (DEPLOY / "systemd").iterdir()]
    told = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, check=False
    )
    lines = [line for line in told.stderr.splitlines() if "pristan" in line and "is not executable" not in line]
    assert lines == []


def test_the_log_of_nginx_has_no_address_no_path_and_no_query() -> None:
    formats = re.findall(r"log_format \w+ '([^']*)'", nginx())
    assert len(formats) == 1
    said = set(re.findall(r"\$\w+", formats[0]))
    assert said == {"$time_iso8601", "$status", "$request_method", "$body_bytes_sent", "$request_time"}
    written = re.findall(r"^\s*(access_log|error_log) ([^;]+);", nginx(), re.MULTILINE)
    for kind, words in written:
        assert (kind == "access_log" and (words == "off" or words.endswith(" pristan"))) or words.split()[-1] in {
            "crit",
            "emerg",
        }


def test_the_log_of_caddy_is_thrown_away() -> None:
    assert "output discard" in caddy()
    assert not re.search(r"^\s+log\s*\{?$", caddy().split("\nhelp.example.org {")[1], re.MULTILINE)


def test_a_proxy_writes_the_senders_address_itself_and_limits_time_and_size() -> None:
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in nginx()
    assert "$proxy_add_x_forwarded_for" not in nginx()
    for name in ("client_header_timeout", "client_body_timeout", "send_timeout", "client_max_body_size", "limit_conn "):
        assert name in nginx(), name
    assert "header_up X-Forwarded-For {remote_host}" in caddy()
    for name in ("read_header", "read_body", "idle", "max_header_size", "max_size"):
        assert name in caddy(), name
    assert "proxy_max_temp_file_size 0" in nginx()
    assert "TLSv1.1" not in nginx()


def test_nothing_of_ours_that_machines_read_goes_to_the_internet() -> None:
    assert "location = /metrics { return 404; }" in nginx()
    assert "@metrics path /metrics" in caddy()


def test_a_program_that_forgot_tls_is_refused_and_not_redirected() -> None:
    assert r"location ~ ^/(v1|oauth|hsds|\.well-known)(/|$) { return 403; }" in nginx().split("\n    listen 443")[0]
    plain = caddy().split("http://help.example.org {")[1].split("}")[0]
    assert "respond @programs 403" in plain
