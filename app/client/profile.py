"""The profile of `pristan partner`: credentials, private key, position in the event feed and unanswered actions.

One JSON file, readable by its owner only and replaced atomically.
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
    """There is no profile yet, or its file cannot be read."""


@dataclass(slots=True)
class Profile:
    """A stored profile. `private_key` is the 32-byte seed in base64url; `old_keys` are its predecessors.

    `pending` has the Idempotency-Key and version of each action that has not been answered yet.
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
    """The platform's folder for settings; PRISTAN_CONFIG overrides it."""
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
    """The stored profile. Raises NoProfile."""
    try:
        profile = Profile(**json.loads(path().read_text(encoding="utf-8-sig")))
    except FileNotFoundError:
        raise NoProfile("You are not logged in: run `pristan partner login`.") from None
    except (OSError, TypeError, ValueError, RecursionError):
        raise _unreadable() from None
    texts = (profile.base_url, profile.client_id, profile.client_secret, profile.organisation, profile.private_key)
    keys_and_cursor = (*texts, profile.cursor, *(profile.old_keys if isinstance(profile.old_keys, list) else [None]))
    if not all(isinstance(value, str) for value in keys_and_cursor) or not isinstance(profile.pending, dict):
        raise _unreadable()
    return profile


def _unreadable() -> NoProfile:
    return NoProfile(f"{path()} cannot be read; run `pristan partner login` again.")


def save(profile: Profile) -> None:
    """Replace the file (mode 0600); a missing folder is created with mode 0700."""
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
