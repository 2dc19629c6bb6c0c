"""The clients of a drill: they file, accept and read the feed, and write into the ledger what they were told.

Each repeats a request with the same `Idempotency-Key` at one web process after the other until it is answered, as the
partner API's documentation asks of every program.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import httpx

from bench.load import answers
from drill.judge import Event, Ledger

_AGAIN_AFTER: Final = 0.4
_ANSWERED: Final = frozenset({200, 201, 400, 404, 409, 410, 412, 422})
"""Statuses that end the repeating; a 409 `request-in-progress` does not."""


@dataclass
class Told:
    """What all clients share: the ledger, when writes were acknowledged, the statuses, and the end."""

    ledger: Ledger = field(default_factory=Ledger)
    acknowledged_at: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)
    is_over: threading.Event = field(default_factory=threading.Event)
    """No new work is begun."""
    gives_up: threading.Event = field(default_factory=threading.Event)
    """What was begun is not repeated any more either."""

    def status(self, name: str, passed: float) -> None:
        with self.lock:
            self.statuses[name] += 1
            self.slowest = max(self.slowest, passed)

    def acknowledge(self, write: Callable[[Ledger], None]) -> None:
        with self.lock:
            write(self.ledger)
            self.acknowledged_at.append(time.monotonic())


class Caller:
    """One client with a token of its own, which goes from one web process to the next when something fails."""

    def __init__(self, told: Told, doors: list[str], name: str, secret: str) -> None:
        self._told, self._doors, self._who = told, doors, (name, secret)
        self._at = random.randrange(len(doors))
        self._token = ""
        self._http = httpx.Client(timeout=10)

    def ask(
        self, method: str, path: str, *, key: str = "", headers: Mapping[str, str] | None = None, **more: Any
    ) -> httpx.Response | None:
        """The answer, after as many repetitions as it takes; None: it gave up."""
        while not self._told.gives_up.is_set():
            began = time.monotonic()
            try:
                if not self._token:
                    self._sign_in()
                sent = {"Authorization": f"Bearer {self._token}", **(headers or {})}
                if key:
                    sent["Idempotency-Key"] = key
                answer = self._http.request(method, self._door() + path, headers=sent, **more)
            except httpx.HTTPError as error:
                self._told.status(type(error).__name__, time.monotonic() - began)
                self._move_on()
                continue
            self._told.status(str(answer.status_code), time.monotonic() - began)
            if answer.status_code == 401:
                self._token = ""
            elif answer.status_code in _ANSWERED and "request-in-progress" not in answer.text:
                return answer
            self._move_on()
        return None

    def close(self) -> None:
        self._http.close()

    def _sign_in(self) -> None:
        answer = self._http.post(
            self._door() + "/oauth/token", data={"grant_type": "client_credentials"}, auth=self._who
        )
        self._told.status(f"token {answer.status_code}", 0)
        answer.raise_for_status()
        self._token = answer.json()["access_token"]

    def _door(self) -> str:
        return self._doors[self._at % len(self._doors)]

    def _move_on(self) -> None:
        self._at += 1
        time.sleep(_AGAIN_AFTER)


def file_intakes(told: Told, caller: Caller, pause: float) -> None:
    """File one intake after the other, each of another made-up person."""
    while not told.is_over.is_set():
        key = str(uuid4())
        with told.lock:
            told.ledger.unanswered.add(key)
        answer = caller.ask("POST", "/v1/intakes", key=key, json=_intake(key))
        if answer is not None and answer.status_code == 201:
            label = answer.json()["case"]

            def write(ledger: Ledger, key: str = key, label: str = label) -> None:
                ledger.filed[key] = label
                ledger.unanswered.discard(key)

            told.acknowledge(write)
        elif answer is not None:
            raise RuntimeError(f"an intake was refused: {answer.status_code} {answer.text[:300]}")
        told.is_over.wait(pause)


def accept_offers(told: Told, caller: Caller) -> None:
    """Accept every offer that is there."""
    while not told.is_over.is_set():
        page = caller.ask("GET", "/v1/referrals?state=offered&limit=25")
        offered = page.json()["referrals"] if page is not None and page.status_code == 200 else []
        for referral in offered:
            _accept(told, caller, referral["id"], referral["version"])
        told.is_over.wait(0.5)


def _accept(told: Told, caller: Caller, referral: str, version: int) -> None:
    answer = caller.ask(
        "POST", f"/v1/referrals/{referral}/actions/accept", key=str(uuid4()), headers={"If-Match": f'"{version}"'}
    )
    if answer is not None and answer.status_code == 200:
        told.acknowledge(lambda ledger: ledger.accepted.add(referral))


def read_feed(told: Told, caller: Caller, is_enough: threading.Event) -> None:
    """Follow the feed from its beginning, until it is `enough` and nothing new comes."""
    cursor = ""
    while not told.gives_up.is_set():
        stop = is_enough.is_set()
        page = caller.ask(
            "GET", "/v1/events", params={"limit": "200", "wait": "1", **({"cursor": cursor} if cursor else {})}
        )
        if page is None or page.status_code != 200:
            continue
        body = page.json()
        with told.lock:
            told.ledger.read += [
                Event(
                    one["id"], one["data"]["referral"], one["data"]["version"], one["type"].removeprefix("org.pristan.")
                )
                for one in body["events"]
            ]
        cursor = body["cursor"]
        if stop and not body["events"]:
            return


def _intake(key: str) -> dict[str, Any]:
    """Nobody writes twice: a number and a story of their own, made of the key."""
    said = answers()
    number = int(key.replace("-", "")[:7], 16) % 10**7
    said["story"] = f"Выдуманная история {key} для учения."
    said["answer_by"] = {"channel": "signal", "address": f"+48 60{number:07}"}
    said["how_soon"] = "week"
    return said
