"""Behind a proxy that compresses, a version is still that version: what nginx and Caddy make of an ETag comes back in If-Match."""

import gzip
from collections.abc import Callable

import httpx
import pytest

from tests.support.partners import MINE, Network
from tests.support.serving import BASE, SyncTransport


def nginx(tag: str) -> str:
    """The gzip filter of nginx makes a strong tag weak."""
    return f"W/{tag}"


def caddy(tag: str) -> str:
    """The encode handler of Caddy writes the encoding into the tag."""
    return f'{tag[:-1]}-gzip"'


class Proxy(httpx.BaseTransport):
    """Compresses what comes back, and rewrites the tag as this proxy does; sends on what it is sent."""

    def __init__(self, inner: httpx.BaseTransport, rewritten: Callable[[str], str]) -> None:
        self.inner, self.rewritten = inner, rewritten

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self.inner.handle_request(request)
        body, headers = answer.read(), dict(answer.headers)
        if "etag" in headers and body:
            headers |= {"etag": self.rewritten(headers["etag"]), "content-encoding": "gzip"}
            body = gzip.compress(body)
        return httpx.Response(answer.status_code, headers=headers, content=body)


@pytest.mark.parametrize("rewritten", [nginx, caddy])
def test_the_tag_of_a_compressed_answer_is_the_version_that_was_seen(network: Network, rewritten: Callable[[str], str]):
    referral, token = network.offer(), network.token(MINE)
    authorization = {"Authorization": f"Bearer {token}"}
    with httpx.Client(
        transport=Proxy(SyncTransport(network.http), rewritten), base_url=BASE, headers=authorization
    ) as client:
        seen = client.get(f"/v1/referrals/{referral}")
        tag = seen.headers["etag"]
        assert tag != f'"{seen.json()["version"]}"', "the proxy has rewritten it"
        path = f"/v1/referrals/{referral}"
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
        given = {"If-Match": tag, "Idempotency-Key": "a-key-of-this-test"}
        accepted = client.post(f"{path}/actions/accept", headers=given)
        assert (accepted.status_code, accepted.json()["state"]) == (200, "accepted")
        again = client.post(f"{path}/actions/start", headers={**given, "Idempotency-Key": "another-key-of-it"})
        assert again.status_code == 412, "an old version is an old one, however its tag is written"
