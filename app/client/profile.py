"""Where the command line keeps its sign-in, its private key, its place in the feed, and acts not yet answered.

One JSON file that only its owner may read, written whole or not at all.
"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any


class NoProfile(Exception):
    """Nobody has logged in here yet, or the file can not be used."""


@dataclass(slots=True)
class Profile:
    """`private_key` is base64url of the 32-byte seed, `old_keys` those before it.

    `pending` keeps the Idempotency-Key of each act until it is answered.
    """

    base_url: str
    client_id: str
    client_secret: str
    organisation: str = ""
    private_key: str = ""
    old_keys: list[str] = field(default_factory=list)
    cursor: str = ""
    pending: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Profile({self.base_url})"


def folder(environment: Mapping[str, str] = os.environ, platform: str = sys.platform, home: Path | None = None) -> Path:
    """The platform's place for settings; PRISTAN_CONFIG overrides it."""
    if given := environment.get("PRISTAN_CONFIG"):
        return Path(given)
    home = home or Path.home()
    if platform == "win32":
        return Path(environment.get("APPDATA") or home / "AppData" / "Roaming") / "pristan"
    if platform == "darwin":
        return home / "Library" / "Application Support" / "pristan"
    return Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "pristan"


def path() -> Path:
    return folder() / "partner.json"


def load() -> Profile:
    """Raises NoProfile."""
    try:
        return Profile(**json.loads(path().read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise NoProfile("You are not logged in: run `pristan partner login`.") from None
    except (OSError, TypeError, ValueError):
        raise NoProfile(f"{path()} can not be read; run `pristan partner login` again.") from None


def save(profile: Profile) -> None:
    """Replace the file, mode 0600, in a folder of mode 0700 if it has to be made."""
    target = path()
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = target.with_name(f".partner.{token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(profile), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
