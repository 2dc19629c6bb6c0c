"""The measured requests, one per row of the budget table."""

import time
from collections.abc import Iterator
from datetime import date, datetime
from typing import Final
from uuid import UUID, uuid4

import httpx
import pyotp
from selectolax.lexbor import LexborHTMLParser

from app.cases.queue_queries import DEFAULT_VIEW, VIEWS, Cursor, QueueQuery
from app.cases.queue_views import DEFAULT_ORDER, ORDERS
from bench.load import PASSPHRASE, Network, answers
from bench.made_up import MOST_ASKED, OLDEST, RARE_LANGUAGE, RARE_NEED
from bench.serving import Request

BUDGETED: Final = (
    "intake, JSON", "intake, form in three requests", "start page", "question page", "queue, first page", "one case",
    "one case, opened", "partner pull, 25", "partner pull, nothing new",
)  # fmt: skip
"""The rows that are measured again on a busy machine."""
MEMORY: Final = "memory"
"""The row after which memory is measured: after daily requests and before the quarterly ones."""

Fields = dict[str, list[str]]
"""The fields of a form, each with its values."""
_SAME_ORIGIN: Final = {"Sec-Fetch-Site": "same-origin"}
FORM: Final[Fields] = {
    "for_whom": ["self"], "needs": ["asylum", "appeals"], "how_soon": ["month"], "country": ["PL"], "region": ["PL-14"],
    "speak": ["ru"], "story": ["Выдуманная история для измерения. " * 20], "call_me": ["Сова"], "channel": ["number"],
    "nationality": ["RU"],
}  # fmt: skip
"""What the made-up person fills in; what `load.answers` files by the API."""
_CONSENT: Final[Fields] = {f"c_{MOST_ASKED}": ["allow"]}


def HELLO(client: httpx.Client) -> httpx.Response:
    return client.get("/hello")


class Callers:
    """Who sends the measured requests. Tokens, sessions and hidden fields are got once, outside the measurement."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._tokens: dict[str, dict[str, str]] = {}
        self._cookies: httpx.Cookies | None = None
        self._hidden: dict[str, Fields] = {}
        self._number = ""

    def intake(self, client: httpx.Client) -> httpx.Response:
        headers = {**self._token(client, "front", self._network.frontend_secret), "Idempotency-Key": str(uuid4())}
        return client.post("/v1/intakes", json=answers(), headers=headers)

    def form(self, client: httpx.Client) -> httpx.Response:
        """The form on one page as a browser without scripts sends it: it is opened, checked and sent, three requests."""
        client.cookies.clear()
        page = client.get("/ru/form/all")
        page = client.post("/ru/form/all", data={**hidden(page), **FORM}, headers=_SAME_ORIGIN)
        return client.post("/ru/form/all/send", data={**hidden(page), **_CONSENT}, headers=_SAME_ORIGIN)

    def come_back(self, client: httpx.Client) -> httpx.Response:
        """Come back with a number: it is stretched, the case found and opened, a visit begun."""
        self._number = self._number or self.intake(client).json()["receipt"]
        client.cookies.clear()
        return client.post("/ru/return", data={"number": self._number}, headers=_SAME_ORIGIN)

    def partner(self, path: str) -> Request:
        return lambda client: client.get(path, headers=self._token(client, "partner", self._network.partner_secret))

    def desk(self, path: str) -> Request:
        def get(client: httpx.Client) -> httpx.Response:
            self._sign_in(client)
            return client.get(path)

        return get

    def desk_form(self, page: str, action: str, **fields: str) -> Request:
        """Send a form of a page of the desk; the page is opened once, for the hidden fields."""

        def post(client: httpx.Client) -> httpx.Response:
            self._sign_in(client)
            if action not in self._hidden:
                self._hidden[action] = hidden(client.get(page))
            return client.post(action, data={**self._hidden[action], **fields}, headers=_SAME_ORIGIN)

        return post

    def _token(self, client: httpx.Client, name: str, secret: str) -> dict[str, str]:
        if name not in self._tokens:
            answer = client.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=(name, secret))
            self._tokens[name] = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        return self._tokens[name]

    def _sign_in(self, client: httpx.Client) -> None:
        if self._cookies is None:
            _sign_in(client, self._network)
            self._cookies = httpx.Cookies(client.cookies)
        client.cookies.update(self._cookies)


def requests(network: Network) -> Iterator[tuple[str, Request]]:
    """The rows in the order of the budget table."""
    callers = Callers(network)
    partner, desk = callers.partner, callers.desk
    case = f"/desk/cases/{network.case_label}"
    yield "intake, JSON", callers.intake
    yield "intake, form in three requests", callers.form
    yield "return with a number", callers.come_back
    yield "start page", lambda client: client.get("/ru/")
    yield "question page", lambda client: client.get("/ru/form/3")
    yield "today", desk("/desk/today")
    yield "queue, first page", desk("/desk/")
    for view in VIEWS:
        if view != DEFAULT_VIEW:
            yield f"queue, {view}", desk(f"/desk/?view={view}")
    yield "queue, common filter", desk("/desk/?need=asylum&language=ru")
    yield "queue, rare need", desk(f"/desk/?need={RARE_NEED}")
    yield "queue, rare language", desk(f"/desk/?language={RARE_LANGUAGE}")
    yield "queue, urgency and country", desk("/desk/?urgency=emergency&country=GE")
    for sort in ORDERS:
        if sort != DEFAULT_ORDER:
            yield f"queue, by {sort}", desk(f"/desk/?sort={sort}")
            yield f"queue, by {sort}, down", desk(f"/desk/?sort=-{sort}")
    yield "queue, deep page", desk(f"/desk/?at={_deep(network, back=False)}")
    yield "queue, deep, backwards", desk(f"/desk/?at={_deep(network, back=True)}")
    yield "one case", desk(case)
    yield "one case, opened", callers.desk_form(case, f"{case}/show")
    yield "search", callers.desk_form("/desk/search", "/desk/search", q="bench")
    yield "partner pull, 25", partner("/v1/referrals?limit=25")
    yield "partner pull, nothing new", partner("/v1/referrals?updated_since=2100-01-01T00:00:00Z")
    yield "partner, offered", partner("/v1/referrals?limit=25&state=offered")
    yield "partner, page of 100", partner("/v1/referrals?limit=100")
    yield "one referral", partner(f"/v1/referrals/{network.referral_id}")
    yield "feed, page of 1,000", partner("/v1/events?limit=1000")
    yield MEMORY, partner("/v1/events?limit=1")
    yield "reports", desk("/desk/reports")


def hidden(page: httpx.Response) -> Fields:
    """The hidden fields of the page's form with a token, each with all of its values. Raises AssertionError without one."""
    for form in LexborHTMLParser(page.text).css("form"):
        fields: Fields = {}
        for node in form.css("input[type=hidden]"):
            fields.setdefault(node.attributes.get("name") or "", []).append(node.attributes.get("value") or "")
        if "csrf" in fields:
            return fields
    raise AssertionError(page.status_code)


def _deep(network: Network, *, back: bool) -> str:
    """A cursor in the middle of the usual list; the cases were filed over more than a year."""
    half_way = network.founded_at - OLDEST / 2
    middle = {date: half_way.date(), datetime: half_way, int: 1, UUID: UUID(int=0)}
    return Cursor(tuple(middle[column.type.python_type] for column in QueueQuery().order), back).token()


def _sign_in(client: httpx.Client, network: Network) -> None:
    said = {**hidden(client.get("/desk/sign-in")), "name": network.member, "passphrase": PASSPHRASE}
    for wait in (0, 31):  # a code is taken once; the sitting before may have used this half minute's
        time.sleep(wait)
        answer = client.post("/desk/sign-in", data={**said, "code": pyotp.TOTP(network.totp_secret).now()})
        if answer.status_code == 303:
            return
    assert answer.status_code == 303, answer.status_code
