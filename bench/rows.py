"""The measured requests, one per row of the budget table."""

import time
from collections.abc import Iterator
from typing import Final
from uuid import UUID, uuid4

import httpx
import pyotp
from selectolax.lexbor import LexborHTMLParser

from app.cases.queue import DEFAULT_VIEW, VIEWS, Cursor
from app.cases.queue_views import DEFAULT_ORDER, ORDERS
from bench.load import PASSPHRASE, Network, answers
from bench.made_up import OLDEST, RARE_LANGUAGE, RARE_NEED
from bench.serving import Request

MEMORY: Final = "memory"
"""The row after which memory is measured: after daily requests and before the quarterly ones."""


def HELLO(client: httpx.Client) -> httpx.Response:
    return client.get("/hello")


def requests(network: Network) -> Iterator[tuple[str, Request]]:
    """The rows in the order of the budget table. Tokens and sessions are created once, outside the measurement."""
    tokens: dict[str, dict[str, str]] = {}

    def token(client: httpx.Client, name: str, secret: str) -> dict[str, str]:
        if name not in tokens:
            answer = client.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=(name, secret))
            tokens[name] = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        return tokens[name]

    def intake(client: httpx.Client) -> httpx.Response:
        headers = {**token(client, "front", network.frontend_secret), "Idempotency-Key": str(uuid4())}
        return client.post("/v1/intakes", json=answers(), headers=headers)

    def come_back(client: httpx.Client) -> httpx.Response:
        """Come back with a number: it is stretched, the case found and opened, a visit begun."""
        if "number" not in tokens:
            tokens["number"] = {"number": intake(client).json()["receipt"]}
        client.cookies.clear()
        return client.post("/ru/return", data=tokens["number"], headers={"Sec-Fetch-Site": "same-origin"})

    def partner(path: str) -> Request:
        return lambda client: client.get(path, headers=token(client, "partner", network.partner_secret))

    def desk(path: str) -> Request:
        def get(client: httpx.Client) -> httpx.Response:
            if "desk" not in tokens:
                _sign_in(client, network)
                tokens["desk"] = {}
            return client.get(path)

        return get

    yield "intake, JSON", intake
    yield "return with a number", come_back
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
    yield "one case", desk(f"/desk/cases/{network.case_label}")
    yield "partner pull, 25", partner("/v1/referrals?limit=25")
    yield "partner pull, nothing new", partner("/v1/referrals?updated_since=2100-01-01T00:00:00Z")
    yield "partner, offered", partner("/v1/referrals?limit=25&state=offered")
    yield "partner, page of 100", partner("/v1/referrals?limit=100")
    yield "one referral", partner(f"/v1/referrals/{network.referral_id}")
    yield "feed, page of 1,000", partner("/v1/events?limit=1000")
    yield MEMORY, partner("/v1/events?limit=1")
    yield "reports", desk("/desk/reports")


def _deep(network: Network, *, back: bool) -> str:
    """A cursor in the middle of the list; the cases were filed over more than a year."""
    half_way = network.founded_at - OLDEST / 2
    return Cursor((half_way.date(), 1, half_way, UUID(int=0)), back).token()


def _sign_in(client: httpx.Client, network: Network) -> None:
    page = LexborHTMLParser(client.get("/desk/sign-in").text)
    held = {
        node.attributes["name"]: node.attributes.get("value") or ""
        for node in page.css("form input[type=hidden]")
        if node.attributes.get("name")
    }
    said = {**held, "name": network.member, "passphrase": PASSPHRASE}
    for wait in (0, 31):  # a code is taken once; the sitting before may have used this half minute's
        time.sleep(wait)
        answer = client.post("/desk/sign-in", data={**said, "code": pyotp.TOTP(network.totp_secret).now()})
        if answer.status_code == 303:
            return
    assert answer.status_code == 303, answer.status_code
