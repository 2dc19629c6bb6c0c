"""What is measured: one request a row, as a caller would send it."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pyotp
from selectolax.lexbor import LexborHTMLParser

from app.intake.queue import Place
from bench.load import PASSPHRASE, Network, answers
from bench.serving import Request


def HELLO(client: httpx.Client) -> httpx.Response:
    return client.get("/hello")


def requests(network: Network) -> Iterator[tuple[str, Request]]:
    """The rows, in the order of the budget's table. Tokens and sign-ins are fetched once, outside of what is measured."""
    tokens: dict[str, dict[str, str]] = {}

    def token(client: httpx.Client, name: str, secret: str) -> dict[str, str]:
        if name not in tokens:
            answer = client.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=(name, secret))
            tokens[name] = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        return tokens[name]

    def intake(client: httpx.Client) -> httpx.Response:
        headers = {**token(client, "front", network.frontend_secret), "Idempotency-Key": str(uuid4())}
        return client.post("/v1/intakes", json=answers(), headers=headers)

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
    yield "start page", lambda client: client.get("/ru/")
    yield "question page", lambda client: client.get("/ru/form/3")
    yield "queue, first page", desk("/desk/")
    yield "queue, a view", desk("/desk/?view=answered")
    yield "queue, common filter", desk("/desk/?need=asylum&language=ru")
    yield "queue, rare filter", desk("/desk/?need=statelessness")
    yield "queue, deep page", desk(f"/desk/?at={_deep()}")
    yield "queue, by waiting", desk("/desk/?sort=waits")
    yield "one case", desk(f"/desk/cases/{network.case_label}")
    yield "partner pull, 25", partner("/v1/referrals?limit=25")
    yield "partner pull, nothing new", partner("/v1/referrals?updated_since=2100-01-01T00:00:00Z")
    yield "one referral", partner(f"/v1/referrals/{network.referral_id}")
    yield "feed", partner("/v1/events?limit=1000")


def _deep() -> str:
    """Half-way down the list: the cases are due within forty days."""
    half_way = datetime.now(UTC) + timedelta(days=25)
    return Place((half_way.date(), 1, half_way, UUID(int=0))).token()


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
