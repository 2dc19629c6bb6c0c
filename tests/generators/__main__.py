"""`make generators`: clients are generated from the descriptions, compiled and driven against the sandbox of a demonstration.

Each generator has an environment of its own in `build/generators`, made once. Where a registry cannot be reached, this is said, and
nothing fails: what is not installed cannot be tried. A client that is made and does not work fails. So does a proxy (nginx, Caddy)
behind which the API is another one.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from tests.generators import openapi_generator, proxies
from tests.generators.commands import BUILD, HERE, UV, NotInstalled, install, run, say

PYTHON_GENERATOR: Final = "openapi-python-client==0.29.1"
NODE_PACKAGES: Final = ("openapi-typescript@7.13.0", "openapi-fetch@0.17.0", "typescript@5.9.3", "@types/node@22.20.7")
_AT_ONCE: Final = 3
"""How many clients are driven against one demonstration."""
_PATIENCE: Final = 180
"""Seconds in which the demonstration has to listen."""


def main() -> int:
    BUILD.mkdir(parents=True, exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base_url = f"http://127.0.0.1:{port}"
    description = write_descriptions(base_url)
    makers: list[tuple[str, Callable[[], list[str]]]] = [
        ("openapi-python-client", python_client),
        ("openapi-typescript", typescript_client),
    ]
    try:
        made = openapi_generator.generate()
    except NotInstalled as reason:
        say(f"==> openapi-generator: not tried, {reason}")
    else:
        openapi_generator.check_patterns(made, description)
        makers += [
            ("openapi-generator (Python)", partial(openapi_generator.python_client, made)),
            ("openapi-generator (Go)", partial(openapi_generator.go_client, made)),
            ("openapi-generator (TypeScript)", partial(openapi_generator.fetch_client, made)),
            ("openapi-generator (Java)", partial(openapi_generator.java_client, made)),
        ]
    commands: list[list[str]] = []
    for name, make in makers:
        try:
            commands.append(make())
        except NotInstalled as reason:
            say(f"==> {name}: not tried, {reason}")
    driven = [command for command in commands if command]
    with demonstration(port):
        for command in driven[:_AT_ONCE]:
            run([*command, base_url])
    with demonstration(port):  # each driver answers two offers, and the sandbox of one has eight
        for command in driven[_AT_ONCE:]:
            run([*command, base_url])
        for name in proxies.PROXIES:
            try:
                say(proxies.drive(name, port, base_url))
            except NotInstalled as reason:
                say(f"==> {name}: not tried, {reason}")
    return 0


def write_descriptions(base_url: str) -> dict[str, Any]:
    """Writes both descriptions for the generators. Returns that of the partner API."""
    from app.api import hsds_openapi, openapi

    documents = {"partner": openapi.document(base_url), "directory": hsds_openapi.document(base_url)}
    for name, document in documents.items():
        (BUILD / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    return documents["partner"]


def python_client() -> list[str]:
    """The command that drives the client of openapi-python-client."""
    place = BUILD / "python"
    environment = place / ".venv"
    python = environment / "bin" / "python"
    if not python.exists():
        install([UV, "venv", "--quiet", str(environment)])
        install([UV, "pip", "install", "--quiet", "--python", str(python), PYTHON_GENERATOR])
    target = place / "partner_client"
    generator = str(python.with_name("openapi-python-client"))
    command = [generator, "generate", "--path", str(BUILD / "partner.json"), "--output-path", str(target)]
    run([*command, "--meta", "none", "--overwrite", "--fail-on-warning"])
    shutil.copy(HERE / "drive.py", place / "drive.py")
    return [str(python), str(place / "drive.py")]


def typescript_client() -> list[str]:
    """The command that drives the client with the types of openapi-typescript, after a strict check of them."""
    npm, node, place = shutil.which("npm"), shutil.which("node"), BUILD / "typescript"
    if npm is None or node is None:
        raise NotInstalled("npm and Node are not here")
    place.mkdir(exist_ok=True)
    (place / "package.json").write_text('{"private": true, "type": "module"}', encoding="utf-8")
    programs = place / "node_modules" / ".bin"
    if not (programs / "tsc").exists():
        install([npm, "install", "--no-audit", "--no-fund", "--no-save", "--silent", *NODE_PACKAGES], place)
    for name in ("partner", "directory"):
        run(
            [str(programs / "openapi-typescript"), str(BUILD / f"{name}.json"), "-o", str(place / f"{name}.d.ts")],
            place,
            quiet=True,
        )
    shutil.copy(HERE / "drive.ts", place / "drive.ts")
    options = ["--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--target", "es2022"]
    run([str(programs / "tsc"), *options, "--module", "nodenext", "--types", "node", "drive.ts"], place, quiet=True)
    return [node, str(place / "drive.js")]


@contextmanager
def demonstration(port: int) -> Iterator[None]:
    """`pristan run-demo` on this port, with an empty folder for its data, until the end of the block."""
    var = BUILD / "var"
    shutil.rmtree(var, ignore_errors=True)
    environment = {**os.environ, "PRISTAN_VAR": str(var), "PRISTAN_DATABASE_URL": f"sqlite:///{var / 'demo.db'}"}
    var.mkdir(mode=0o700)
    command = [sys.executable, "-m", "app.cli.main", "run-demo", "--port", str(port)]
    with (BUILD / "demo.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            wait_for(server, f"http://127.0.0.1:{port}/healthz")
            yield
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)


def wait_for(server: "subprocess.Popen[bytes]", url: str) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise SystemExit(f"the demonstration does not start: see {BUILD / 'demo.log'}")


if __name__ == "__main__":
    sys.exit(main())
