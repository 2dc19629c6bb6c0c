"""`make generators`: clients are generated from the descriptions, compiled and driven against the sandbox of a demonstration.

Each generator has an environment of its own in `build/generators`, made once. Where a registry cannot be reached, this is said, and
nothing fails: what is not installed cannot be tried. A client that is made and does not work fails.
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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
BUILD: Final = HERE.parent.parent / "build" / "generators"
PYTHON_GENERATOR: Final = "openapi-python-client==0.29.1"
JAVA_GENERATOR: Final = "openapi-generator-cli==7.26.0"
NODE_PACKAGES: Final = ("openapi-typescript@7.13.0", "openapi-fetch@0.17.0", "typescript@5.9.3", "@types/node@22.20.7")
_PATIENCE: Final = 180
"""Seconds in which the demonstration has to listen."""


class NotInstalled(Exception):
    """A registry cannot be reached, or a program that is needed is not there."""


def main() -> int:
    BUILD.mkdir(parents=True, exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base_url = f"http://127.0.0.1:{port}"
    write_descriptions(base_url)
    made: list[list[str]] = []
    for make in (python_client, typescript_client, generator_client):
        try:
            made.append([*make(), base_url])
        except NotInstalled as reason:
            say(f"==> {make.__name__}: not tried, {reason}")
    if made:
        with demonstration(port):
            for command in made:
                run(command)
    return 0


def write_descriptions(base_url: str) -> None:
    from app.api import hsds_openapi, openapi

    for name, document in (("partner", openapi.document(base_url)), ("directory", hsds_openapi.document(base_url))):
        (BUILD / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")


def python_client() -> list[str]:
    """The command that drives the client of openapi-python-client."""
    uv, place = str(Path(sys.executable).with_name("uv")), BUILD / "python"
    environment = place / ".venv"
    python = environment / "bin" / "python"
    if not python.exists():
        install([uv, "venv", "--quiet", str(environment)])
        install([uv, "pip", "install", "--quiet", "--python", str(python), PYTHON_GENERATOR])
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
        )
    shutil.copy(HERE / "drive.ts", place / "drive.ts")
    options = ["--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--target", "es2022"]
    run([str(programs / "tsc"), *options, "--module", "nodenext", "--types", "node", "drive.ts"], place)
    return [node, str(place / "drive.js")]


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def generator_client() -> list[str]:
    """The command that drives the Python client of openapi-generator, which needs Java."""
    if shutil.which("java") is None:
        raise NotInstalled("Java is not here")
    uv, place = str(Path(sys.executable).with_name("uv")), BUILD / "generator"
    python = place / ".venv" / "bin" / "python"
    if not python.exists():
        install([uv, "venv", "--quiet", str(place / ".venv")])
        needed = [JAVA_GENERATOR, "pydantic", "urllib3", "python-dateutil", "typing-extensions"]
        install([uv, "pip", "install", "--quiet", "--python", str(python), *needed])
    generator = str(python.with_name("openapi-generator-cli"))
    run(
        [generator, "generate", "-i", str(BUILD / "partner.json"), "-g", "python", "-o", str(place / "client")],
        quiet=True,
    )
    shutil.copy(HERE / "drive_generator.py", place / "client" / "drive.py")
    return [str(python), str(place / "client" / "drive.py")]


def install(command: Sequence[str], place: Path = BUILD) -> None:
    """Raises NotInstalled if it does not succeed: the registry is all that can be in the way."""
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotInstalled(f"the registry cannot be reached: {(done.stderr or done.stdout).strip()[-300:]}")


def run(command: Sequence[str], place: Path = BUILD, *, quiet: bool = False) -> str:
    """Raises SystemExit with what the command says, if it fails. Programs beside the command's own are found."""
    environment = {**os.environ, "PATH": f"{Path(command[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False, env=environment)
    told = f"{done.stdout}{done.stderr}".strip()
    if done.returncode:
        raise SystemExit(f"==> {' '.join(map(str, command))} fails:\n{told}")
    if not quiet:
        say(told)
    return told


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
