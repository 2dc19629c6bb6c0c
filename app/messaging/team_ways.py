"""The team's other ways: Signal, Telegram, Matrix, Mattermost, ntfy, SMS gateways and more, through the library Apprise.

The operator sets each under a name, with its address and secrets. A member chooses a name; nothing that is typed at the desk is
ever called. The library is optional (requirements/ways.txt).
"""

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from app.messaging import apprise_call
from app.messaging.channels import Notice, SendingFailed

_PROGRAM: Final = Path(apprise_call.__file__)
_AT_ONCE: Final = 4
"""Processes at the same time: each needs some 40 MB."""
_REASONS: Final = {
    apprise_call.NOT_UNDERSTOOD: "address_not_understood",
    apprise_call.NOT_TAKEN: "not_taken",
    apprise_call.MISSING: "library_missing",
}


class TeamWays:
    """Sends by a named way. `Notice.address` is its name. Its repr shows no address."""

    def __init__(self, addresses: Mapping[str, str], timeout: float = 20.0) -> None:
        self._addresses = dict(addresses)
        self._timeout = timeout
        self._few = threading.BoundedSemaphore(_AT_ONCE)

    def __repr__(self) -> str:
        return f"TeamWays({sorted(self._addresses)})"

    def takes(self, notice: Notice) -> bool:
        return bool(notice.address)

    def send(self, notice: Notice) -> None:
        address = self._addresses.get(notice.address)
        if not address:  # the operator has taken it away: nobody counts on it any more
            raise SendingFailed("way_removed", permanent=True, address_gone=True)
        given = json.dumps({"address": address, "subject": notice.subject, "text": notice.text}).encode()
        with self._few:
            try:
                done = subprocess.run(
                    [sys.executable, "-I", "-X", "utf8", str(_PROGRAM)],
                    input=given,
                    env={},
                    cwd="/",
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    timeout=self._timeout,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise SendingFailed("too_slow", affects_all=True) from None
            except OSError as error:
                raise SendingFailed(type(error).__name__, affects_all=True) from None
        if done.returncode != apprise_call.SENT:
            raise SendingFailed(_REASONS.get(done.returncode, "broken"), affects_all=True)
