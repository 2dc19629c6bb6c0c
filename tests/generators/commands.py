"""What the steps of `make generators` share: where they write, and how they install and run programs."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
BUILD: Final = HERE.parent.parent / "build" / "generators"
UV: Final = str(Path(sys.executable).with_name("uv"))


class NotInstalled(Exception):
    """A registry cannot be reached, or a program that is needed is not there."""


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def install(command: Sequence[str], place: Path = BUILD) -> None:
    """Raises NotInstalled if it does not succeed: the registry is all that can be in the way."""
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotInstalled(f"the registry cannot be reached: {(done.stderr or done.stdout).strip()[-300:]}")


def run(
    command: Sequence[str], place: Path = BUILD, *, quiet: bool = False, variables: dict[str, str] | None = None
) -> str:
    """What the command says. Raises SystemExit with it, if it fails. Programs beside the command's own are found.

    `variables`: of the environment, beside those that are set.
    """
    path = f"{Path(command[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, **(variables or {}), "PATH": path}
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False, env=environment)
    told = f"{done.stdout}{done.stderr}".strip()
    if done.returncode:
        raise SystemExit(f"==> {' '.join(map(str, command))} fails:\n{told}")
    if not quiet:
        say(told)
    return told
