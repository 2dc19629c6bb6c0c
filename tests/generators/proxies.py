"""Real nginx and Caddy in front of the demonstration, with compression on: a version stays that version, and addresses stay ours.

Both are programs of the machine, or `.ci/run` unpacks them from Debian, so that no service is started. The rules that the tags
follow are tested without a proxy in `tests/api/test_partner_api_proxies.py`.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx

from tests.generators.commands import BUILD, NotInstalled

_PATIENCE: Final = 60
"""Seconds in which a proxy has to listen."""
_NGINX: Final = """
daemon off;
worker_processes 1;
pid {place}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {place}/body;
    proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi;
    scgi_temp_path {place}/scgi;
    gzip on;
    gzip_min_length 1;
    gzip_types application/json;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{behind};
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $remote_addr;
        }}
    }}
}}
"""
_CADDY: Final = """
{{
    admin off
    auto_https off
}}
http://:{port} {{
    bind 127.0.0.1
    encode {{
        gzip
        minimum_length 1
    }}
    reverse_proxy 127.0.0.1:{behind}
}}
"""


def nginx(place: Path) -> list[str]:
    return [_program("nginx"), "-p", str(place), "-c", str(place / "configuration"), "-e", "stderr"]


def caddy(place: Path) -> list[str]:
    return [_program("caddy"), "run", "--adapter", "caddyfile", "--config", str(place / "configuration")]


PROXIES: Final[dict[str, tuple[Callable[[Path], list[str]], str]]] = {
    "nginx": (nginx, _NGINX),
    "Caddy": (caddy, _CADDY),
}


def drive(name: str, behind: int, base_url: str) -> str:
    """What was tried through this proxy. `behind`: the demonstration's port. Raises NotInstalled, AssertionError."""
    command, configuration = PROXIES[name]
    place = BUILD / "proxy" / name.lower()
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    text = configuration.format(place=place, port=port, behind=behind)
    (place / "configuration").write_text(text, encoding="utf-8")
    with _running(command(place), port, place), httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        _use(client, base_url)
    return f"{name}: gzip, 304, accept with the tag that it made, 412 for the old one, HEAD, addresses"


def _use(client: httpx.Client, base_url: str) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_id": "sandbox",
        "client_secret": "published-and-protects-nothing",
    }
    token = client.post("/oauth/token", data=form).json()["access_token"]
    client.headers.update({"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"})
    listed = client.get("/v1/referrals", params={"state": "offered", "limit": 1})
    assert listed.headers["content-encoding"] == "gzip", "the proxy compresses"
    assert listed.headers["link"].startswith(f"<{base_url}/v1/referrals?"), listed.headers["link"]
    first = listed.json()["referrals"][0]
    path = f"/v1/referrals/{first['id']}"
    seen = client.get(path)
    tag = seen.headers["etag"]
    version = f'"{first["version"]}"'
    assert tag in {f"W/{version}", version, f'{version[:-1]}-gzip"'}, tag  # nginx, Caddy before and since 2.9
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
    assert client.head(path).status_code == 200
    given = {"If-Match": tag, "Idempotency-Key": f"through-a-proxy-{first['id']}"}
    accepted = client.post(f"{path}/actions/accept", headers=given)
    assert (accepted.status_code, accepted.json()["state"]) == (200, "accepted"), accepted.text
    old = client.post(f"{path}/actions/start", headers={**given, "Idempotency-Key": f"again-{first['id']}"})
    assert old.status_code == 412, old.text
    services = client.get("/hsds/3.1/services", params={"per_page": 1}, headers={"Host": "elsewhere.example"})
    assert services.headers["link"].startswith(f"<{base_url}/hsds/3.1/services?"), services.headers["link"]
    tag = services.headers["etag"]
    again = client.get("/hsds/3.1/services", params={"per_page": 1}, headers={"If-None-Match": tag})
    assert again.status_code == 304, again.status_code
    assert client.get("/ru").headers["location"].rstrip("/").endswith("/ru")


def _program(name: str) -> str:
    unpacked = BUILD / "debian" / "usr"
    found = shutil.which(name) or shutil.which(name, path=f"/usr/sbin:/sbin:{unpacked / 'sbin'}:{unpacked / 'bin'}")
    if found is None:
        raise NotInstalled(f"{name} is not here")
    return found


@contextmanager
def _running(command: Sequence[str], port: int, place: Path) -> Iterator[None]:
    with (place / "log").open("wb") as log:
        environment = {**os.environ, "XDG_CONFIG_HOME": str(place), "XDG_DATA_HOME": str(place)}
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            until = time.monotonic() + _PATIENCE
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    if process.poll() is not None or time.monotonic() > until:
                        raise SystemExit(f"==> {command[0]} does not start: see {place / 'log'}") from None
                    time.sleep(0.2)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
